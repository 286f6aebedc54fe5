#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>

#include "net/connection.h"
#include "net/io_loop.h"

namespace cumulet::net {

/// A server's listeners and connections on one loop. Used on that loop's thread only. A shard lives until the last of
/// its tasks has ended: they hold it.
class Shard : public std::enable_shared_from_this<Shard> {
 public:
  Shard(IoLoop& loop, std::shared_ptr<ServerContext> context) : loop_(loop), context_(std::move(context)) {}

  IoLoop& loop() { return loop_; }

  /// Accepts from a listening socket, which it takes.
  void add_listener(std::uint64_t id, int socket, std::shared_ptr<const Handler> handler);
  /// Closes the listener and its connections; handlers that are running end by themselves.
  void close_listener(std::uint64_t id);

  /// Stops accepting and closes idle connections.
  void retire();
  /// Closes all connections.
  void kill();

 private:
  struct Listener;

  Task<void> accept(std::shared_ptr<Listener> listener);
  void adopt(int socket, const Listener& listener, std::string remote_address);
  void tick();

  IoLoop& loop_;
  std::shared_ptr<ServerContext> context_;
  std::map<std::uint64_t, std::shared_ptr<Listener>> listeners_;
  std::list<std::unique_ptr<Connection>> connections_;
  bool ticking_ = false;
};

}  // namespace cumulet::net
