#include "base/digest.h"
#include "base/ids.h"
#include "base/text.h"
#include "events/http_event.h"
#include "services/lambda/http_prelude.h"
#include "services/lambda/lambda.h"
#include "services/lambda/permission.h"
#include "wire/json_writer.h"

/// Function URLs, and the download of packages that GetFunction hands out.
/// https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
namespace cumulet::lambda {
namespace {

namespace api = wire::lambda;
using storage::Transaction;

constexpr std::uint64_t kBodyLimit = 6291456;
constexpr std::string_view kCodePath = "/_cumulet/lambda/code/";
constexpr seconds kCodeLocationLife{600};

net::Response message(int status, const std::string& text) {
  return net::Response(status, "application/json", "{\"Message\":\"" + json_escape(text) + "\"}");
}

net::Response forbidden() {
  net::Response response = message(403,
                                   "Forbidden. For troubleshooting Function URL authorization issues, see: "
                                   "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html");
  response.headers.set("x-amzn-ErrorType", "AccessDeniedException");
  return response;
}

/// A signature that is wrong.
net::Response refused(const Error& error) {
  net::Response response = message(error.http_status() == 413 ? 413 : 403, error.message());
  response.headers.set("x-amzn-ErrorType", error.code());
  return response;
}

/// Who signed, as the event says it.
std::string authorizer_of(const wire::Caller& caller) {
  wire::JsonWriter json;
  json.begin_object().key("iam").begin_object();
  json.key("accessKey").string(caller.access_key_id);
  json.key("accountId").string(caller.account);
  json.key("callerId").string(caller.unique_id);
  json.key("cognitoIdentity").null();
  json.key("principalOrgId").null();
  json.key("userArn").string(caller.arn);
  json.key("userId").string(caller.unique_id);
  json.end_object().end_object();
  return json.take();
}

net::Response server_error() { return net::Response(502, "application/json", "Internal Server Error"); }

/// The first label of ID.lambda-url.REGION.…; empty when the host is no such name.
std::string_view url_id(std::string_view host) {
  const std::size_t dot = host.find('.');
  if (dot == std::string_view::npos) return {};
  return host.substr(dot + 1).starts_with("lambda-url.") ? host.substr(0, dot) : std::string_view();
}

bool listed(const std::optional<std::vector<std::string>>& list, std::string_view value) {
  if (!list) return false;
  for (const std::string& entry : *list) {
    if (entry == "*" || iequals(entry, value)) return true;
    // http://*.example.com
    const std::size_t star = entry.find("*.");
    if (star != std::string::npos && value.starts_with(std::string_view(entry).substr(0, star)) &&
        value.ends_with(std::string_view(entry).substr(star + 1))) {
      return true;
    }
  }
  return false;
}

void add_list(net::Response& response, const char* header, const std::optional<std::vector<std::string>>& list) {
  if (list && !list->empty()) response.headers.set(header, join(*list, ","));
}

/// What the URL's own CORS configuration says of an answer; whatever the function set gives way.
void apply_cors(net::Response& response, const std::optional<api::Cors>& cors, std::string_view origin,
                bool preflight) {
  if (!cors || origin.empty() || !listed(cors->allow_origins, origin)) return;
  const bool any = cors->allow_origins->size() == 1 && cors->allow_origins->front() == "*";
  const bool credentials = cors->allow_credentials.value_or(false);
  response.headers.set("Access-Control-Allow-Origin", any && !credentials ? "*" : std::string(origin));
  response.headers.set("Vary", "Origin");
  if (credentials) response.headers.set("Access-Control-Allow-Credentials", "true");
  add_list(response, "Access-Control-Expose-Headers", cors->expose_headers);
  if (!preflight) return;
  add_list(response, "Access-Control-Allow-Methods", cors->allow_methods);
  add_list(response, "Access-Control-Allow-Headers", cors->allow_headers);
  if (cors->max_age) response.headers.set("Access-Control-Max-Age", std::to_string(*cors->max_age));
}

/// The answer as a whole. A handler that streams says in its content type how its result is to be read.
Result<net::Response> response_of(compute::InvocationResult result) {
  if (result.content_type == kHttpIntegrationType) {
    HttpPrelude prelude;
    if (prelude.take(result.payload) != HttpPrelude::Progress::kWhole) return Error("MalformedResponse", 502, "");
    net::Response response = std::move(prelude.response());
    response.body = std::move(prelude.rest());
    return response;
  }
  Result<net::Response> response = events::http_response_v2(result.payload);
  if (!response && !result.content_type.empty()) {
    return net::Response(200, std::move(result.content_type), std::move(result.payload));
  }
  return response;
}

}  // namespace

std::string Lambda::code_location(const Call& call, const std::string& blob) const {
  const std::string until = std::to_string(clock_.now_seconds() + kCodeLocationLife.count());
  return call.endpoint + std::string(kCodePath) + blob + "?Expires=" + until +
         "&Signature=" + hex_encode(hmac_sha256(location_key_, blob + "\n" + until));
}

Task<net::Response> Lambda::answer_code(const net::Request& request) {
  const std::string blob = request.path.substr(kCodePath.size());
  std::string until;
  std::string signature;
  for (const auto& [name, value] : request.query_parameters()) {
    if (name == "Expires") until = value;
    if (name == "Signature") signature = value;
  }
  const auto time = parse_int(until);
  const std::string expected = hex_encode(hmac_sha256(location_key_, blob + "\n" + until));
  if (!time || *time < clock_.now_seconds() || !equal_constant_time(expected, signature)) {
    co_return message(403, "Request has expired");
  }
  const std::uint64_t size = co_await blobs_.size(blob);
  net::Response response(200);
  response.headers.set("Content-Type", "application/zip");
  response.body = co_await blobs_.open(blob, 0, size);
  co_return response;
}

bool Lambda::owns(const net::Request& request) const {
  return !url_id(request.host).empty() || request.path.starts_with(kCodePath);
}

Task<net::Response> Lambda::answer(net::Request& request, std::string request_id) {
  Result<net::Response> response(message(500, "Internal Server Error"));
  if (url_id(request.host).empty()) {
    response = co_await attempt(answer_code(request));
  } else {
    response = co_await attempt(answer_url(request, request_id));
  }
  if (!response) {
    const Error& error = response.error();
    const int status = error.http_status();
    if (status >= 500) co_return server_error();
    co_return message(status, error.message());
  }
  response->headers.set("x-amzn-RequestId", request_id);
  co_return std::move(*response);
}

Task<net::Response> Lambda::answer_url(net::Request& request, std::string request_id) {
  const std::string id(url_id(request.host));
  std::optional<UrlTarget> target;
  std::optional<UrlRow> url;
  const auto read = [&](Transaction& txn) -> Task<void> {
    target = co_await find_url_target(txn, id);
    if (!target) co_return;
    const Store store(target->account, target->region);
    url = co_await store.find_url(txn, target->name, target->qualifier);
  };
  co_await storage::transact(database_, read);
  if (!url) co_return forbidden();
  const std::string origin(request.headers.get("Origin"));
  if (url->config.cors && request.method == "OPTIONS" && request.headers.has("Access-Control-Request-Method")) {
    net::Response response(200);
    apply_cors(response, url->config.cors, origin, true);
    co_return response;
  }
  net::Response response = co_await call_url(request, id, *target, *url, request_id);
  apply_cors(response, url->config.cors, origin, false);
  co_return response;
}

Task<net::Response> Lambda::call_url(net::Request& request, std::string id, UrlTarget target, UrlRow url,
                                     std::string request_id) {
  std::optional<wire::Caller> caller;
  if (url.config.auth_type == "AWS_IAM") {
    if (options_.authenticator == nullptr) co_return forbidden();
    access::Audience audience(api::model());
    audience.allows_anonymous = true;
    audience.body_limit = kBodyLimit;
    Result<wire::Caller> signer = co_await attempt(options_.authenticator->authenticate(request, audience));
    if (!signer) co_return refused(signer.error());
    if (signer->anonymous) co_return forbidden();
    caller = std::move(*signer);
  }
  FunctionName name(target.account, target.region, target.name);
  if (!target.qualifier.empty()) name.qualifier = target.qualifier;
  const Runnable function = co_await runnable(name);
  const bool checked = caller || options_.services_need_permission;
  if (checked && !url_permitted(*function.policy, function.arn, target.account, caller)) co_return forbidden();
  Result<std::string> body =
      co_await attempt(read_all(*request.body, kBodyLimit, Error("RequestTooLarge", 413, "Request Entity Too Large")));
  if (!body) co_return message(body.error().http_status() == 413 ? 413 : 400, body.error().message());

  events::HttpEventContext context;
  context.account = target.account;
  context.api_id = id;
  context.domain_name = request.host;
  context.domain_prefix = id;
  context.request_id = request_id;
  context.path = request.path;
  context.time = clock_.now();
  if (caller) context.authorizer = authorizer_of(*caller);
  compute::Invocation invocation;
  invocation.request_id = request_id;
  invocation.payload = events::http_event_v2(request, *body, context);
  std::optional<Result<net::Response>> response;
  if (url.config.invoke_mode == "RESPONSE_STREAM") {
    const StreamedInvocation under_way = begin_streaming(function, std::move(invocation));
    response = co_await attempt(make_http_stream(under_way));
  } else {
    Result<compute::InvocationResult> result = co_await attempt(run(function, std::move(invocation)));
    if (!result) {
      response = std::move(result).error();
    } else if (result->function_error.empty()) {
      response = response_of(std::move(*result));
    }
  }
  if (response && !response->ok() && response->error().http_status() == 429) co_return message(429, "Rate Exceeded.");
  if (!response || !response->ok()) co_return server_error();
  co_return std::move(**response);
}

}  // namespace cumulet::lambda
