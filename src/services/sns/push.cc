#include "services/sns/push.h"

#include <simdjson.h>

#include "base/text.h"
#include "net/private_key.h"
#include "services/sns/push_payload.h"
#include "wire/generated/sns.h"
#include "wire/json_writer.h"

namespace cumulet::sns {
namespace {

namespace api = wire::sns;
using storage::Transaction;

constexpr milliseconds kTimeout{15'000};
constexpr std::uint64_t kAnswerLimit = 64 * 1024;
constexpr seconds kApnsTokenLife{40 * 60};
constexpr seconds kFcmAssertionLife{3600};
constexpr std::size_t kTokensKept = 1000;
constexpr int kTriesWithFreshToken = 2;

Error refused(std::string why) { return Error("PushRefused", 400, std::move(why)); }
Error not_now(std::string why) { return Error("PushError", 502, std::move(why)); }

std::string text_of(const simdjson::dom::element& from, std::string_view name) {
  std::string_view text;
  return from[name].get(text) ? std::string() : std::string(text);
}

std::int64_t epoch_seconds(Timestamp time) {
  return std::chrono::duration_cast<seconds>(time.time_since_epoch()).count();
}

struct ServiceAccount {
  std::string project;
  std::string email;
  std::string key;
  std::string key_id;
  std::string token_uri;
};

Result<ServiceAccount> service_account(const std::string& json) {
  thread_local simdjson::dom::parser reader;
  simdjson::dom::element document;
  if (reader.parse(json).get(document)) return refused("the credential is no service account in JSON");
  ServiceAccount account;
  account.project = text_of(document, "project_id");
  account.email = text_of(document, "client_email");
  account.key = text_of(document, "private_key");
  account.key_id = text_of(document, "private_key_id");
  account.token_uri = text_of(document, "token_uri");
  if (account.token_uri.empty()) account.token_uri = "https://oauth2.googleapis.com/token";
  return account;
}

}  // namespace

Task<void> Push::accept(std::string endpoint_arn, Notification notification) {
  const std::optional<PlatformName> name = parse_endpoint_arn(endpoint_arn);
  if (!name) co_await fail(invalid("TargetArn"));
  const PlatformStore store(name->account, name->region);
  const auto write = [&](Transaction& txn) -> Task<void> {
    const std::optional<PlatformApplication> application =
        co_await store.find_application(txn, name->platform, name->name);
    std::optional<PlatformEndpoint> endpoint;
    if (application) endpoint = co_await store.find_endpoint(txn, *name);
    if (!endpoint) co_await fail(invalid("TargetArn Reason: No endpoint found for the target arn specified"));
    if (application->attribute("Enabled") == "false")
      co_await fail(api::errors::kPlatformApplicationDisabled, "Platform application is disabled");
    if (!endpoint->enabled()) co_await fail(api::errors::kEndpointDisabled, "Endpoint is disabled");
    events::Event event;
    event.account = name->account;
    event.region = name->region;
    event.target_arn = endpoint_arn;
    event.payload = encode(notification);
    parts_.outbox.record(txn, std::move(event));
  };
  co_await storage::transact(parts_.database, write);
}

Task<void> Push::send(std::string endpoint_arn, const Notification& notification) {
  const std::optional<PlatformName> name = parse_endpoint_arn(endpoint_arn);
  if (!name) co_await fail(refused("no platform endpoint: " + endpoint_arn));
  const PlatformStore store(name->account, name->region);
  std::optional<PlatformApplication> application;
  std::optional<PlatformEndpoint> endpoint;
  const auto read = [&](Transaction& txn) -> Task<void> {
    application = co_await store.find_application(txn, name->platform, name->name);
    endpoint = co_await store.find_endpoint(txn, *name);
  };
  co_await storage::transact(parts_.database, read);
  if (!application || !endpoint) co_await fail(refused("the platform endpoint is gone"));
  if (!endpoint->enabled()) co_await fail(refused("the platform endpoint is disabled"));
  if (application->attribute("Enabled") == "false") co_await fail(refused("the platform application is disabled"));
  Verdict verdict;
  for (int tries = 0; tries < kTriesWithFreshToken; ++tries) {
    if (application->platform == "GCM") {
      verdict = co_await send_fcm(*application, *endpoint, notification);
    } else {
      verdict = co_await send_apns(*application, *endpoint, notification);
    }
    if (!verdict.credential_expired) break;
    forget_token(*application);
  }
  if (verdict.accepted) co_return;
  if (verdict.device_gone) co_await device_gone(*application, std::move(*endpoint), verdict.reason);
  if (verdict.retry) co_await fail(not_now(verdict.reason));
  co_await fail(refused(verdict.reason));
}

Task<Push::Verdict> Push::send_apns(const PlatformApplication& application, const PlatformEndpoint& endpoint,
                                    const Notification& notification) {
  const std::string& platform = application.platform;
  const bool by_token = !application.attribute("ApplePlatformTeamID").empty();
  net::Outbound request;
  request.method = "POST";
  request.http2 = true;
  request.timeout = kTimeout;
  request.response_limit = kAnswerLimit;
  const std::string& stem = platform == "APNS" ? parts_.options.apns_url : parts_.options.apns_sandbox_url;
  request.url = stem + "/3/device/" + uri_encode(endpoint.token);
  request.body = apns_payload(notification, platform);

  const auto attribute = [&notification, &platform](const std::string& name) {
    return push_attribute(notification, platform, name);
  };
  std::string topic = attribute("TOPIC");
  if (topic.empty()) topic = application.attribute("ApplePlatformBundleID");
  if (by_token) {
    const std::string token = co_await apns_token(application);
    request.headers.add("authorization", "bearer " + token);
  } else {
    request.client_certificate = application.attribute("PlatformPrincipal");
    request.client_key = application.attribute("PlatformCredential");
    if (topic.empty()) topic = net::certificate_subject(request.client_certificate, "UID");
  }
  if (!topic.empty()) request.headers.add("apns-topic", topic);
  const bool alerts = apns_alerts(request.body);
  const std::string type = attribute("PUSH_TYPE");
  const std::string priority = attribute("PRIORITY");
  request.headers.add("apns-push-type", type.empty() ? (alerts ? "alert" : "background") : type);
  request.headers.add("apns-priority", priority.empty() ? (alerts ? "10" : "5") : priority);
  if (const std::optional<std::int64_t> ttl = parse_int(attribute("TTL")); ttl && *ttl >= 0) {
    const std::int64_t until = *ttl == 0 ? 0 : epoch_seconds(parts_.clock.now()) + *ttl;
    request.headers.add("apns-expiration", std::to_string(until));
  }
  if (const std::string collapse = attribute("COLLAPSE_ID"); !collapse.empty()) {
    request.headers.add("apns-collapse-id", collapse);
  }
  request.headers.add("content-type", "application/json");

  Verdict verdict;
  const Result<net::Inbound> answer = co_await attempt(parts_.client.send(std::move(request)));
  if (!answer.ok()) {
    verdict.retry = true;
    verdict.reason = answer.error().message();
    co_return verdict;
  }
  verdict.accepted = answer->status == 200;
  if (verdict.accepted) co_return verdict;
  thread_local simdjson::dom::parser reader;
  simdjson::dom::element document;
  if (!reader.parse(answer->body).get(document)) verdict.reason = text_of(document, "reason");
  verdict.credential_expired = by_token && verdict.reason == "ExpiredProviderToken";
  verdict.device_gone = answer->status == 410 || verdict.reason == "BadDeviceToken" ||
                        verdict.reason == "DeviceTokenNotForTopic" || verdict.reason == "Unregistered";
  verdict.retry = answer->status == 429 || answer->status >= 500;
  verdict.reason = "APNs answered " + std::to_string(answer->status) + " " + verdict.reason;
  co_return verdict;
}

Task<Push::Verdict> Push::send_fcm(const PlatformApplication& application, const PlatformEndpoint& endpoint,
                                   const Notification& notification) {
  const ServiceAccount account = co_await service_account(application.attribute("PlatformCredential"));
  const std::string token = co_await fcm_token(application);
  net::Outbound request;
  request.method = "POST";
  request.url = parts_.options.fcm_url + "/v1/projects/" + uri_encode(account.project) + "/messages:send";
  request.headers.add("authorization", "Bearer " + token);
  request.headers.add("content-type", "application/json; charset=UTF-8");
  request.body = fcm_payload(notification, endpoint.token);
  request.timeout = kTimeout;
  request.response_limit = kAnswerLimit;

  Verdict verdict;
  const Result<net::Inbound> answer = co_await attempt(parts_.client.send(std::move(request)));
  if (!answer.ok()) {
    verdict.retry = true;
    verdict.reason = answer.error().message();
    co_return verdict;
  }
  verdict.accepted = answer->status == 200;
  if (verdict.accepted) co_return verdict;
  verdict.credential_expired = answer->status == 401;
  verdict.retry = answer->status == 429 || answer->status >= 500 || answer->status == 401;
  const std::string& body = answer->body;
  verdict.device_gone = body.find("\"UNREGISTERED\"") != std::string::npos ||
                        body.find("\"SENDER_ID_MISMATCH\"") != std::string::npos ||
                        (answer->status == 400 && body.find("registration token") != std::string::npos);
  thread_local simdjson::dom::parser reader;
  simdjson::dom::element error;
  std::string status;
  if (!reader.parse(body)["error"].get(error)) status = text_of(error, "status");
  verdict.reason = "FCM answered " + std::to_string(answer->status) + " " + status;
  co_return verdict;
}

/// An access token for the service account, by an assertion that its key signs (RFC 7523).
Task<std::string> Push::fcm_token(const PlatformApplication& application) {
  const std::string kept_as = application.arn();
  if (std::optional<std::string> kept = kept_token(kept_as)) co_return std::move(*kept);
  const ServiceAccount account = co_await service_account(application.attribute("PlatformCredential"));
  const net::PrivateKey key = co_await net::PrivateKey::from_pem(account.key);
  const std::int64_t now = epoch_seconds(parts_.clock.now());
  wire::JsonWriter header;
  header.begin_object()
      .key("alg")
      .string("RS256")
      .key("typ")
      .string("JWT")
      .key("kid")
      .string(account.key_id)
      .end_object();
  wire::JsonWriter claims;
  claims.begin_object().key("iss").string(account.email).key("aud").string(account.token_uri);
  claims.key("scope").string("https://www.googleapis.com/auth/firebase.messaging");
  claims.key("iat").integer(now).key("exp").integer(now + kFcmAssertionLife.count()).end_object();
  const std::string text = base64url_encode(header.text()) + "." + base64url_encode(claims.text());
  const std::string signature = co_await key.sign(DigestKind::kSha256, text);

  net::Outbound request;
  request.method = "POST";
  request.url = account.token_uri;
  request.headers.add("content-type", "application/x-www-form-urlencoded");
  request.body = "grant_type=" + uri_encode("urn:ietf:params:oauth:grant-type:jwt-bearer") + "&assertion=" + text +
                 "." + base64url_encode(signature);
  request.timeout = kTimeout;
  request.response_limit = kAnswerLimit;
  const net::Inbound answer = co_await parts_.client.send(std::move(request));
  const std::string reason = "the token server answered " + std::to_string(answer.status);
  if (answer.status >= 500 || answer.status == 429) co_await fail(not_now(reason));
  thread_local simdjson::dom::parser reader;
  simdjson::dom::element document;
  if (answer.status != 200 || reader.parse(answer.body).get(document)) co_await fail(refused(reason));
  const std::string token = text_of(document, "access_token");
  std::int64_t life = 0;
  if (document["expires_in"].get(life)) life = kFcmAssertionLife.count();
  if (token.empty()) co_await fail(refused(reason + " without a token"));
  keep_token(kept_as, token, seconds(std::max<std::int64_t>(0, life - 60)));
  co_return token;
}

/// A JWT by the application's signing key; Apple wants it between 20 and 60 minutes old at most.
Result<std::string> Push::apns_token(const PlatformApplication& application) {
  const std::string kept_as = application.arn();
  if (std::optional<std::string> kept = kept_token(kept_as)) return std::move(*kept);
  const Result<net::PrivateKey> key = net::PrivateKey::from_pem(application.attribute("PlatformCredential"));
  if (!key.ok()) return key.error();
  wire::JsonWriter header;
  header.begin_object().key("alg").string("ES256").key("kid").string(application.attribute("PlatformPrincipal"));
  header.end_object();
  wire::JsonWriter claims;
  claims.begin_object().key("iss").string(application.attribute("ApplePlatformTeamID"));
  claims.key("iat").integer(epoch_seconds(parts_.clock.now())).end_object();
  const std::string text = base64url_encode(header.text()) + "." + base64url_encode(claims.text());
  const Result<std::string> signature = key->sign_es256(text);
  if (!signature.ok()) return signature.error();
  std::string token = text + "." + base64url_encode(*signature);
  keep_token(kept_as, token, kApnsTokenLife);
  return token;
}

std::optional<std::string> Push::kept_token(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto found = tokens_.find(key);
  if (found == tokens_.end() || found->second.until <= parts_.clock.now()) return std::nullopt;
  return found->second.text;
}

void Push::keep_token(const std::string& key, std::string token, seconds lifetime) {
  const std::lock_guard lock(mutex_);
  if (tokens_.size() >= kTokensKept) tokens_.clear();
  tokens_[key] = Token{std::move(token), parts_.clock.now() + lifetime};
}

void Push::forget_token(const PlatformApplication& application) {
  const std::lock_guard lock(mutex_);
  tokens_.erase(application.arn());
}

Task<void> Push::device_gone(const PlatformApplication& application, PlatformEndpoint endpoint,
                             const std::string& reason) {
  const PlatformStore store(application.account, application.region);
  PlatformName name;
  name.account = application.account;
  name.region = application.region;
  name.platform = application.platform;
  name.name = application.name;
  name.id = endpoint.id;
  const auto write = [&](Transaction& txn) -> Task<void> {
    std::optional<PlatformEndpoint> now = co_await store.find_endpoint(txn, name);
    // It may have been given a new token meanwhile.
    if (!now || now->token != endpoint.token) co_return;
    now->attributes["Enabled"] = "false";
    store.put_endpoint(txn, name, *now);
    tell_topic(parts_, txn, application, "EventDeliveryFailure", *now, reason);
    tell_topic(parts_, txn, application, "EventEndpointUpdated", *now);
  };
  co_await storage::transact(parts_.database, write);
}

}  // namespace cumulet::sns
