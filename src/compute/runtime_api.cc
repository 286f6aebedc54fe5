#include "compute/runtime_api.h"

#include "base/text.h"
#include "compute/code_cache.h"
#include "compute/environment_variables.h"
#include "compute/extensions/extensions_api.h"
#include "compute/reports.h"
#include "net/trailers.h"

namespace cumulet::compute {
namespace {

constexpr std::string_view kPrefix = "/2018-06-01/";
constexpr const char* kJson = "application/json";
constexpr std::uint64_t kDiscardLimit = 64u << 20;  ///< Of a response that is too large anyway, this much is read over.

net::Response problem(int status, const std::string& type, const std::string& message) {
  return net::Response(status, kJson, error_document(type, message));
}

net::Response reply(RuntimeSide::Verdict verdict) {
  switch (verdict) {
    case RuntimeSide::Verdict::kAccepted:
      return net::Response(202, kJson, "{\"status\":\"OK\"}\n");
    case RuntimeSide::Verdict::kInvalidId:
      return problem(400, "InvalidRequestID", "Invalid request ID");
    case RuntimeSide::Verdict::kInvalidState:
      break;
  }
  return problem(403, "InvalidStateTransition", "Transition from the current state is not allowed");
}

/// The whole body, or nothing when it is longer than a payload may be (then it was read to its end, within reason).
Task<std::optional<std::string>> read_payload(BodySource& body) {
  std::string payload;
  std::uint64_t seen = 0;
  if (const auto size = body.size(); size && *size <= kMaxPayload) payload.reserve(*size);
  while (true) {
    std::string piece = co_await body.read();
    if (piece.empty()) break;
    seen += piece.size();
    if (seen > kDiscardLimit) break;
    if (seen > kMaxPayload) {
      payload = {};
    } else if (payload.empty()) {
      payload = std::move(piece);
    } else {
      payload += piece;
    }
  }
  std::optional<std::string> result;
  if (seen <= kMaxPayload) result = std::move(payload);
  co_return result;
}

/// What the trailers of a streamed response say: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html
ResponseEnd ending_of(BodySource& body) {
  const auto* const trailers = dynamic_cast<const net::Trailers*>(&body);
  if (trailers == nullptr) return {};
  const std::string type = trailers->trailer("Lambda-Runtime-Function-Error-Type");
  if (type.empty()) return {};
  const std::optional<std::string> document = base64_decode(trailers->trailer("Lambda-Runtime-Function-Error-Body"));
  std::string known = checked_error_type(type, "Function.Unknown");
  std::string text = document && !document->empty() ? *document : error_document(known, "");
  return ResponseEnd(std::move(known), std::move(text));
}

/// Passes a streamed response on while it comes.
Task<net::Response> relay(std::shared_ptr<RuntimeSide> environment, net::Request& request, std::string id,
                          std::shared_ptr<ResponseStream> stream) {
  std::uint64_t size = 0;
  while (true) {
    Result<std::string> piece = co_await attempt(request.body->read());
    if (!piece) {
      environment->end_stream(id, ResponseEnd("Runtime.TruncatedResponse", truncated_document()), false);
      co_return problem(400, "TruncatedHTTPRequest", "HTTP request detected as truncated");
    }
    if (piece->empty()) break;
    size += piece->size();
    if (size > ResponseStream::kLimit) {
      environment->end_stream(
          id, ResponseEnd("Function.ResponseSizeTooLarge", too_large_document(ResponseStream::kLimit)), true);
      co_return problem(
          413, "RequestEntityTooLarge",
          "Exceeded maximum allowed payload size (" + std::to_string(ResponseStream::kLimit) + " bytes).");
    }
    const bool goes_on = co_await stream->write(std::move(*piece));
    if (!goes_on) co_return problem(400, "InvalidRequestID", "Invalid request ID");
  }
  environment->end_stream(id, ending_of(*request.body), true);
  co_return reply(RuntimeSide::Verdict::kAccepted);
}

Task<net::Response> take_response(std::shared_ptr<RuntimeSide> environment, net::Request& request, std::string id) {
  const RuntimeSide::Verdict verdict = environment->may_answer(id);
  if (verdict != RuntimeSide::Verdict::kAccepted) co_return reply(verdict);
  const std::string_view mode = request.headers.get("Lambda-Runtime-Function-Response-Mode");
  if (!mode.empty() && mode != "streaming") {
    co_return problem(400, "InvalidFunctionResponseMode", "Invalid Lambda-Runtime-Function-Response-Mode");
  }
  const std::string type(mode.empty() ? std::string_view() : request.headers.get("Content-Type"));
  if (!mode.empty()) {
    if (const std::shared_ptr<ResponseStream> stream = environment->begin_stream(type)) {
      co_return co_await relay(environment, request, id, stream);
    }
  }
  std::optional<std::string> payload = co_await read_payload(*request.body);
  const ResponseEnd end = ending_of(*request.body);
  if (payload && end.failed()) co_return reply(environment->failed(id, end.document, end.error_type));
  if (payload) co_return reply(environment->responded(id, std::move(*payload), type));
  environment->too_large(id);
  co_return problem(413, "RequestEntityTooLarge",
                    "Exceeded maximum allowed payload size (" + std::to_string(kMaxPayload) + " bytes).");
}

enum class About { kInitialisation, kRestore, kInvocation };

Task<net::Response> take_error(std::shared_ptr<RuntimeSide> environment, net::Request& request, About about,
                               std::string id) {
  const std::string type(request.headers.get("Lambda-Runtime-Function-Error-Type"));
  std::optional<std::string> document = co_await read_payload(*request.body);
  if (!document) document = too_large_document();
  if (about == About::kInitialisation) {
    co_return reply(environment->initialisation_failed(std::move(*document), type));
  }
  if (about == About::kRestore) co_return reply(environment->restore_failed(std::move(*document), type));
  co_return reply(environment->failed(id, std::move(*document), type));
}

}  // namespace

Task<net::Response> answer_runtime(std::shared_ptr<RuntimeSide> environment, net::Request& request) {
  std::string_view path = request.path;
  if (!path.starts_with(kPrefix)) {
    if (path == kCredentialsPath && request.method == "GET" && environment->snap_start()) {
      co_return co_await environment->credentials(std::string(request.headers.get("Authorization")));
    }
    if (is_extension_path(path)) co_return co_await answer_extension(environment, request);
    if (path == "/ping") co_return net::Response(200, "text/plain", "pong");
    co_return problem(404, "NotFound", "404 page not found");
  }
  if (CodeCacheUse::is_path(path)) {
    if (const std::shared_ptr<CodeCacheUse> cache = environment->code_cache())
      co_return co_await cache->answer(request);
  }
  path.remove_prefix(kPrefix.size());
  const bool get = request.method == "GET";
  if (!get && request.method != "POST") co_return problem(405, "MethodNotAllowed", "Method not allowed");
  if (get && path == "runtime/invocation/next") co_return co_await environment->next();
  if (get && path == "ping") co_return net::Response(200, "text/plain", "pong");
  if (!get && path == "runtime/init/error") {
    co_return co_await take_error(environment, request, About::kInitialisation, std::string());
  }
  if (environment->snap_start()) {
    if (get && path == "runtime/restore/next") co_return co_await environment->restore_next();
    if (!get && path == "runtime/restore/error") {
      co_return co_await take_error(environment, request, About::kRestore, std::string());
    }
  }
  constexpr std::string_view kInvocation = "runtime/invocation/";
  if (!get && path.starts_with(kInvocation)) {
    const std::string_view rest = path.substr(kInvocation.size());
    const std::size_t slash = rest.find('/');
    const std::string id(rest.substr(0, slash));
    const std::string_view what = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
    if (id.empty() || id.size() > 128) co_return problem(400, "InvalidRequestID", "Invalid request ID");
    if (what == "response") co_return co_await take_response(environment, request, id);
    if (what == "error") co_return co_await take_error(environment, request, About::kInvocation, id);
  }
  co_return problem(404, "NotFound", "404 page not found");
}

}  // namespace cumulet::compute
