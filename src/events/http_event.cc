#include "events/http_event.h"

#include <algorithm>
#include <array>

#include <simdjson.h>

#include "base/text.h"
#include "wire/json_writer.h"

namespace cumulet::events {
namespace {

using wire::JsonWriter;

/// Content types whose bodies reach the function as text.
bool is_text(std::string_view content_type) {
  const std::string type = to_lower(trim(content_type.substr(0, content_type.find(';'))));
  return type.empty() || type.starts_with("text/") || type == "application/json" || type == "application/xml" ||
         type == "application/javascript" || type == "application/x-www-form-urlencoded" || type.ends_with("+json") ||
         type.ends_with("+xml") || type.starts_with("multipart/form-data");
}

void write_map(JsonWriter& json, const std::map<std::string, std::string>& map) {
  json.begin_object();
  for (const auto& [key, value] : map) json.key(key).string(value);
  json.end_object();
}

/// Header names in lower case, values of the same name joined with commas; cookies left out when `without_cookies`.
std::map<std::string, std::string> joined_headers(const net::Headers& headers, bool without_cookies) {
  std::map<std::string, std::string> joined;
  for (const auto& [name, value] : headers) {
    std::string lower = to_lower(name);
    if (without_cookies && lower == "cookie") continue;
    const auto [entry, fresh] = joined.try_emplace(std::move(lower), value);
    if (!fresh) entry->second += "," + value;
  }
  return joined;
}

std::vector<std::string> cookies_of(const net::Headers& headers) {
  std::vector<std::string> cookies;
  for (const auto& [name, value] : headers) {
    if (!iequals(name, "cookie")) continue;
    for (const std::string_view part : split(value, ';')) {
      if (!trim(part).empty()) cookies.emplace_back(trim(part));
    }
  }
  return cookies;
}

/// 22/Nov/2026:10:20:30 +0000
std::string clf_time(Timestamp time) {
  const std::string http = http_date(time);  // Sun, 22 Nov 2026 10:20:30 GMT
  return http.substr(5, 2) + "/" + http.substr(8, 3) + "/" + http.substr(12, 4) + ":" + http.substr(17, 8) + " +0000";
}

std::int64_t epoch_millis(Timestamp time) { return time.time_since_epoch().count() / 1000; }

void write_body(JsonWriter& json, const net::Request& request, const std::string& body, bool null_when_empty) {
  const bool text =
      is_text(request.headers.get("content-type")) && is_utf8(body) && request.headers.get("content-encoding").empty();
  if (!body.empty()) {
    json.key("body").string(text ? body : base64_encode(body));
  } else if (null_when_empty) {
    json.key("body").null();
  }
  json.key("isBase64Encoded").boolean(!body.empty() && !text);
}

/// The members of a result that both formats share, read into a response.
Result<net::Response> read_response(simdjson::dom::object result) {
  const auto malformed = [](std::string why) { return Error("MalformedResponse", 502, std::move(why)); };
  net::Response response;
  std::int64_t status = 200;
  simdjson::dom::element element;
  if (!result["statusCode"].get(element)) {
    std::string_view text;
    if (element.get(status)) {
      const std::optional<std::int64_t> number = element.get(text) ? std::nullopt : parse_int(text);
      if (!number) return malformed("statusCode is not a number");
      status = *number;
    }
  }
  if (status < 100 || status > 599) return malformed("statusCode is out of range");
  response.status = static_cast<int>(status);

  const auto add = [&response](std::string_view name, std::string value) {
    const std::string lower = to_lower(name);
    // The framing is the server's, whatever the function says.
    if (lower == "content-length" || lower == "transfer-encoding" || lower == "connection") return;
    std::replace_if(
        value.begin(), value.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; }, ' ');
    const bool valid = !lower.empty() && lower.find_first_of(" \t\r\n:()<>@,;\\\"/[]?={}") == std::string::npos;
    if (valid) response.headers.add(lower, std::move(value));
  };
  const auto add_value = [&add](std::string_view name, simdjson::dom::element value) {
    std::string_view text;
    if (!value.get(text)) {
      add(name, std::string(text));
    } else if (!value.is_null()) {
      add(name, simdjson::minify(value));
    }
  };
  simdjson::dom::object headers;
  simdjson::dom::object multi;
  const bool has_multi = !result["multiValueHeaders"].get(multi);
  if (!result["headers"].get(headers)) {
    for (const auto& [name, value] : headers) {
      bool overridden = false;
      if (has_multi) {  // A default object has no tape to walk.
        for (const auto& [other, values] : multi) {
          overridden = overridden || (iequals(other, name) && values.is_array());
        }
      }
      if (!overridden) add_value(name, value);
    }
  }
  if (has_multi) {
    for (const auto& [name, values] : multi) {
      simdjson::dom::array array;
      if (values.get(array)) continue;
      for (const simdjson::dom::element value : array) add_value(name, value);
    }
  }
  simdjson::dom::array cookies;
  if (!result["cookies"].get(cookies)) {
    for (const simdjson::dom::element cookie : cookies) {
      std::string_view text;
      if (!cookie.get(text)) add("set-cookie", std::string(text));
    }
  }

