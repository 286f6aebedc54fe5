#include <algorithm>

#include "base/text.h"
#include "events/json_text.h"
#include "services/eventbridge/eventbridge.h"
#include "wire/json_writer.h"

namespace cumulet::eventbridge {
namespace {

namespace api = wire::events;
using events::Outcome;

constexpr milliseconds kTimeout{5000};
constexpr std::uint64_t kResponseLimit = 1 << 20;
constexpr std::size_t kKeptTokens = 10'000;

/// What a call is made of, gathered from the destination, its connection and the target.
struct Request {
  std::string method;
  std::string url;
  std::vector<std::pair<std::string, std::string>> query;
  net::Headers headers;
  std::string body;

  net::Outbound outbound() const {
    net::Outbound out;
    out.method = method;
    out.url = url;
    for (const auto& [name, value] : query) {
      out.url += (out.url.find('?') == std::string::npos ? "?" : "&") + uri_encode(name) + "=" + uri_encode(value);
    }
    out.headers = headers;
    out.body = body;
    out.timeout = kTimeout;
    out.response_limit = kResponseLimit;
    return out;
  }
};

/// Members for a JSON object that has none of the same names; other bodies stay as they are.
std::string with_members(const std::string& body, const std::vector<api::ConnectionBodyParameter>& members) {
  const std::optional<std::string> compact = events::compact_json(body);
  if (!compact || !compact->starts_with('{')) return body;
  std::string out = compact->substr(0, compact->size() - 1);
  for (const api::ConnectionBodyParameter& member : members) {
    if (out.size() > 1) out += ',';
    out += "\"" + json_escape(member.key.value_or("")) + "\":\"" + json_escape(member.value.value_or("")) + "\"";
  }
  return out + "}";
}

void add_parameters(const std::optional<api::ConnectionHttpParameters>& parameters, Request& request) {
  if (!parameters) return;
  if (parameters->header_parameters) {
    for (const auto& one : *parameters->header_parameters) {
      request.headers.set(one.key.value_or(""), one.value.value_or(""));
    }
  }
  if (parameters->query_string_parameters) {
    for (const auto& one : *parameters->query_string_parameters) {
      request.query.emplace_back(one.key.value_or(""), one.value.value_or(""));
    }
  }
  if (parameters->body_parameters) request.body = with_members(request.body, *parameters->body_parameters);
}

/// The target's path values stand for the '*' of the endpoint, in order.
std::string fill_path(std::string url, const events::Event& event) {
  const auto values = event.attributes.find("@PathParameters");
  for (std::size_t i = 0; values != event.attributes.end(); ++i) {
    const auto path = events::JsonPath::parse("$[" + std::to_string(i) + "]");
    const std::optional<std::string> value = path->select(values->second);
    const std::size_t star = url.find('*');
    if (!value || star == std::string::npos) break;
    url.replace(star, 1, uri_encode(events::json_string_value(*value).value_or("")));
  }
  return url;
}

void add_attributes(const events::Event& event, Request& request) {
  constexpr std::string_view kHeader = "@Header.";
  constexpr std::string_view kQuery = "@Query.";
  for (const auto& [name, value] : event.attributes) {
    if (name.starts_with(kHeader)) request.headers.set(name.substr(kHeader.size()), value);
    if (name.starts_with(kQuery)) request.query.emplace_back(name.substr(kQuery.size()), value);
  }
}

std::string form(const std::vector<std::pair<std::string, std::string>>& fields) {
  std::string out;
  for (const auto& [name, value] : fields) {
    out += (out.empty() ? "" : "&") + uri_encode(name) + "=" + uri_encode(value);
  }
  return out;
}

/// Those that AWS tries again: the rest would fail the same way.
bool may_pass_later(int status) {
  return status == 401 || status == 407 || status == 409 || status == 429 || status >= 500;
}

milliseconds retry_after(const net::Headers& headers) {
  const std::optional<std::int64_t> wait = parse_int(headers.get("retry-after"));
  return seconds(std::clamp<std::int64_t>(wait.value_or(0), 0, 86400));
}

struct Resolved {
  api::DescribeApiDestinationResponse destination;
  api::CreateConnectionRequest connection;
  std::string document;  ///< The connection's secrets, as text.
};

std::string connection_name(const std::string& arn) {
  const std::vector<std::string_view> parts = split(arn, '/');
  return parts.size() > 1 ? std::string(parts[1]) : "";
}

}  // namespace

Task<Outcome> EventBridge::call_api_destination(const events::Event& event, std::string name) {
  const Store store(event.account, event.region);
  const auto read = [&](storage::Transaction& txn) -> Task<std::optional<Resolved>> {
    const std::optional<std::string> row = co_await store.find(txn, Part::kApiDestination, "", name);
    if (!row) co_return std::optional<Resolved>();
    Resolved found;
    found.destination = co_await wire::read_output<api::DescribeApiDestination>(*row);
    const std::string connection = connection_name(found.destination.connection_arn.value_or(""));
    const std::optional<std::string> secret = co_await store.find(txn, Part::kSecret, "", connection);
    if (!secret) co_return std::optional<Resolved>();
    found.connection = co_await wire::read_input<api::CreateConnection>(*secret);
    found.document = *secret;
    co_return std::optional(std::move(found));
  };
  const std::optional<Resolved> found = co_await storage::transact(database_, read);
  if (!found) co_return Outcome::dropped("The api-destination or its connection does not exist.");
  const milliseconds wait =
      wait_for_turn(event.target_arn, found->destination.invocation_rate_limit_per_second.value_or(300));
  if (wait > milliseconds(0)) co_await sleep_for(wait);

  Request request;
  request.method = found->destination.http_method.value_or("POST");
  request.url = fill_path(found->destination.invocation_endpoint.value_or(""), event);
  request.body = event.payload;
  request.headers.set("Content-Type", "application/json; charset=utf-8");
  request.headers.set("User-Agent", "Amazon/EventBridge/ApiDestinations");
  request.headers.set("Range", "bytes=0-1048575");
  add_attributes(event, request);
  const api::CreateConnectionAuthRequestParameters& auth = found->connection.auth_parameters;
  add_parameters(auth.invocation_http_parameters, request);
  std::string token_key;
  if (found->connection.authorization_type == "BASIC" && auth.basic_auth_parameters) {
    const auto& basic = *auth.basic_auth_parameters;
    request.headers.set("Authorization", "Basic " + base64_encode(basic.username + ":" + basic.password));
  } else if (auth.api_key_auth_parameters) {
    request.headers.set(auth.api_key_auth_parameters->api_key_name, auth.api_key_auth_parameters->api_key_value);
  } else if (auth.o_auth_parameters) {
    token_key = found->destination.connection_arn.value_or("") + found->document;
    const std::string token = co_await access_token(token_key, *auth.o_auth_parameters);
    request.headers.set("Authorization", "Bearer " + token);
  }
  const net::Inbound answer = co_await client_.send(request.outbound());
  if (answer.status >= 200 && answer.status < 300) co_return Outcome::delivered();
  if (answer.status == 401 || answer.status == 407) {
    const std::lock_guard lock(mutex_);
    tokens_.erase(token_key);
  }
  const std::string reason = "The api-destination answered with status " + std::to_string(answer.status) + ".";
  if (may_pass_later(answer.status)) co_return Outcome::retry(retry_after(answer.headers), reason);
  co_return Outcome::dropped(reason);
}

/// Client credentials (RFC 6749, 4.4). A token is kept until shortly before it ends.
Task<std::string> EventBridge::access_token(std::string key, api::CreateConnectionOAuthRequestParameters parameters) {
  const Timestamp now = clock_.now();
  {
    const std::lock_guard lock(mutex_);
    const auto found = tokens_.find(key);
    if (found != tokens_.end() && found->second.until > now) co_return found->second.value;
  }
  Request request;
  request.method = parameters.http_method;
  request.url = parameters.authorization_endpoint;
  request.headers.set("Content-Type", "application/x-www-form-urlencoded");
  std::vector<std::pair<std::string, std::string>> fields{
      {"client_id", parameters.client_parameters.client_id},
      {"client_secret", parameters.client_parameters.client_secret}};
  bool has_grant = false;
  std::optional<api::ConnectionHttpParameters> others = parameters.o_auth_http_parameters;
  if (others && others->body_parameters) {
    for (const auto& one : *others->body_parameters) {
      has_grant = has_grant || one.key == "grant_type";
      fields.emplace_back(one.key.value_or(""), one.value.value_or(""));
    }
    others->body_parameters.reset();
  }
  if (!has_grant) fields.emplace_back("grant_type", "client_credentials");
  if (request.method == "GET") {
    request.query = fields;
  } else {
    request.body = form(fields);
  }
  add_parameters(others, request);
  const net::Inbound answer = co_await client_.send(request.outbound());
  const std::optional<std::string> body = events::compact_json(answer.body);
  const auto member = [&body](const char* path) {
    return body ? events::JsonPath::parse(path)->select(*body) : std::nullopt;
  };
  const std::optional<std::string> value = events::json_string_value(member("$.access_token").value_or(""));
  if (answer.status != 200 || !value) {
    co_return Error("AuthorizationError", 502,
                    "The authorization endpoint answered with status " + std::to_string(answer.status) + ".");
  }
  const std::int64_t life = parse_int(member("$.expires_in").value_or("")).value_or(3600);
  Token token;
  token.value = *value;
  token.until = now + seconds(std::clamp<std::int64_t>(life, 0, 86400) * 9 / 10);
  const std::lock_guard lock(mutex_);
  if (tokens_.size() >= kKeptTokens) tokens_.clear();
  tokens_[key] = token;
  co_return *value;
}

/// How long this call has to wait so that no more than `per_second` go out.
milliseconds EventBridge::wait_for_turn(const std::string& arn, std::int32_t per_second) {
  const auto now = std::chrono::steady_clock::now();
  const std::lock_guard lock(mutex_);
  if (turns_.size() >= kKeptTokens) std::erase_if(turns_, [now](const auto& turn) { return turn.second < now; });
  SteadyTime& next = turns_[arn];
  const SteadyTime turn = std::max(next, now);
  next = turn + std::chrono::microseconds(1'000'000 / std::max(per_second, 1));
  return std::chrono::ceil<milliseconds>(turn - now);
}

}  // namespace cumulet::eventbridge
