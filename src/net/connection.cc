#include "net/connection.h"

#include <cerrno>

#include <sys/socket.h>

#include "base/log.h"
#include "net/http1_session.h"
#include "net/http2_session.h"
#include "net/tls.h"

namespace cumulet::net {

ServerMetrics::ServerMetrics()
    : connections(Metrics::instance().gauge("cumulet_http_connections")),
      connections_over_limit(Metrics::instance().counter("cumulet_http_connections_over_limit_total")),
      handshakes_failed(Metrics::instance().counter("cumulet_tls_handshakes_failed_total")),
      requests(Metrics::instance().counter("cumulet_http_requests_total")),
      bytes_received(Metrics::instance().counter("cumulet_http_received_bytes_total")),
      bytes_sent(Metrics::instance().counter("cumulet_http_sent_bytes_total")),
      http2_connections(Metrics::instance().counter("cumulet_http2_connections_total")),
      http2_protocol_errors(Metrics::instance().counter("cumulet_http2_protocol_errors_total")) {
  for (std::size_t i = 0; i < refused_.size(); ++i) {
    const std::string name(describe(static_cast<Refusal>(i)).name);
    refused_[i] = &Metrics::instance().counter("cumulet_http_refused_total", {{"reason", name}});
  }
}

Connection::Connection(IoLoop& loop, int socket, std::string remote_address, const Origin& origin,
                       std::shared_ptr<ServerContext> context)
    : socket_(loop, socket), remote_address_(std::move(remote_address)), origin_(origin), context_(std::move(context)) {
  context_->metrics.connections.add(1);
  if (origin_.front) ++context_->front_connections;
  if (origin_.open) ++*origin_.open;
}

Connection::~Connection() {
  context_->metrics.connections.add(-1);
  if (origin_.front) --context_->front_connections;
  if (origin_.open) --*origin_.open;
}

void replace_failure(const Request& request, Result<Response>& result) {
  if (result.ok() && result->status >= 200 && result->status <= 999) return;
  log::error("a handler failed", {{"method", request.method},
                                  {"path", request.path},
                                  {"reason", result.ok() ? "no final status" : result.error().message()}});
  result = Response(500, "text/plain; charset=utf-8", "Internal failure.\n");
}

std::optional<std::uint64_t> body_size(const Response& response) {
  if (const auto* const text = std::get_if<std::string>(&response.body)) return text->size();
  const auto& source = std::get<std::unique_ptr<BodySource>>(response.body);
  return source == nullptr ? 0 : source->size();
}

void Connection::tick(SteadyTime now) {
  if (watcher_ != nullptr) return watcher_->tick(now);
  if (idle_) buffer_.release();
  if (now < deadline_) return;
  expired_ = true;
  socket_.cancel();
}

void Connection::retire() {
  if (watcher_ != nullptr) return watcher_->retire();
  if (idle_) socket_.cancel();
}

void Connection::kill() {
  if (socket_.open()) ::shutdown(socket_.fd(), SHUT_RDWR);
  socket_.cancel();
}

Transport::Outcome Connection::receive(char* to, std::size_t size) {
  const Transport::Outcome outcome = transport_->read(to, size);
  if (outcome.kind == Transport::Kind::kDone) context_->metrics.bytes_received.add(outcome.bytes);
  // TLS may hold decrypted bytes that no readiness tells of.
  drained_ = !transport_->secure() && outcome.bytes < size;
  return outcome;
}

Task<void> Connection::run() {
  set_deadline(std::chrono::seconds(context_->limits.keep_alive_seconds));
  if (!co_await choose_transport()) co_return;
  bool http2 = transport_->speaks_http2();
  if (!http2) http2 = co_await run_http1();
  if (http2) {
    Http2Session session(*this);
    co_await session.run();
  }
  socket_.close();
}

/// HTTP/1.x to the end of the connection; true when the other side turns out to speak HTTP/2. A task by itself, so that
/// a connection of HTTP/2 does not keep what only HTTP/1.x needs.
Task<bool> Connection::run_http1() {
  Http1Session session(*this);
  const Http1Session::End end = co_await session.run();
  co_return end == Http1Session::End::kHttp2;
}

/// TLS or plain, by the first byte: a TLS record of a handshake begins with 0x16, no HTTP request does.
Task<bool> Connection::choose_transport() {
  if (context_->tls != nullptr) {
    char first = 0;
    for (;;) {
      const ssize_t count = ::recv(socket_.fd(), &first, 1, MSG_PEEK);
      if (count == 1) break;
      if (count == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) co_return false;
      if (!co_await socket_.readable()) co_return false;
    }
    if (first == 0x16) {
      transport_ = make_tls_transport(*context_->tls, socket_.fd());
      const bool agreed = co_await handshake();
      if (!agreed) context_->metrics.handshakes_failed.add();
      co_return agreed;
    }
  }
  transport_ = std::make_unique<PlainTransport>(socket_.fd());
  co_return true;
}

Task<bool> Connection::handshake() {
  set_deadline(std::chrono::seconds(context_->limits.header_seconds));
  for (;;) {
    const Transport::Outcome outcome = transport_->handshake();
    if (outcome.kind == Transport::Kind::kDone) co_return true;
    if (outcome.kind != Transport::Kind::kNeedRead && outcome.kind != Transport::Kind::kNeedWrite) co_return false;
    if (!co_await wait(outcome.kind)) co_return false;
  }
}

}  // namespace cumulet::net
