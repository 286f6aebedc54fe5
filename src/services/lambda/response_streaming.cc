#include "services/lambda/response_streaming.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "services/lambda/http_prelude.h"
#include "wire/event_stream.h"
#include "wire/json_writer.h"

namespace cumulet::lambda {
namespace {

using compute::InvocationResult;

/// A function that did not stream: its result in pieces of this size.
constexpr std::size_t kChunk = 128 * 1024;

Error function_error() {
  return Error("FunctionError", 502, "The function failed before it was done with its answer.");
}

class EventStream final : public BodySource {
 public:
  EventStream(StreamedInvocation invocation, std::optional<InvocationResult> whole, bool tail)
      : invocation_(std::move(invocation)), whole_(std::move(whole)), tail_(tail) {}
  ~EventStream() override { invocation_.stream->abandon(); }

  Task<std::string> read() override {
    if (pending_.empty() && !complete_) {
      const std::string piece = co_await next_piece();
      complete_ = piece.empty();
      if (complete_) {
        pending_ = co_await completion();
      } else {
        pending_ = wire::event("PayloadChunk", "application/octet-stream", piece);
      }
    }
    std::string sent = pending_.substr(0, kPiece);
    pending_.erase(0, sent.size());
    co_return sent;
  }

 private:
  Task<std::string> next_piece() {
    if (!whole_) co_return co_await invocation_.stream->read();
    std::string piece = whole_->payload.substr(given_, kChunk);
    given_ += piece.size();
    co_return piece;
  }

  Task<std::string> completion() {
    Result<InvocationResult> result = InvocationResult();
    if (whole_) {
      result = std::move(*whole_);
    } else {
      result = co_await attempt(invocation_.done.wait());
    }
    wire::JsonWriter json;
    json.begin_object();
    if (!result) {
      json.key("ErrorCode").string(result.error().code()).key("ErrorDetails").string(result.error().message());
    } else if (!result->function_error.empty()) {
      json.key("ErrorCode").string(result->function_error).key("ErrorDetails").string(result->payload);
    }
    if (result && tail_) json.key("LogResult").string(base64_encode(result->log_tail));
    json.end_object();
    co_return wire::event("InvokeComplete", "application/json", json.take());
  }

  const StreamedInvocation invocation_;
  std::optional<InvocationResult> whole_;
  const bool tail_;
  std::size_t given_ = 0;
  bool complete_ = false;
  std::string pending_;
};

/// What is left of a streamed answer after its beginning. A function that fails midway cuts the connection: that is all
/// that HTTP can say by then.
class HttpStream final : public BodySource {
 public:
  HttpStream(std::shared_ptr<compute::ResponseStream> stream, std::string first)
      : stream_(std::move(stream)), first_(std::move(first)) {}
  ~HttpStream() override { stream_->abandon(); }

  Task<std::string> read() override {
    if (!first_.empty()) co_return std::exchange(first_, {});
    std::string piece = co_await stream_->read();
    if (piece.empty() && stream_->how_ended().failed()) co_return function_error();
    co_return piece;
  }

 private:
  const std::shared_ptr<compute::ResponseStream> stream_;
  std::string first_;
};

/// The result of a function that did not stream goes out as it is.
net::Response whole_response(InvocationResult result) {
  net::Response response(200);
  response.headers.add("Content-Type", "application/json");
  response.body = std::move(result.payload);
  return response;
}

}  // namespace

std::shared_ptr<BodySource> make_event_stream(StreamedInvocation invocation, std::optional<InvocationResult> whole,
                                              bool tail) {
  return std::make_shared<EventStream>(std::move(invocation), std::move(whole), tail);
}

Task<net::Response> make_http_stream(StreamedInvocation invocation) {
  const bool streams = co_await invocation.stream->begun();
  if (!streams) {
    InvocationResult result = co_await invocation.done.wait();
    if (!result.function_error.empty()) co_return function_error();
    co_return whole_response(std::move(result));
  }
  const std::string type = invocation.stream->content_type();
  const bool has_prelude = type == kHttpIntegrationType;
  HttpPrelude prelude;
  std::string first;
  HttpPrelude::Progress progress = HttpPrelude::Progress::kMore;
  do {
    first = co_await invocation.stream->read();
    if (first.empty()) break;
    if (has_prelude) progress = prelude.take(first);
  } while (has_prelude && progress == HttpPrelude::Progress::kMore);
  if (first.empty() && invocation.stream->how_ended().failed()) co_return function_error();
  if (has_prelude && progress != HttpPrelude::Progress::kWhole) {
    invocation.stream->abandon();
    co_return Error("MalformedResponse", 502, "The streamed response has no prelude.");
  }
  net::Response response(200);
  if (has_prelude) {
    response = std::move(prelude.response());
    first = std::move(prelude.rest());
  } else {
    response.headers.add("Content-Type", type.empty() ? "application/octet-stream" : type);
  }
  response.body = std::make_unique<HttpStream>(invocation.stream, std::move(first));
  co_return response;
}

}  // namespace cumulet::lambda
