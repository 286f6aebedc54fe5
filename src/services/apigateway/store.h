#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "services/apigateway/model.h"
#include "storage/database.h"

namespace cumulet::apigateway {

/// What an API consists of.
enum class Part { kRoute, kIntegration, kStage, kDeployment };

/// Rows are JSON documents with the members of the Get operations' answers. Layout:
///   ("apigw", account, region, "api", api)              the API
///   ("apigw", account, region, "part", api, part, id)   its routes, integrations, stages, deployments
///   ("apigw", account, region, "live", api, id)         what a deployment froze: {"routes":[…],"integrations":[…]}
///   ("apigw-id", api)                                   account and region: an invoke URL names neither
/// Every function works inside the caller's transaction.
class Store {
 public:
  Store(std::string account, std::string region) : account_(std::move(account)), region_(std::move(region)) {}

  static std::string space() { return "apigw"; }
  /// Of every key that shapes what an API serves: the API's own rows.
  static std::string prefix();
  static Task<std::optional<ApiAddress>> locate(storage::Transaction& txn, std::string api_id);

  Task<std::optional<std::string>> find_api(storage::Transaction& txn, std::string api_id) const;
  void put_api(storage::Transaction& txn, const std::string& api_id, std::string document) const;
  /// The API with all its parts.
  Task<void> erase_api(storage::Transaction& txn, std::string api_id) const;
  Task<std::vector<std::string>> list_apis(storage::Transaction& txn, std::string after, std::size_t limit) const;

  Task<std::optional<std::string>> find(storage::Transaction& txn, std::string api_id, Part part, std::string id) const;
  void put(storage::Transaction& txn, const std::string& api_id, Part part, const std::string& id,
           std::string document) const;
  void erase(storage::Transaction& txn, const std::string& api_id, Part part, const std::string& id) const;
  /// Documents of a part in the order of their ids.
  Task<std::vector<std::string>> list(storage::Transaction& txn, std::string api_id, Part part, std::string after,
                                      std::size_t limit) const;

  Task<std::optional<std::string>> find_frozen(storage::Transaction& txn, std::string api_id,
                                               std::string deployment_id) const;
  void put_frozen(storage::Transaction& txn, const std::string& api_id, const std::string& deployment_id,
                  std::string document) const;
  void erase_frozen(storage::Transaction& txn, const std::string& api_id, const std::string& deployment_id) const;

 private:
  std::string api_key(const std::string& api_id) const;
  std::string part_key(const std::string& api_id, Part part, const std::string& id) const;
  std::string frozen_key(const std::string& api_id, const std::string& deployment_id) const;

  std::string account_;
  std::string region_;
};

/// The most parts of one kind that an API may have.
inline constexpr std::size_t kPartLimit = 300;

}  // namespace cumulet::apigateway
