#include "compute/extensions/extensions_api.h"

#include <algorithm>

#include <simdjson.h>

#include "base/text.h"
#include "compute/extensions/extensions.h"
#include "compute/reports.h"

namespace cumulet::compute {
namespace {

constexpr std::string_view kExtensions = "/2020-01-01/extension/";
constexpr std::string_view kTelemetry = "/2022-07-01/telemetry";
constexpr std::string_view kLogs = "/2020-08-15/logs";
constexpr std::string_view kHost = "/cumulet/extensions/";
constexpr const char* kJson = "application/json";
constexpr std::size_t kBodyLimit = 64 * 1024;
constexpr std::size_t kNameLimit = 128;
constexpr std::size_t kMostEvents = 10;

net::Response problem(int status, const std::string& type, const std::string& message) {
  return net::Response(status, kJson, error_document(type, message));
}
net::Response problem(const Error& error) { return problem(error.http_status(), error.code(), error.message()); }

/// Nothing when it is longer than anything that is meant.
Task<std::optional<std::string>> read_body(BodySource& body) {
  std::optional<std::string> all;
  all.emplace();
  while (true) {
    const std::string piece = co_await body.read();
    if (piece.empty()) co_return all;
    if (all->size() + piece.size() > kBodyLimit) break;
    *all += piece;
  }
  all.reset();
  co_return all;
}

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    const char c = text[i];
    const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    if (dash ? c != '-' : !hex) return false;
  }
  return true;
}

Result<std::string> identifier_of(const net::Request& request) {
  const std::string_view id = request.headers.get("Lambda-Extension-Identifier");
  if (id.empty()) {
    return Error("Extension.MissingExtensionIdentifier", 403, "Missing Lambda-Extension-Identifier header");
  }
  if (!is_uuid(id)) return Error("Extension.InvalidExtensionIdentifier", 403, "Invalid Lambda-Extension-Identifier");
  return to_lower(id);
}

bool accepts_account(const net::Request& request) {
  const std::string features = request.headers.joined("Lambda-Extension-Accept-Feature").value_or("");
  const std::vector<std::string_view> parts = split(features, ',');
  return std::any_of(parts.begin(), parts.end(), [](std::string_view part) { return trim(part) == "accountId"; });
}

net::Response register_one(Extensions& extensions, const net::Request& request, const std::string& body) {
  const std::string name(request.headers.get("Lambda-Extension-Name"));
  if (name.empty()) return problem(403, "Extension.InvalidExtensionName", "Empty extension name");
  const bool printable = std::all_of(name.begin(), name.end(), [](unsigned char c) { return c >= 0x20 && c != 0x7f; });
  if (!printable || name.size() > kNameLimit) {
    return problem(403, "Extension.InvalidExtensionName", "Invalid extension name");
  }
  const Result<std::vector<std::string>> events = parse_registration(body);
  if (!events) return problem(events.error());
  const Result<std::string> id = extensions.enroll(name, *events);
  if (!id) return problem(id.error());
  const FunctionVersion& version = extensions.version();
  std::string answer = "{\"functionName\":\"" + json_escape(version.name) + "\",\"functionVersion\":\"" +
                       json_escape(version.version) + "\",\"handler\":\"" + json_escape(version.handler) + "\"";
  if (accepts_account(request)) answer += ",\"accountId\":\"" + json_escape(version.account) + "\"";
  net::Response response(200, kJson, answer + "}");
  response.headers.add("Lambda-Extension-Identifier", *id);
  return response;
}

net::Response report_error(Extensions& extensions, const net::Request& request, bool initialising) {
  const Result<std::string> id = identifier_of(request);
  if (!id) return problem(id.error());
  const std::string type =
      std::string(request.headers.get("Lambda-Extension-Function-Error-Type")).substr(0, kNameLimit);
  if (type.empty()) {
    return problem(403, "Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found");
  }
  const Result<void> reported = extensions.report_error(*id, initialising, type);
  return reported ? net::Response(202, kJson, "{\"status\":\"OK\"}\n") : problem(reported.error());
}

net::Response subscribe(Extensions& extensions, const net::Request& request, const std::string& body, bool logs_api) {
  const Result<std::string> id = identifier_of(request);
  if (!id) return problem(id.error());
  Result<TelemetrySubscription> subscription = parse_subscription(body, logs_api);
  if (!subscription) return problem(subscription.error());
  const Result<void> subscribed = extensions.subscribe(*id, std::move(subscription).value());
  return subscribed ? net::Response(200, kJson, "\"OK\"") : problem(subscribed.error());
}

