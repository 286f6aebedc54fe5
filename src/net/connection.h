#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/metrics.h"
#include "net/http1_head.h"
#include "net/io_loop.h"
#include "net/receive_buffer.h"
#include "net/server.h"
#include "net/transport.h"

namespace cumulet::net {

class TlsContexts;

/// What the server counts.
struct ServerMetrics {
  ServerMetrics();
  Counter& refused(Refusal refusal) { return *refused_[static_cast<std::size_t>(refusal)]; }

  Gauge& connections;
  Counter& connections_over_limit;
  Counter& handshakes_failed;
  Counter& requests;
  Counter& bytes_received;
  Counter& bytes_sent;
  Counter& http2_connections;
  Counter& http2_protocol_errors;

 private:
  std::array<Counter*, static_cast<std::size_t>(Refusal::kHeadTimeout) + 1> refused_{};
};

/// What all connections of a server share. Thread-safe.
struct ServerContext {
  explicit ServerContext(Limits l) : limits(l) {}

  const Limits limits;
  ServerMetrics metrics;
  std::shared_ptr<TlsContexts> tls;  ///< Null: plain only.
  std::atomic<bool> draining{false};

  std::atomic<std::size_t> connections{0};
  std::atomic<std::size_t> front_connections{0};  ///< Of the listeners that drain() waits for.
  std::mutex mutex;
  std::condition_variable connection_ended;
};

/// Where a connection came from: the listener's number, what answers it, and whether drain() waits for its requests.
struct Origin {
  std::uint64_t listener = 0;
  std::shared_ptr<const Handler> handler;
  bool front = true;
  std::shared_ptr<std::size_t> open;  ///< Connections of a listener of `serve`, which lives on one loop.
};

/// A handler must give a final status. Without one, what was meant as the answer becomes 500, and the log has the
/// reason.
void replace_failure(const Request& request, Result<Response>& result);

/// The body's length in bytes, when it is known.
std::optional<std::uint64_t> body_size(const Response& response);

/// One accepted connection, on one loop: its socket, its transport, its deadline. Which protocol is spoken on it is
/// decided in run().
class Connection {
 public:
  /// A session with many things under way at once keeps their deadlines by itself.
  class Watcher {
   public:
    virtual ~Watcher() = default;
    virtual void tick(SteadyTime now) = 0;
    virtual void retire() = 0;
  };

  Connection(IoLoop& loop, int socket, std::string remote_address, const Origin& origin,
             std::shared_ptr<ServerContext> context);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Serves it to its end. Nobody may destroy the connection before.
  Task<void> run();

  // For the shard, on the loop's thread:
  void tick(SteadyTime now);  ///< Ends a wait whose deadline has passed; gives back the memory of an idle connection.
  void retire();              ///< Wakes it if it is idle: while draining it ends, unless a request has just come.
  void kill();                ///< Closes it at once; a handler that is running goes on to its end.
  const Origin& origin() const { return origin_; }

  // For the session:
  ServerContext& context() { return *context_; }
  const Handler& handler() const { return *origin_.handler; }
  /// The request at hand is the last one.
  bool draining() const { return origin_.front && context_->draining; }
  const std::string& remote_address() const { return remote_address_; }
  /// Until when the next waits may last; none while a handler is at work.
  void set_deadline(std::chrono::seconds from_now) { deadline_ = coarse_now() + from_now; }
  void clear_deadline() { deadline_ = SteadyTime::max(); }
  /// Idle: nothing is lost if it is closed now.
  void set_idle(bool idle) { idle_ = idle; }
  bool expired() const { return expired_; }
  /// From now on `watcher` hears of time and draining instead; null: no more.
  void set_watcher(Watcher* watcher) { watcher_ = watcher; }
  ReceiveBuffer& buffer() { return buffer_; }
  Transport& transport() { return *transport_; }
  /// Reads what is there. Bytes go to `to`, not to the buffer.
  Transport::Outcome receive(char* to, std::size_t size);
  /// The last read took all there was: the next one would only find nothing, so wait first.
  bool drained() const { return drained_; }
  /// Waits for what the transport asked for; false when the connection has to end.
  Descriptor::Wait wait(Transport::Kind need) {
    if (need != Transport::Kind::kNeedWrite) drained_ = false;
    return need == Transport::Kind::kNeedWrite ? socket_.writable() : socket_.readable();
  }

 private:
  Task<bool> choose_transport();
  Task<bool> handshake();
  Task<bool> run_http1();

  Descriptor socket_;
  std::string remote_address_;
  const Origin origin_;
  std::shared_ptr<ServerContext> context_;
  std::unique_ptr<Transport> transport_;
  ReceiveBuffer buffer_;
  SteadyTime deadline_ = SteadyTime::max();
  bool idle_ = true;
  bool expired_ = false;
  bool drained_ = false;
  Watcher* watcher_ = nullptr;
};

}  // namespace cumulet::net