  bool base64 = false;
  if (result["isBase64Encoded"].get(base64)) base64 = false;
  if (!result["body"].get(element) && !element.is_null()) {
    std::string_view text;
    std::string body = element.get(text) ? std::string(simdjson::minify(element)) : std::string(text);
    if (base64) {
      std::optional<std::string> decoded = base64_decode(body);
      if (!decoded) return malformed("the body is not base64");
      body = std::move(*decoded);
    }
    response.body = std::move(body);
  }
  return response;
}

}  // namespace

std::string http_event_v2(const net::Request& request, const std::string& body, const HttpEventContext& context) {
  JsonWriter json(1024 + body.size());
  json.begin_object();
  json.key("version").string("2.0");
  json.key("routeKey").string(context.route_key);
  json.key("rawPath").string(context.path);
  json.key("rawQueryString").string(request.query);
  const std::vector<std::string> cookies = cookies_of(request.headers);
  if (!cookies.empty()) {
    json.key("cookies").begin_array();
    for (const std::string& cookie : cookies) json.string(cookie);
    json.end_array();
  }
  json.key("headers");
  write_map(json, joined_headers(request.headers, true));
  const auto parameters = request.query_parameters();
  if (!parameters.empty()) {
    std::map<std::string, std::string> joined;
    for (const auto& [name, value] : parameters) {
      const auto [entry, fresh] = joined.try_emplace(name, value);
      if (!fresh) entry->second += "," + value;
    }
    json.key("queryStringParameters");
    write_map(json, joined);
  }
  json.key("requestContext").begin_object();
  json.key("accountId").string(context.account);
  json.key("apiId").string(context.api_id);
  if (!context.authorizer.empty()) json.key("authorizer").raw(context.authorizer);
  json.key("domainName").string(context.domain_name);
  json.key("domainPrefix").string(context.domain_prefix);
  json.key("http").begin_object();
  json.key("method").string(request.method);
  json.key("path").string(context.path);
  json.key("protocol").string("HTTP/1.1");
  json.key("sourceIp").string(request.remote_address);
  json.key("userAgent").string(request.headers.get("user-agent"));
  json.end_object();
  json.key("requestId").string(context.request_id);
  json.key("routeKey").string(context.route_key);
  json.key("stage").string(context.stage);
  json.key("time").string(clf_time(context.time));
  json.key("timeEpoch").integer(epoch_millis(context.time));
  json.end_object();
  if (!context.path_parameters.empty()) {
    json.key("pathParameters");
    write_map(json, context.path_parameters);
  }
  if (!context.stage_variables.empty()) {
    json.key("stageVariables");
    write_map(json, context.stage_variables);
  }
  write_body(json, request, body, false);
  json.end_object();
  return json.take();
}

