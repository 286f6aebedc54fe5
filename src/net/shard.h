#pragma once

#include <cstdint>
#include <functional>
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
  void add_listener(int socket, Origin origin);
  /// Closes the listener and its connections; handlers that are running end by themselves.
  void close_listener(std::uint64_t id);

  /// Closes the front's listeners and idle connections.
  void retire();
  /// Closes all connections of the front.
  void kill_front();
  /// Closes all listeners and connections.
  void kill();

 private:
  struct Listener;

  enum class Accepted : std::uint8_t { kAll, kSome, kFailed };

  Accepted accept_some(Listener& listener);
  Task<void> accept(std::shared_ptr<Listener> listener);
  void adopt(int socket, const Origin& origin, std::string remote_address);
  void close_listeners(const std::function<bool(const Origin&)>& which);
  void tick();

  IoLoop& loop_;
  std::shared_ptr<ServerContext> context_;
  std::map<std::uint64_t, std::shared_ptr<Listener>> listeners_;
  std::list<std::unique_ptr<Connection>> connections_;
  bool ticking_ = false;
  bool killed_ = false;
};

}  // namespace cumulet::net
