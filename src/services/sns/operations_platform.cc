#include "services/sns/operations_platform.h"

#include <algorithm>
#include <array>

#include <simdjson.h>

#include "base/ids.h"
#include "base/text.h"
#include "net/private_key.h"
#include "services/sns/operations_topics.h"

namespace cumulet::sns {
namespace {

namespace api = wire::sns;
using storage::Transaction;

constexpr std::size_t kPlatformPage = 100;
constexpr std::size_t kEndpointsErasedAtOnce = 200;
constexpr std::size_t kTokenLimit = 4096;
constexpr std::size_t kUserDataLimit = 2048;

Error application_gone() { return Error(api::errors::kNotFound, "PlatformApplication does not exist"); }
Error endpoint_gone() { return Error(api::errors::kNotFound, "Endpoint does not exist"); }

bool is_known_attribute(const std::string& name) {
  constexpr std::array<std::string_view, 12> kNames{"PlatformCredential",        "PlatformPrincipal",
                                                    "EventEndpointCreated",      "EventEndpointDeleted",
                                                    "EventEndpointUpdated",      "EventDeliveryFailure",
                                                    "SuccessFeedbackRoleArn",    "FailureFeedbackRoleArn",
                                                    "SuccessFeedbackSampleRate", "Enabled",
                                                    "ApplePlatformTeamID",       "ApplePlatformBundleID"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

Result<void> check_fcm(const PlatformApplication& application) {
  thread_local simdjson::dom::parser reader;
  simdjson::dom::element document;
  const std::string credential = application.attribute("PlatformCredential");
  if (credential.empty()) return invalid("PlatformCredential Reason: PlatformCredential is required");
  if (reader.parse(credential).get(document) || document["client_email"].error() || document["project_id"].error()) {
    return invalid(
        "Attributes Reason: Platform credentials are invalid: a service account's key in JSON is needed (server keys "
        "of "
        "the legacy API are no longer taken by FCM)");
  }
  std::string_view key;
  if (document["private_key"].get(key) || !net::PrivateKey::from_pem(key).ok())
    return invalid("Attributes Reason: Platform credentials are invalid: private_key is no key");
  return {};
}

Result<void> check_apns(const PlatformApplication& application) {
  const std::string credential = application.attribute("PlatformCredential");
  const std::string principal = application.attribute("PlatformPrincipal");
  if (credential.empty()) return invalid("PlatformCredential Reason: PlatformCredential is required");
  if (principal.empty()) return invalid("PlatformPrincipal Reason: PlatformPrincipal is required");
  const Result<net::PrivateKey> key = net::PrivateKey::from_pem(credential);
  if (!key.ok()) return invalid("Attributes Reason: Platform credentials are invalid");
  if (application.attribute("ApplePlatformTeamID").empty()) {
    if (!key->belongs_to(principal)) return invalid("Attributes Reason: Platform credentials are invalid");
    return {};
  }
  if (application.attribute("ApplePlatformBundleID").empty())
    return invalid("Attributes Reason: ApplePlatformBundleID is required with ApplePlatformTeamID");
  if (!key->sign_es256("").ok()) return invalid("Attributes Reason: Platform credentials are invalid");
  return {};
}

Result<void> check(const PlatformApplication& application) {
  for (const auto& [name, value] : application.attributes) {
    if (!is_known_attribute(name)) return invalid("Attributes Reason: Invalid attribute name: " + name);
    if (name.starts_with("Event") && !value.empty() && !parse_topic_arn(value))
      return invalid("Attributes Reason: " + name + ": not a topic");
  }
  return application.platform == "GCM" ? check_fcm(application) : check_apns(application);
}

Result<PlatformName> application_of(const wire::Call& call, const std::string& arn) {
  std::optional<PlatformName> name = parse_application_arn(arn);
  if (!name || name->region != call.region) return invalid("PlatformApplicationArn");
  if (name->account != call.account()) {
    return Error(api::errors::kAuthorizationError,
                 "User: " + call.caller.arn + " is not authorized on resource: " + arn);
  }
  return std::move(*name);
}

Result<PlatformName> endpoint_of(const wire::Call& call, const std::string& arn) {
  std::optional<PlatformName> name = parse_endpoint_arn(arn);
  if (!name || name->region != call.region) return invalid("EndpointArn Reason: An invalid endpoint ARN: " + arn);
  if (name->account != call.account()) {
    return Error(api::errors::kAuthorizationError,
                 "User: " + call.caller.arn + " is not authorized on resource: " + arn);
  }
  return std::move(*name);
}

std::string endpoint_arn(const PlatformName& application, const std::string& id) {
  return "arn:aws:sns:" + application.region + ":" + application.account + ":endpoint/" + application.platform + "/" +
         application.name + "/" + id;
}

std::map<std::string, std::string> shown(const PlatformEndpoint& endpoint) {
  std::map<std::string, std::string> attributes = endpoint.attributes;
  attributes.try_emplace("Enabled", "true");
  attributes["Token"] = endpoint.token;
  return attributes;
}

/// Credentials are never shown again.
std::map<std::string, std::string> shown(const PlatformApplication& application) {
  std::map<std::string, std::string> attributes = application.attributes;
  attributes.erase("PlatformCredential");
  attributes.erase("PlatformPrincipal");
  attributes.try_emplace("Enabled", "true");
  return attributes;
}

Result<void> take(PlatformEndpoint& endpoint, const std::map<std::string, std::string>& attributes) {
  for (const auto& [name, value] : attributes) {
    if (name == "Token") {
      if (value.empty() || value.size() > kTokenLimit) return invalid("Token Reason: Invalid value");
      endpoint.token = value;
    } else if (name == "Enabled") {
      const std::string flag = to_lower(value);
      if (flag != "true" && flag != "false") return invalid("Enabled Reason: Invalid value");
      endpoint.attributes[name] = flag;
    } else if (name == "CustomUserData") {
      if (value.size() > kUserDataLimit)
        return invalid("CustomUserData Reason: must be at most 2048 bytes long in UTF-8 encoding");
      endpoint.attributes[name] = value;
    } else {
      return invalid("Attributes Reason: Invalid attribute name: " + name);
    }
  }
  return {};
}

}  // namespace

void PlatformOperations::register_on(wire::Service& service) {
  service.on<api::CreatePlatformApplication>([this](Call& c, const auto& in) { return create(c, in); });
  service.on<api::DeletePlatformApplication>([this](Call& c, const auto& in) { return remove(c, in); });
  service.on<api::ListPlatformApplications>([this](Call& c, const auto& in) { return list(c, in); });
  service.on<api::GetPlatformApplicationAttributes>([this](Call& c, const auto& in) { return get_attributes(c, in); });
  service.on<api::SetPlatformApplicationAttributes>([this](Call& c, const auto& in) { return set_attributes(c, in); });
  service.on<api::CreatePlatformEndpoint>([this](Call& c, const auto& in) { return create_endpoint(c, in); });
  service.on<api::DeleteEndpoint>([this](Call& c, const auto& in) { return delete_endpoint(c, in); });
  service.on<api::GetEndpointAttributes>([this](Call& c, const auto& in) { return get_endpoint(c, in); });
  service.on<api::SetEndpointAttributes>([this](Call& c, const auto& in) { return set_endpoint(c, in); });
  service.on<api::ListEndpointsByPlatformApplication>(
      [this](Call& c, const auto& in) { return list_endpoints(c, in); });
}

Task<api::CreatePlatformApplicationResponse> PlatformOperations::create(
    Call& call, const api::CreatePlatformApplicationInput& input) {
  PlatformApplication application;
  application.account = call.account();
  application.region = call.region;
  application.platform = input.platform;
  application.name = input.name;
  application.attributes = input.attributes;
  if (input.platform != "GCM" && input.platform != "APNS" && input.platform != "APNS_SANDBOX") {
    co_return invalid("Platform Reason: this server pushes through GCM, APNS and APNS_SANDBOX, not " + input.platform);
  }
  const bool named =
      !input.name.empty() && input.name.size() <= 256 && std::all_of(input.name.begin(), input.name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
               c == '.';
      });
  if (!named) {
    co_return invalid(input.name +
                      " Reason: must be at most 256 characters long and contain only characters 'a'-'z', "
                      "'A'-'Z', '0'-'9', '_', '-', and '.'");
  }
  co_await check(application);
  const PlatformStore store(call.account(), call.region);
  const auto write = [&](Transaction& txn) -> Task<void> {
    const std::optional<PlatformApplication> existing =
        co_await store.find_application(txn, application.platform, application.name);
    if (existing && existing->attributes != application.attributes)
      co_await fail(invalid("Attributes Reason: " + application.arn() + " already exists with different attributes"));
    store.put_application(txn, application);
  };
  co_await storage::transact(parts_.database, write);
  api::CreatePlatformApplicationResponse output;
  output.platform_application_arn = application.arn();
  co_return output;
}

/// Idempotent; its endpoints go with it, in bounded steps.
Task<api::DeletePlatformApplicationOutput> PlatformOperations::remove(
    Call& call, const api::DeletePlatformApplicationInput& input) {
  const PlatformName name = co_await application_of(call, input.platform_application_arn);
  const PlatformStore store(name.account, name.region);
  bool more = true;
  while (more) {
    const auto erase = [&](Transaction& txn) -> Task<bool> {
      store.erase_application(txn, name);
      const std::vector<PlatformEndpoint> some = co_await store.list_endpoints(txn, name, "", kEndpointsErasedAtOnce);
      for (const PlatformEndpoint& endpoint : some) store.erase_endpoint(txn, name, endpoint);
      co_return some.size() == kEndpointsErasedAtOnce;
    };
    more = co_await storage::transact(parts_.database, erase);
  }
  co_return api::DeletePlatformApplicationOutput();
}

Task<api::ListPlatformApplicationsResponse> PlatformOperations::list(Call& call,
                                                                     const api::ListPlatformApplicationsInput& input) {
  const std::vector<std::string> after = co_await read_token(input.next_token, 1);
  const PlatformStore store(call.account(), call.region);
  const auto read = [&](Transaction& txn) -> Task<std::vector<PlatformApplication>> {
    co_return co_await store.list_applications(txn, after[0], kPlatformPage + 1);
  };
  std::vector<PlatformApplication> rows = co_await storage::transact(parts_.database, read);
  api::ListPlatformApplicationsResponse output;
  output.platform_applications.emplace();
  if (rows.size() > kPlatformPage) {
    rows.resize(kPlatformPage);
    output.next_token = make_token({rows.back().arn()});
  }
  for (const PlatformApplication& row : rows) {
    api::PlatformApplication& one = output.platform_applications->emplace_back();
    one.platform_application_arn = row.arn();
    one.attributes = shown(row);
  }
  co_return output;
}

Task<api::GetPlatformApplicationAttributesResponse> PlatformOperations::get_attributes(
    Call& call, const api::GetPlatformApplicationAttributesInput& input) {
  const PlatformName name = co_await application_of(call, input.platform_application_arn);
  const PlatformStore store(name.account, name.region);
  const auto read = [&](Transaction& txn) -> Task<std::optional<PlatformApplication>> {
    co_return co_await store.find_application(txn, name.platform, name.name);
  };
  const std::optional<PlatformApplication> row = co_await storage::transact(parts_.database, read);
  if (!row) co_return application_gone();
  api::GetPlatformApplicationAttributesResponse output;
  output.attributes = shown(*row);
  co_return output;
}

Task<api::SetPlatformApplicationAttributesOutput> PlatformOperations::set_attributes(
    Call& call, const api::SetPlatformApplicationAttributesInput& input) {
  const PlatformName name = co_await application_of(call, input.platform_application_arn);
  const PlatformStore store(name.account, name.region);
  PlatformApplication changed;
  const auto write = [&](Transaction& txn) -> Task<void> {
    std::optional<PlatformApplication> row = co_await store.find_application(txn, name.platform, name.name);
    if (!row) co_await fail(application_gone());
    changed = std::move(*row);
    for (const auto& [key, value] : input.attributes) {
      if (value.empty())
        changed.attributes.erase(key);
      else
        changed.attributes[key] = value;
    }
    co_await check(changed);
    store.put_application(txn, changed);
  };
  co_await storage::transact(parts_.database, write);
  push_.forget_token(changed);
  co_return api::SetPlatformApplicationAttributesOutput();
}

/// Idempotent for the same token with attributes that agree.
Task<api::CreateEndpointResponse> PlatformOperations::create_endpoint(Call& call,
                                                                      const api::CreatePlatformEndpointInput& input) {
  const PlatformName name = co_await application_of(call, input.platform_application_arn);
  PlatformEndpoint wanted;
  wanted.id = uuid();
  std::map<std::string, std::string> attributes = input.attributes.value_or(std::map<std::string, std::string>());
  attributes["Token"] = input.token;
  if (input.custom_user_data) attributes["CustomUserData"] = *input.custom_user_data;
  co_await take(wanted, attributes);
  const PlatformStore store(name.account, name.region);
  const auto write = [&](Transaction& txn) -> Task<std::string> {
    const std::optional<PlatformApplication> application =
        co_await store.find_application(txn, name.platform, name.name);
    if (!application) co_await fail(application_gone());
    const std::optional<PlatformEndpoint> existing = co_await store.find_by_token(txn, name, wanted.token);
    if (existing) {
      const auto data = [](const PlatformEndpoint& endpoint) {
        const auto found = endpoint.attributes.find("CustomUserData");
        return found == endpoint.attributes.end() ? std::string() : found->second;
      };
      if (existing->enabled() != wanted.enabled() || data(*existing) != data(wanted)) {
        co_await fail(invalid("Token Reason: Endpoint " + endpoint_arn(name, existing->id) +
                              " already exists with the same Token, but different attributes."));
      }
      co_return existing->id;
    }
    store.put_endpoint(txn, name, wanted);
    tell_topic(parts_, txn, *application, "EventEndpointCreated", wanted);
    co_return wanted.id;
  };
  const std::string id = co_await storage::transact(parts_.database, write);
  api::CreateEndpointResponse output;
  output.endpoint_arn = endpoint_arn(name, id);
  co_return output;
}

/// Idempotent.
Task<api::DeleteEndpointOutput> PlatformOperations::delete_endpoint(Call& call, const api::DeleteEndpointInput& input) {
  const PlatformName name = co_await endpoint_of(call, input.endpoint_arn);
  const PlatformStore store(name.account, name.region);
  const auto write = [&](Transaction& txn) -> Task<void> {
    const std::optional<PlatformEndpoint> endpoint = co_await store.find_endpoint(txn, name);
    if (!endpoint) co_return;
    store.erase_endpoint(txn, name, *endpoint);
    const std::optional<PlatformApplication> application =
        co_await store.find_application(txn, name.platform, name.name);
    if (application) tell_topic(parts_, txn, *application, "EventEndpointDeleted", *endpoint);
  };
  co_await storage::transact(parts_.database, write);
  co_return api::DeleteEndpointOutput();
}

Task<api::GetEndpointAttributesResponse> PlatformOperations::get_endpoint(
    Call& call, const api::GetEndpointAttributesInput& input) {
  const PlatformName name = co_await endpoint_of(call, input.endpoint_arn);
  const PlatformStore store(name.account, name.region);
  const auto read = [&](Transaction& txn) -> Task<std::optional<PlatformEndpoint>> {
    co_return co_await store.find_endpoint(txn, name);
  };
  const std::optional<PlatformEndpoint> endpoint = co_await storage::transact(parts_.database, read);
  if (!endpoint) co_return endpoint_gone();
  api::GetEndpointAttributesResponse output;
  output.attributes = shown(*endpoint);
  co_return output;
}

Task<api::SetEndpointAttributesOutput> PlatformOperations::set_endpoint(Call& call,
                                                                        const api::SetEndpointAttributesInput& input) {
  const PlatformName name = co_await endpoint_of(call, input.endpoint_arn);
  const PlatformStore store(name.account, name.region);
  const auto write = [&](Transaction& txn) -> Task<void> {
    const std::optional<PlatformEndpoint> before = co_await store.find_endpoint(txn, name);
    if (!before) co_await fail(endpoint_gone());
    PlatformEndpoint after = *before;
    co_await take(after, input.attributes);
    if (after.token != before->token) {
      const std::optional<PlatformEndpoint> other = co_await store.find_by_token(txn, name, after.token);
      if (other) {
        co_await fail(invalid("Token Reason: Endpoint " + endpoint_arn(name, other->id) +
                              " already exists with the same Token, but different attributes."));
      }
      store.erase_endpoint(txn, name, *before);
    }
    store.put_endpoint(txn, name, after);
    const std::optional<PlatformApplication> application =
        co_await store.find_application(txn, name.platform, name.name);
    if (application) tell_topic(parts_, txn, *application, "EventEndpointUpdated", after);
  };
  co_await storage::transact(parts_.database, write);
  co_return api::SetEndpointAttributesOutput();
}

Task<api::ListEndpointsByPlatformApplicationResponse> PlatformOperations::list_endpoints(
    Call& call, const api::ListEndpointsByPlatformApplicationInput& input) {
  const PlatformName name = co_await application_of(call, input.platform_application_arn);
  const std::vector<std::string> after = co_await read_token(input.next_token, 1);
  const PlatformStore store(name.account, name.region);
  const auto read = [&](Transaction& txn) -> Task<std::vector<PlatformEndpoint>> {
    if (!co_await store.find_application(txn, name.platform, name.name)) co_await fail(application_gone());
    co_return co_await store.list_endpoints(txn, name, after[0], kPlatformPage + 1);
  };
  std::vector<PlatformEndpoint> rows = co_await storage::transact(parts_.database, read);
  api::ListEndpointsByPlatformApplicationResponse output;
  output.endpoints.emplace();
  if (rows.size() > kPlatformPage) {
    rows.resize(kPlatformPage);
    output.next_token = make_token({rows.back().id});
  }
  for (const PlatformEndpoint& row : rows) {
    api::Endpoint& one = output.endpoints->emplace_back();
    one.endpoint_arn = endpoint_arn(name, row.id);
    one.attributes = shown(row);
  }
  co_return output;
}

}  // namespace cumulet::sns
