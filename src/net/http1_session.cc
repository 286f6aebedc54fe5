#include "net/http1_session.h"

#include <string_view>

#include "base/log.h"
#include "net/yield.h"

namespace cumulet::net {
namespace {

constexpr std::size_t kReadSize = 4 * 1024;
/// So many requests in a row without a wait, and other connections get their turn.
constexpr int kRequestsInARow = 16;
constexpr std::size_t kLingerBytes = 256 * 1024;
constexpr std::chrono::seconds kLingerTime{2};
/// What looks like a request of a version that does not exist is how a client says that it knows us to speak HTTP/2.
constexpr std::string_view kHttp2Preface = "PRI * HTTP/2.0\r\n\r\n";

}  // namespace

Task<Http1Session::End> Http1Session::run() {
  int in_a_row = 0;
  After after = After::kNext;
  while (after == After::kNext) {
    if (++in_a_row % kRequestsInARow == 0) co_await Yield();
    if (co_await read_head()) {
      after = co_await serve_request();
    } else if (parser_.refusal() != Refusal::kNone) {
      after = co_await refuse(parser_.refusal());
    } else {
      after = After::kClose;
    }
  }
  if (after == After::kHttp2) co_return End::kHttp2;
  connection_.transport().finish();
  if (after == After::kLinger) co_await linger();
  co_return End::kClosed;
}

/// Receives until a head is complete. False when there is none to come: the connection ended, or the parser refused.
Task<bool> Http1Session::read_head() {
  ReceiveBuffer& buffer = connection_.buffer();
  parser_.reset();
  bool begun = false;
  connection_.set_deadline(std::chrono::seconds(limits().keep_alive_seconds));
  for (;;) {
    if (!buffer.empty()) {
      if (!begun) {
        begun = true;
        connection_.set_idle(false);
        connection_.set_deadline(std::chrono::seconds(limits().header_seconds));
      }
      const HeadParser::Progress progress = parser_.scan(buffer.view());
      if (progress != HeadParser::Progress::kMore) co_return progress == HeadParser::Progress::kComplete;
    }

    Transport::Kind kind = Transport::Kind::kNeedRead;
    if (!connection_.drained()) {
      char* const room = buffer.room(kReadSize);
      const Transport::Outcome outcome = connection_.receive(room, buffer.room_size());
      if (outcome.kind == Transport::Kind::kDone) {
        buffer.commit(outcome.bytes);
        continue;
      }
      kind = outcome.kind;
      if (kind != Transport::Kind::kNeedRead && kind != Transport::Kind::kNeedWrite) co_return false;
    }
    if (!begun && connection_.draining()) co_return false;
    if (!begun) connection_.set_idle(true);
    if (!co_await connection_.wait(kind)) {
      if (begun && connection_.expired()) parser_.time_out();
      // Woken to drain: one last look whether a request has come.
      if (begun || !connection_.draining()) co_return false;
    }
  }
}

Task<Http1Session::After> Http1Session::serve_request() {
  Request request;
  Framing framing;
  const Refusal refusal = parser_.parse(connection_.buffer().view(), request, framing);
  if (refusal != Refusal::kNone) {
    const bool preface =
        first_ && refusal == Refusal::kVersion && connection_.buffer().view().starts_with(kHttp2Preface);
    if (preface) co_return After::kHttp2;
    co_return co_await refuse(refusal);
  }
  first_ = false;
  connection_.buffer().consume(parser_.size());
  connection_.clear_deadline();
  metrics().requests.add();
  request.body = body_.begin(framing);
  request.secure = connection_.transport().secure();
  request.remote_address = connection_.remote_address();

  Task<Response> answer = connection_.handler()(request);
  Result<Response> result = co_await attempt(std::move(answer));
  replace_failure(request, result);

  ResponseWriter::Context context;
  context.head_only = request.method == "HEAD";
  context.http10 = framing.http10;
  context.keep_alive = framing.keep_alive && !connection_.draining() && body_.can_be_finished();
  context.more_follows = body_.done() && !connection_.buffer().empty();
  body_.response_begins();
  const bool sent = co_await writer_.send(*result, context);
  if (!sent) co_return After::kClose;
  if (context.keep_alive && co_await body_.discard()) co_return After::kNext;
  co_return body_.done() ? After::kClose : After::kLinger;
}

/// Answers what cannot be served, and gives the connection up: where the next request would begin is not known.
Task<Http1Session::After> Http1Session::refuse(Refusal refusal) {
  const RefusalText text = describe(refusal);
  metrics().refused(refusal).add();
  log::debug("request refused", {{"reason", std::string(text.name)}, {"from", connection_.remote_address()}});
  Response response(text.status, "text/plain; charset=utf-8", std::string(text.sentence) + "\n");
  ResponseWriter::Context context;
  context.keep_alive = false;
  const bool sent = co_await writer_.send(response, context);
  co_return sent ? After::kLinger : After::kClose;
}

/// After our last word: takes what the other side is still sending, for a while, because closing on unread bytes would
/// reset the connection and the answer might be lost.
Task<void> Http1Session::linger() {
  ReceiveBuffer& buffer = connection_.buffer();
  connection_.set_deadline(kLingerTime);
  std::size_t taken = 0;
  for (;;) {
    taken += buffer.view().size();
    buffer.consume(buffer.view().size());
    if (taken > kLingerBytes) co_return;
    char* const room = buffer.room(kReadSize);
    const Transport::Outcome outcome = connection_.receive(room, buffer.room_size());
    if (outcome.kind == Transport::Kind::kDone) {
      buffer.commit(outcome.bytes);
    } else if (outcome.kind != Transport::Kind::kNeedRead || !co_await connection_.wait(outcome.kind)) {
      co_return;
    }
  }
}

}  // namespace cumulet::net
