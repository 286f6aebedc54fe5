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

  Task<void> run();

 private:
  enum class After : std::uint8_t { kNext, kClose, kLinger };

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
};

}  // namespace cumulet::net
