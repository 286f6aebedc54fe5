#pragma once

#include "net/connection.h"
#include "net/http1_body.h"
#include "net/http1_head.h"
#include "net/http1_writer.h"

namespace cumulet::net {

/// HTTP/1.x on one connection: requests one after the other (pipelined ones wait in the buffer), each with its body as
/// the handler pulls it.
class Http1Session {
 public:
  explicit Http1Session(Connection& connection)
      : connection_(connection), parser_(connection.context().limits), body_(connection), writer_(connection) {}

  /// Until the connection has ended, or its first bytes turn out to be HTTP/2's preface: they are then still in the
  /// buffer, and nothing was sent.
  enum class End : std::uint8_t { kClosed, kHttp2 };
  Task<End> run();

 private:
  enum class After : std::uint8_t { kNext, kClose, kLinger, kHttp2 };

  Task<bool> read_head();
  Task<After> serve_request();
  Task<After> refuse(Refusal refusal);
  Task<void> linger();

  const Limits& limits() const { return connection_.context().limits; }
  ServerMetrics& metrics() { return connection_.context().metrics; }

  Connection& connection_;
  HeadParser parser_;
  IncomingBody body_;
  ResponseWriter writer_;
  bool first_ = true;
};

}  // namespace cumulet::net