std::string http_event_v1(const net::Request& request, const std::string& body, const HttpEventContext& context) {
  JsonWriter json(1024 + body.size());
  json.begin_object();
  json.key("version").string("1.0");
  json.key("resource").string(context.resource_path);
  json.key("path").string(context.path);
  json.key("httpMethod").string(request.method);
  std::map<std::string, std::vector<std::string>> all_headers;
  for (const auto& [name, value] : request.headers) all_headers[name].push_back(value);
  std::map<std::string, std::vector<std::string>> all_parameters;
  for (const auto& [name, value] : request.query_parameters()) all_parameters[name].push_back(value);
  const auto write_both = [&json](const char* single, const char* multi,
                                  const std::map<std::string, std::vector<std::string>>& map) {
    json.key(single);
    if (map.empty()) {
      json.null().key(multi).null();
      return;
    }
    json.begin_object();
    for (const auto& [name, values] : map) json.key(name).string(values.back());
    json.end_object().key(multi).begin_object();
    for (const auto& [name, values] : map) {
      json.key(name).begin_array();
      for (const std::string& value : values) json.string(value);
      json.end_array();
    }
    json.end_object();
  };
  write_both("headers", "multiValueHeaders", all_headers);
  write_both("queryStringParameters", "multiValueQueryStringParameters", all_parameters);
  json.key("requestContext").begin_object();
  json.key("accountId").string(context.account);
  json.key("apiId").string(context.api_id);
  json.key("domainName").string(context.domain_name);
  json.key("domainPrefix").string(context.domain_prefix);
  json.key("extendedRequestId").string(context.request_id);
  json.key("httpMethod").string(request.method);
  json.key("identity").begin_object();
  json.key("sourceIp").string(request.remote_address);
  json.key("userAgent").string(request.headers.get("user-agent"));
  json.end_object();
  json.key("path").string(context.path);
  json.key("protocol").string("HTTP/1.1");
  json.key("requestId").string(context.request_id);
  json.key("requestTime").string(clf_time(context.time));
  json.key("requestTimeEpoch").integer(epoch_millis(context.time));
  json.key("resourceId").string(context.route_key);
  json.key("resourcePath").string(context.resource_path);
  json.key("stage").string(context.stage);
  json.end_object();
  json.key("pathParameters");
  context.path_parameters.empty() ? void(json.null()) : write_map(json, context.path_parameters);
  json.key("stageVariables");
  context.stage_variables.empty() ? void(json.null()) : write_map(json, context.stage_variables);
  write_body(json, request, body, true);
  json.end_object();
  return json.take();
}

Result<net::Response> http_response_v2(const std::string& payload) {
  thread_local simdjson::dom::parser parser;
  simdjson::dom::element result;
  if (parser.parse(payload).get(result)) return Error("MalformedResponse", 502, "the result is not JSON");
  simdjson::dom::object object;
  if (!result.get(object) && !object["statusCode"].error()) {
    Result<net::Response> response = read_response(object);
    if (response.ok() && !response->headers.has("content-type")) {
      response->headers.add("content-type", "text/plain;charset=UTF-8");
    }
    return response;
  }
  std::string_view text;
  if (!result.get(text)) return net::Response(200, "application/json", std::string(text));
  return net::Response(200, "application/json", payload);
}

Result<net::Response> http_response_v1(const std::string& payload) {
  thread_local simdjson::dom::parser parser;
  simdjson::dom::element result;
  simdjson::dom::object object;
  if (parser.parse(payload).get(result) || result.get(object) || object["statusCode"].error()) {
    return Error("MalformedResponse", 502, "the result has no statusCode");
  }
  Result<net::Response> response = read_response(object);
  if (response.ok() && !response->headers.has("content-type"))
    response->headers.add("content-type", "application/json");
  return response;
}

}  // namespace cumulet::events
