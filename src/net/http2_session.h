#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "net/connection.h"
#include "net/http2_frames.h"
#include "net/signal.h"

namespace cumulet::net {

class Http2Stream;

/// HTTP/2 on one connection. One task reads frames (run), one writes when the socket is full (write_rest), and each
/// request has its own (Http2Stream). What is read and not yet used is bounded by the windows that we give, what waits
/// to be sent by a piece of a body for each stream.
class Http2Session final : private Connection::Watcher, private Http2Frames::Events {
 public:
  explicit Http2Session(Connection& connection);
  ~Http2Session() override;
  Http2Session(const Http2Session&) = delete;
  Http2Session& operator=(const Http2Session&) = delete;

  /// Until the connection has ended, and every handler with it. Begins with what the connection's buffer holds.
  Task<void> run();

  // For streams:
  Connection& connection() { return connection_; }
  const Limits& limits() const { return connection_.context().limits; }
  ServerMetrics& metrics() { return connection_.context().metrics; }
  Http2Frames& frames() { return frames_; }
  /// Sends what is ready, or sees to it that it is sent.
  void flush();

 private:
  Task<void> read_frames();
  void take_buffered();
  void start_requests();
  void stream_ended(std::int32_t id);
  Transport::Kind write_now();
  Task<void> write_rest(Transport::Kind need);
  void written();
  void say_goodbye(Http2Error reason);
  void close_streams();
  Http2Stream* find(std::int32_t id);

  // Connection::Watcher
  void tick(SteadyTime now) override;
  void retire() override;

  // Http2Frames::Events
  void request_begins(std::int32_t stream) override;
  void field(std::int32_t stream, std::string_view name, std::string_view value) override;
  void head_complete(std::int32_t stream) override;
  void data(std::int32_t stream, std::string_view bytes) override;
  void body_ends(std::int32_t stream) override;
  void stream_closed(std::int32_t stream) override;
  Http2Frames::Piece pull(std::int32_t stream, char* to, std::size_t size) override;

  Connection& connection_;
  Http2Frames frames_;
  std::unordered_map<std::int32_t, std::unique_ptr<Http2Stream>> streams_;  ///< Until their tasks have ended.
  std::vector<std::int32_t> complete_heads_;
  std::string out_;  ///< Frames; what has been sent of them stays until all is.
  std::size_t out_sent_ = 0;
  bool batching_ = false;  ///< A flush follows.
  bool writing_ = false;
  bool lingering_ = false;  ///< Our last word is sent; what still comes is dropped.
  bool shutting_down_ = false;
  std::size_t running_ = 0;  ///< Requests whose task has not ended.
  Signal task_ended_;
  SteadyTime idle_since_;
  SteadyTime write_since_;
  SteadyTime head_since_ = SteadyTime::max();
  SteadyTime linger_until_ = SteadyTime::max();
};

}  // namespace cumulet::net
