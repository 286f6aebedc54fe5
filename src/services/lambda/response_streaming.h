#pragma once

#include <memory>
#include <optional>

#include "base/body.h"
#include "base/deferred.h"
#include "compute/engine.h"
#include "compute/response_stream.h"
#include "net/http.h"

/// Responses that reach the caller while the function is still at work: as the events of InvokeWithResponseStream, and
/// as the body of a function URL's answer.
/// https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html
namespace cumulet::lambda {

/// An invocation that runs, with what it streams. Copies mean the same one.
struct StreamedInvocation {
  std::shared_ptr<compute::ResponseStream> stream = std::make_shared<compute::ResponseStream>();
  Deferred<compute::InvocationResult> done;
};

/// PayloadChunk for each piece, and InvokeComplete. `whole` is the result of a function that did not stream; `tail`:
/// the end of the log is wanted.
std::shared_ptr<BodySource> make_event_stream(StreamedInvocation invocation,
                                              std::optional<compute::InvocationResult> whole, bool tail);

/// The HTTP response that a function streams, as soon as the first bytes of its body are there. Fails with the engine's
/// errors, and with FunctionError or MalformedResponse (502) when the function fails before.
Task<net::Response> make_http_stream(StreamedInvocation invocation);

}  // namespace cumulet::lambda
