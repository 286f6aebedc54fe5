#include "services/s3/inventory_configurations.h"

#include <algorithm>
#include <set>
#include <utility>

#include "services/s3/errors.h"
#include "storage/key.h"
#include "wire/document.h"

namespace cumulet::s3 {
namespace api = wire::s3;
namespace {

constexpr std::size_t kInventoryLimit = 1000;  ///< Configurations of one bucket, as documented.
constexpr std::size_t kInventoryIdLimit = 64;
constexpr std::size_t kInventoryPrefixLimit = 512;
constexpr std::string_view kBucketArn = "arn:aws:s3:::";

storage::Key inventories_of(const std::string& bucket) { return storage::Key("s3-inventory").text(bucket); }
std::string inventory_key(const std::string& bucket, const std::string& id) {
  return inventories_of(bucket).text(id).bytes();
}

bool is_inventory_id(const std::string& id) {
  static constexpr const char* kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
  return !id.empty() && id.size() <= kInventoryIdLimit && id.find_first_not_of(kLetters) == std::string::npos;
}

Error not_made_here(const std::string& what) {
  return Error("NotImplemented", 501, "An inventory " + what + " is not implemented by this server.");
}

Result<void> check_destination(const api::InventoryS3BucketDestination& wanted) {
  if (wanted.format == "ORC" || wanted.format == "Parquet") return not_made_here("in the format " + wanted.format);
  if (wanted.format != "CSV") return malformed_xml();
  if (!wanted.bucket.starts_with(kBucketArn) || wanted.bucket.size() == kBucketArn.size()) {
    return Error("InvalidS3DestinationBucket", 400, "Invalid bucket ARN.");
  }
  if (wanted.prefix && wanted.prefix->size() > kInventoryPrefixLimit) {
    return invalid_argument("The destination prefix is too long", "Prefix", *wanted.prefix);
  }
  if (wanted.encryption && wanted.encryption->sses3 && wanted.encryption->ssekms) return malformed_xml();
  return {};
}

Result<void> check_fields(const std::vector<std::string>& fields) {
  static const std::set<std::string> kFields{"Size",
                                             "LastModifiedDate",
                                             "StorageClass",
                                             "ETag",
                                             "IsMultipartUploaded",
                                             "ReplicationStatus",
                                             "EncryptionStatus",
                                             "ObjectLockRetainUntilDate",
                                             "ObjectLockMode",
                                             "ObjectLockLegalHoldStatus",
                                             "IntelligentTieringAccessTier",
                                             "BucketKeyStatus",
                                             "ChecksumAlgorithm",
                                             "ObjectOwner"};
  for (const std::string& field : fields) {
    if (field == "ObjectAccessControlList" || field == "LifecycleExpirationDate") {
      return not_made_here("with the field " + field);
    }
    if (!kFields.contains(field)) return malformed_xml();
  }
  return {};
}

}  // namespace

std::optional<std::string> inventory_destination(const api::InventoryConfiguration& configuration) {
  const std::string& arn = configuration.destination.s3_bucket_destination.bucket;
  if (!arn.starts_with(kBucketArn)) return std::nullopt;
  return arn.substr(kBucketArn.size());
}

Result<void> check_inventory(const api::PutBucketInventoryConfigurationRequest& input) {
  const api::InventoryConfiguration& wanted = input.inventory_configuration;
  if (wanted.id != input.id || !is_inventory_id(input.id)) {
    return Error("InvalidConfigurationId", 400, "The specified configuration ID is not valid.");
  }
  if (wanted.included_object_versions != "All" && wanted.included_object_versions != "Current") return malformed_xml();
  if (wanted.schedule.frequency != "Daily" && wanted.schedule.frequency != "Weekly") return malformed_xml();
  Result<void> destination = check_destination(wanted.destination.s3_bucket_destination);
  if (!destination.ok() || !wanted.optional_fields) return destination;
  return check_fields(*wanted.optional_fields);
}

Task<void> put_inventory(storage::Transaction& txn, api::PutBucketInventoryConfigurationRequest input) {
  const std::string key = inventory_key(input.bucket, input.id);
  const std::optional<std::string> before = co_await txn.get(key);
  if (!before) {
    const std::vector<api::InventoryConfiguration> all =
        co_await list_inventories(txn, input.bucket, "", kInventoryLimit);
    if (all.size() >= kInventoryLimit) {
      co_await fail(Error("TooManyConfigurations", 400,
                          "You are attempting to create a new configuration but have already reached the "
                          "1,000-configuration limit."));
    }
  }
  txn.put(key, wire::input_document<api::PutBucketInventoryConfiguration>(input));
}

Task<std::optional<api::InventoryConfiguration>> find_inventory(storage::Transaction& txn, std::string bucket,
                                                                std::string id) {
  const std::optional<std::string> row = co_await txn.get(inventory_key(bucket, id));
  if (!row) co_return std::optional<api::InventoryConfiguration>();
  api::PutBucketInventoryConfigurationRequest put =
      co_await wire::read_input<api::PutBucketInventoryConfiguration>(*row);
  co_return std::optional<api::InventoryConfiguration>(std::move(put.inventory_configuration));
}

Task<std::vector<api::InventoryConfiguration>> list_inventories(storage::Transaction& txn, std::string bucket,
                                                                std::string after, std::size_t limit) {
  const std::string space = inventories_of(bucket).bytes();
  const std::string from = after.empty() ? space : inventory_key(bucket, after) + '\0';
  const storage::KeyRange range(from, storage::after_prefix(space));
  storage::ScanOptions options;
  options.limit = limit;
  const std::vector<storage::KeyValue> rows = co_await txn.scan(range, options);
  std::vector<api::InventoryConfiguration> found;
  for (const storage::KeyValue& row : rows) {
    api::PutBucketInventoryConfigurationRequest put =
        co_await wire::read_input<api::PutBucketInventoryConfiguration>(row.value);
    found.push_back(std::move(put.inventory_configuration));
  }
  co_return found;
}

void erase_inventory(storage::Transaction& txn, const std::string& bucket, const std::string& id) {
  txn.erase(inventory_key(bucket, id));
}

Task<void> erase_all_inventories(storage::Transaction& txn, std::string bucket) {
  const std::vector<api::InventoryConfiguration> all = co_await list_inventories(txn, bucket, "", kInventoryLimit);
  for (const api::InventoryConfiguration& each : all) erase_inventory(txn, bucket, each.id);
}

}  // namespace cumulet::s3