net::Response take_from_host(Extensions& extensions, std::string_view what, const std::string& body) {
  if (what == "output") {
    extensions.printed(body);
    return net::Response(202);
  }
  const std::optional<EndedProcess> ended = what == "ended" ? parse_ended(body) : std::nullopt;
  if (!ended) return problem(404, "NotFound", "404 page not found");
  extensions.ended(ended->extension, ended->how, ended->value);
  return net::Response(202);
}

}  // namespace

bool is_extension_path(std::string_view path) {
  return path.starts_with(kExtensions) || path.starts_with(kTelemetry) || path.starts_with(kLogs) ||
         path.starts_with(kHost);
}

Result<std::vector<std::string>> parse_registration(std::string_view body) {
  const Error malformed("InvalidRequestFormat", 403, "The body is not a JSON object with a list of events");
  simdjson::dom::parser parser;
  simdjson::dom::object root;
  if (parser.parse(simdjson::padded_string(body)).get(root) != simdjson::SUCCESS) return malformed;
  std::vector<std::string> events;
  simdjson::dom::element value;
  if (root["events"].get(value) != simdjson::SUCCESS || value.is_null()) return events;
  simdjson::dom::array items;
  if (value.get(items) != simdjson::SUCCESS || items.size() > kMostEvents) return malformed;
  for (const simdjson::dom::element item : items) {
    std::string_view event;
    if (item.get(event) != simdjson::SUCCESS || event.size() > kNameLimit) return malformed;
    events.emplace_back(event);
  }
  return events;
}

std::optional<EndedProcess> parse_ended(std::string_view text) {
  const std::vector<std::string_view> words = split(text, ' ');
  if (words.size() != 3 || (words[1] != "exit" && words[1] != "signal" && words[1] != "launch")) return std::nullopt;
  EndedProcess ended;
  ended.how = words[1];
  const std::optional<std::int64_t> value = parse_int(words[2]);
  if (!value || *value < 0 || *value > 255) return std::nullopt;
  ended.value = static_cast<int>(*value);
  if (words[0] == "runtime") return ended;
  const std::optional<std::int64_t> number = parse_int(words[0]);
  if (!number || *number < 0 || *number >= static_cast<std::int64_t>(Extensions::kMost)) return std::nullopt;
  ended.extension = static_cast<std::size_t>(*number);
  return ended;
}

Task<net::Response> answer_extension(std::shared_ptr<RuntimeSide> environment, net::Request& request) {
  const std::shared_ptr<Extensions> extensions = environment->extensions();
  if (!extensions) co_return problem(403, "InvalidStateTransition", "The environment has ended");
  std::string_view path = request.path;
  if (path == "/2022-07-01/telemetry/" || path == "/2020-08-15/logs/") path.remove_suffix(1);
  const bool get = request.method == "GET";
  if (get && path == "/2020-01-01/extension/event/next") {
    const Result<std::string> id = identifier_of(request);
    if (!id) co_return problem(id.error());
    std::string known = *id;
    co_return co_await extensions->next(std::move(known));
  }
  if (get && path == "/cumulet/extensions/order") co_return co_await extensions->order();
  const bool subscribes = path == kTelemetry || path == kLogs;
  if (request.method != (subscribes ? "PUT" : "POST")) co_return problem(405, "MethodNotAllowed", "Method not allowed");
  const std::optional<std::string> body = co_await read_body(*request.body);
  if (!body) co_return problem(413, "RequestEntityTooLarge", "Request body is too large");
  if (subscribes) co_return subscribe(*extensions, request, *body, path == kLogs);
  if (path.starts_with(kHost)) co_return take_from_host(*extensions, path.substr(kHost.size()), *body);
  if (path == "/2020-01-01/extension/register") co_return register_one(*extensions, request, *body);
  if (path == "/2020-01-01/extension/init/error") co_return report_error(*extensions, request, true);
  if (path == "/2020-01-01/extension/exit/error") co_return report_error(*extensions, request, false);
  co_return problem(404, "NotFound", "404 page not found");
}

}  // namespace cumulet::compute
