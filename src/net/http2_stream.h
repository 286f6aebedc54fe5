#pragma once

#include <optional>
#include <string>

#include "net/http2_head.h"
#include "net/http2_session.h"

namespace cumulet::net {

/// One request on an HTTP/2 connection and its response.
class Http2Stream {
 public:
  Http2Stream(Http2Session& session, std::int32_t id) : session_(session), id_(id), head_(session.limits()) {}
  ~Http2Stream();
  Http2Stream(const Http2Stream&) = delete;
  Http2Stream& operator=(const Http2Stream&) = delete;

  /// From the complete head to the last byte of the response.
  Task<void> serve();
  void set_running() { running_ = true; }
  bool running() const { return running_; }

  // What the frames bring:
  void field(std::string_view name, std::string_view value) { head_.add(name, value); }
  void data(std::string_view bytes);
  void body_ends();
  Http2Frames::Piece pull(char* to, std::size_t size);
  /// Nothing more can be sent or received.
  void close();

  void tick(SteadyTime now);

 private:
  class Source;

  Task<std::string> read();
  Error fail_with(std::string code, int status, std::string message);
  Task<bool> send(Response& response, bool head_only);
  Task<bool> send_source(BodySource& source, const Response& response, std::optional<std::uint64_t> size);
  Task<bool> all_pulled();
  bool being_pulled() const { return pulled_ < piece_.size() || (last_piece_ && !ended_); }
  void offer(std::string piece, bool last);
  Task<void> drop_rest();

  Http2Session& session_;
  const std::int32_t id_;
  Http2Head head_;
  Request request_;
  Framing framing_;
  bool running_ = false;
  bool closed_ = false;

  // The request's body.
  Source* source_ = nullptr;
  std::string received_;  ///< Not read yet; the stream's window bounds it.
  std::uint64_t taken_ = 0;
  bool body_ended_ = false;
  bool continue_owed_ = false;
  bool dropping_ = false;
  std::uint64_t dropped_ = 0;
  std::optional<Error> error_;
  Signal arrived_;
  SteadyTime read_until_ = SteadyTime::max();
  bool read_expired_ = false;

  // The response.
  bool responded_ = false;
  std::string piece_;  ///< What of the body is being sent.
  std::size_t pulled_ = 0;
  bool last_piece_ = false;
  bool ended_ = false;  ///< With the end of the last piece.
  Signal pulled_all_;
  SteadyTime pulled_at_;
};

}  // namespace cumulet::net
