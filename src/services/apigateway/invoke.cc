#include <algorithm>

#include "base/ids.h"
#include "base/log.h"
#include "base/text.h"
#include "events/http_event.h"
#include "services/apigateway/apigateway.h"
#include "services/apigateway/cors.h"
#include "services/apigateway/documents.h"
#include "services/apigateway/live_stage.h"
#include "services/apigateway/proxy.h"

namespace cumulet::apigateway {
namespace api = wire::apigatewayv2;

namespace {

constexpr std::uint64_t kBodyLimit = 10u << 20;
constexpr std::string_view kPathForm = "/_aws/execute-api/";
constexpr std::string_view kHostMark = ".execute-api.";

net::Response message(int status, std::string_view text) {
  return net::Response(status, "application/json", "{\"message\":\"" + std::string(text) + "\"}");
}

/// What an invoke URL names. In virtual-host form the stage is told from the path later: `stage` is empty then.
struct Target {
  std::string api_id;
  std::string stage;
  std::string path;  ///< Encoded, behind the API (and the stage in path form).
};

Target target_of(const net::Request& request) {
  Target target;
  const std::size_t mark = request.host.find(kHostMark);
  if (mark != std::string::npos) {
    target.api_id = request.host.substr(0, mark);
    target.path = request.path;
    return target;
  }
  const std::string_view rest = std::string_view(request.path).substr(kPathForm.size());
  const std::size_t api_end = std::min(rest.find('/'), rest.size());
  target.api_id = rest.substr(0, api_end);
  const std::string_view behind = api_end == rest.size() ? std::string_view() : rest.substr(api_end + 1);
  const std::size_t stage_end = std::min(behind.find('/'), behind.size());
  target.stage = uri_decode(behind.substr(0, stage_end)).value_or("");
  target.path = stage_end == behind.size() ? "/" : behind.substr(stage_end);
  return target;
}

/// "${stageVariables.name}" in an integration's URI.
std::string with_stage_variables(std::string uri, const Stage& stage) {
  constexpr std::string_view kOpen = "${stageVariables.";
  for (std::size_t at = uri.find(kOpen); at != std::string::npos; at = uri.find(kOpen, at)) {
    const std::size_t end = uri.find('}', at);
    if (end == std::string::npos) break;
    const std::string name = uri.substr(at + kOpen.size(), end - at - kOpen.size());
    std::string value;
    if (stage.stage_variables && stage.stage_variables->contains(name)) value = stage.stage_variables->at(name);
    uri.replace(at, end + 1 - at, value);
    at += value.size();
  }
  return uri;
}

/// The function that an integration's URI names: its ARN as it is, or the one inside
/// "arn:aws:apigateway:REGION:lambda:path/2015-03-31/functions/ARN/invocations".
std::string function_of(const std::string& uri) {
  constexpr std::string_view kOpen = "/functions/";
  constexpr std::string_view kClose = "/invocations";
  const std::size_t open = uri.find(kOpen);
  if (!uri.starts_with("arn:aws:apigateway:") || open == std::string::npos) return uri;
  std::string arn = uri.substr(open + kOpen.size());
  if (arn.ends_with(kClose)) arn.resize(arn.size() - kClose.size());
  return arn;
}

/// The end of the ARN that stands for a route in a function's policy: "GET/posts/{id}", "$default"; "*" is any method.
std::string source_of(const std::string& route_key) {
  const std::size_t space = route_key.find(' ');
  if (space == std::string::npos) return route_key;
  const std::string method = route_key.substr(0, space);
  return (method == "ANY" ? "*" : method) + route_key.substr(space + 1);
}

std::string resource_path(const Route& route) {
  const std::string key = route.route_key.value_or("$default");
  const std::size_t space = key.find(' ');
  return space == std::string::npos ? "/" + key : key.substr(space + 1);
}

}  // namespace

ApiGateway::ApiGateway(storage::Database& database, const Clock& clock, events::FunctionInvoker& functions,
                       net::Client& client)
    : database_(database),
      clock_(clock),
      functions_(functions),
      client_(client),
      service_(wire::apigatewayv2::model()) {
  register_apis();
  register_routes();
  register_integrations();
  register_stages();
  database_.on_commit(Store::prefix(), [this](std::string_view) { ++changes_; });
}

ApiGateway::~ApiGateway() = default;

bool ApiGateway::owns(const net::Request& request) const {
  return request.path.starts_with(kPathForm) || request.host.find(kHostMark) != std::string::npos;
}

Task<std::shared_ptr<const LiveStage>> ApiGateway::live_stage(std::string api_id, std::string stage) {
  const std::pair<std::string, std::string> key(api_id, stage);
  // Read before the rows: a change in between makes what is cached now stale, and it is read again.
  const std::uint64_t changes = changes_.load();
  {
    std::lock_guard lock(mutex_);
    if (cached_at_ != changes) {
      live_.clear();
      cached_at_ = changes;
    }
    const auto found = live_.find(key);
    if (found != live_.end()) co_return found->second;
  }
  const auto load = [this, &key](storage::Transaction& txn) { return load_stage(txn, key.first, key.second); };
  std::shared_ptr<const LiveStage> loaded = co_await storage::transact(database_, load);
  if (loaded) {
    std::lock_guard lock(mutex_);
    if (cached_at_ == changes) live_[key] = loaded;
  }
  co_return loaded;
}

Task<std::shared_ptr<const LiveStage>> ApiGateway::load_stage(storage::Transaction& txn, std::string api_id,
                                                              std::string stage) {
  const std::optional<ApiAddress> address = co_await Store::locate(txn, api_id);
  if (!address) co_return nullptr;
  const Store store(address->account, address->region);
  const std::optional<std::string> api_document = co_await store.find_api(txn, api_id);
  const std::optional<std::string> stage_document = co_await store.find(txn, api_id, Part::kStage, stage);
  if (!api_document || !stage_document) co_return nullptr;
  auto live = std::make_shared<LiveStage>();
  live->address = *address;
  if (metrics_ != nullptr) live->metrics = std::make_shared<const ApiMetrics>(*metrics_, *address, stage);
  live->api = co_await read_output<api::GetApi>(*api_document);
  live->stage = co_await read_output<api::GetStage>(*stage_document);
  if (live->stage.auto_deploy.value_or(false)) {
    const std::vector<std::string> routes = co_await store.list(txn, api_id, Part::kRoute, "", kPartLimit);
    const std::vector<std::string> integrations = co_await store.list(txn, api_id, Part::kIntegration, "", kPartLimit);
    co_await read_frozen(frozen_document(routes, integrations), *live);
  } else if (live->stage.deployment_id) {
    const std::optional<std::string> frozen = co_await store.find_frozen(txn, api_id, *live->stage.deployment_id);
    if (frozen) co_await read_frozen(*frozen, *live);
  }
  co_return live;
}

Task<net::Response> ApiGateway::answer(net::Request& request, std::string request_id) {
  const auto began = std::chrono::steady_clock::now();
  const Target target = target_of(request);
  std::string path = target.path;
  std::shared_ptr<const LiveStage> live;
  if (!target.stage.empty()) {
    live = co_await live_stage(target.api_id, target.stage);
  } else {
    const std::size_t slash = path.find('/', 1);
    const std::string first = uri_decode(path.substr(1, slash - 1)).value_or("");
    if (!first.empty()) live = co_await live_stage(target.api_id, first);
    if (live) {
      path = slash == std::string::npos ? "/" : path.substr(slash);
    } else {
      live = co_await live_stage(target.api_id, "$default");
    }
  }
  net::Response response = message(404, "Not Found");
  if (live) response = co_await serve(*live, request, std::move(path), request_id);
  response.headers.set("apigw-requestid", request_id);
  if (live && live->metrics) live->metrics->answered(response.status, std::chrono::steady_clock::now() - began);
  co_return response;
}

Task<net::Response> ApiGateway::serve(const LiveStage& live, net::Request& request, std::string path,
                                      std::string request_id) {
  const Cors cors(live.api.cors_configuration);
  if (std::optional<net::Response> preflight = cors.preflight(request)) co_return std::move(*preflight);
  const std::optional<std::vector<std::string>> segments = path_segments(path);
  const std::optional<RouteTable::Match> match =
      segments ? live.table.find(request.method, *segments) : std::optional<RouteTable::Match>();
  net::Response response = message(404, "Not Found");
  if (match) response = co_await integrate(live, *match, request, std::move(path), std::move(request_id));
  cors.apply(request, response);
  co_return response;
}

Task<net::Response> ApiGateway::integrate(const LiveStage& live, const RouteTable::Match& match, net::Request& request,
                                          std::string path, std::string request_id) {
  const Route& route = live.routes[match.route];
  const Integration* integration = live.integration_of(route);
  if (integration == nullptr) co_return message(500, "Internal Server Error");
  const Result<std::string> body =
      co_await attempt(read_all(*request.body, kBodyLimit, Error("RequestEntityTooLarge", 413, "Request Too Long")));
  if (!body.ok()) co_return message(body.error().http_status(), body.error().message());

  const auto began = std::chrono::steady_clock::now();
  const auto note_latency = [&live, began] {
    if (live.metrics) live.metrics->integrated(std::chrono::steady_clock::now() - began);
  };
  const std::string uri = with_stage_variables(integration->integration_uri.value_or(""), live.stage);
  if (integration->integration_type == "HTTP_PROXY") {
    net::Response response = co_await proxy_http(client_, *integration, uri, match.parameters, request, *body);
    note_latency();
    co_return response;
  }
  events::HttpEventContext context;
  context.account = live.address.account;
  context.api_id = live.address.api_id;
  context.domain_name = request.host;
  context.domain_prefix = live.address.api_id;
  context.request_id = request_id;
  context.route_key = route.route_key.value_or("$default");
  context.stage = *live.stage.stage_name;
  context.path = context.stage == "$default" ? path : "/" + context.stage + path;
  context.resource_path = resource_path(route);
  context.path_parameters = match.parameters;
  if (live.stage.stage_variables) context.stage_variables = *live.stage.stage_variables;
  context.time = clock_.now();
  const bool first_format = integration->payload_format_version == "1.0";
  std::string event =
      first_format ? events::http_event_v1(request, *body, context) : events::http_event_v2(request, *body, context);
  const std::string source = "arn:aws:execute-api:" + live.address.region + ":" + live.address.account + ":" +
                             live.address.api_id + "/" + context.stage + "/" + source_of(context.route_key);
  const std::chrono::milliseconds limit(integration->timeout_in_millis.value_or(30'000));
  const Result<events::FunctionReply> reply =
      co_await attempt(call_function(function_of(uri), std::move(event), source, limit));
  note_latency();
  if (!reply.ok()) {
    log::warning("an API's function did not answer", {{"api", live.address.api_id}, {"why", reply.error().message()}});
    const int status = reply.error().http_status();
    co_return status == 429 || status == 503 || status == 504 ? message(503, "Service Unavailable")
                                                              : message(500, "Internal Server Error");
  }
  if (!reply->function_error.empty()) co_return message(500, "Internal Server Error");
  Result<net::Response> response =
      first_format ? events::http_response_v1(reply->payload) : events::http_response_v2(reply->payload);
  if (!response.ok()) co_return message(500, "Internal Server Error");
  co_return std::move(*response);
}

Task<events::FunctionReply> ApiGateway::call_function(std::string function, std::string event, std::string source,
                                                      std::chrono::milliseconds limit) {
  // The function may run on past the API's patience; its answer is then nobody's.
  const Deferred<events::FunctionReply> answer;
  cumulet::start(functions_.invoke(std::move(function), std::move(event), std::move(source)),
                 [answer](Result<events::FunctionReply> reply) { answer.resolve(std::move(reply)); });
  return answer.wait_until(std::chrono::steady_clock::now() + limit,
                           Error("IntegrationTimeout", 503, "the integration did not answer in time"));
}

}  // namespace cumulet::apigateway
