#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "net/connection.h"
#include "net/http1_chunked.h"
#include "net/http1_head.h"

namespace cumulet::net {

/// The body of the request at hand on an HTTP/1.x connection: nothing of it is received before somebody reads it,
/// beyond what came along with the head.
class IncomingBody {
 public:
  explicit IncomingBody(Connection& connection) : connection_(connection) {}
  ~IncomingBody() { end(); }
  IncomingBody(const IncomingBody&) = delete;
  IncomingBody& operator=(const IncomingBody&) = delete;

  /// A request begins; gives the source that its handler reads.
  std::unique_ptr<BodySource> begin(const Framing& framing);
  /// The request is over: a source that somebody kept gives errors from now on.
  void end();
  /// From now on no "100 Continue" can be sent, because the response has begun.
  void response_begins() { response_begun_ = true; }

  /// The next piece; empty at the end. Errors: RequestTimeout (400), IncompleteBody (400), EntityTooLarge (413),
  /// BadRequest (400: chunks that are none).
  Task<std::string> read();
  /// Takes the rest, up to 256 KiB. False when there is more, or it cannot be had.
  Task<bool> discard();

  /// Of the trailer fields after a chunked body; empty when there is none of that name.
  std::string trailer(std::string_view name) const;

  bool done() const { return done_; }
  /// Whether it is worthwhile to keep the connection: the rest is here or small, and the client will send it.
  bool can_be_finished() const;

 private:
  class Source;

  std::string take_buffered();
  Task<bool> receive(std::string& piece);
  Task<bool> send_continue();
  Error fail_with(std::string code, int status, std::string message);
  void count(std::size_t bytes);

  Connection& connection_;
  Source* source_ = nullptr;
  Framing framing_;
  ChunkedDecoder decoder_;
  std::uint64_t left_ = 0;  ///< Of a body whose length is known.
  std::uint64_t taken_ = 0;
  std::size_t piece_size_ = 0;
  bool done_ = true;
  bool continue_owed_ = false;
  bool response_begun_ = false;
  std::optional<Error> error_;
};

}  // namespace cumulet::net
