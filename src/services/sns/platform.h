#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "services/sns/parts.h"

namespace cumulet::sns {

/// An application of a push platform. ARN: …:app/PLATFORM/NAME.
struct PlatformApplication {
  std::string account;
  std::string region;
  std::string platform;  ///< GCM, APNS, APNS_SANDBOX.
  std::string name;
  std::map<std::string, std::string> attributes;  ///< Credentials too.

  std::string arn() const { return "arn:aws:sns:" + region + ":" + account + ":app/" + platform + "/" + name; }
  std::string attribute(const std::string& key) const {
    const auto found = attributes.find(key);
    return found == attributes.end() ? std::string() : found->second;
  }
};

/// One device. ARN: …:endpoint/PLATFORM/NAME/ID.
struct PlatformEndpoint {
  std::string id;
  std::string token;
  std::map<std::string, std::string> attributes;  ///< Enabled, CustomUserData, Token.
  bool enabled() const {
    const auto found = attributes.find("Enabled");
    return found == attributes.end() || found->second == "true";
  }
};

/// What an ARN of an application or endpoint names.
struct PlatformName {
  std::string account;
  std::string region;
  std::string platform;
  std::string name;
  std::string id;  ///< Of endpoints.
};
std::optional<PlatformName> parse_application_arn(std::string_view arn);
std::optional<PlatformName> parse_endpoint_arn(std::string_view arn);

/// Layout, below ("sns-push", account, region): ("a", platform, name) application; ("e", platform, name, id) endpoint;
/// ("t", platform, name, token) id of the endpoint with that token. Rows that topics' caches do not depend on.
class PlatformStore {
 public:
  PlatformStore(std::string account, std::string region) : account_(std::move(account)), region_(std::move(region)) {}

  Task<std::optional<PlatformApplication>> find_application(storage::Transaction& txn, std::string platform,
                                                            std::string name) const;
  void put_application(storage::Transaction& txn, const PlatformApplication& application) const;
  void erase_application(storage::Transaction& txn, const PlatformName& name) const;
  Task<std::vector<PlatformApplication>> list_applications(storage::Transaction& txn, std::string after,
                                                           std::size_t limit) const;

  Task<std::optional<PlatformEndpoint>> find_endpoint(storage::Transaction& txn, PlatformName name) const;
  Task<std::optional<PlatformEndpoint>> find_by_token(storage::Transaction& txn, PlatformName application,
                                                      std::string token) const;
  void put_endpoint(storage::Transaction& txn, const PlatformName& application, const PlatformEndpoint& row) const;
  void erase_endpoint(storage::Transaction& txn, const PlatformName& application, const PlatformEndpoint& row) const;
  Task<std::vector<PlatformEndpoint>> list_endpoints(storage::Transaction& txn, PlatformName application,
                                                     std::string after, std::size_t limit) const;

 private:
  storage::Key space(std::string_view kind) const;
  std::string account_;
  std::string region_;
};

/// Records an event of an application (EventEndpointCreated, …) for the topic that wants it.
void tell_topic(Parts& parts, storage::Transaction& txn, const PlatformApplication& application,
                const std::string& event_attribute, const PlatformEndpoint& endpoint, const std::string& reason = {});

}  // namespace cumulet::sns
