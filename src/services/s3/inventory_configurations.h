#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "storage/database.h"
#include "wire/generated/s3.h"

/// A bucket's inventory configurations, each in a row of its own.
///   ("s3-inventory", bucket, id)   the input of PutBucketInventoryConfiguration, as JSON
/// https://docs.aws.amazon.com/AmazonS3/latest/userguide/configure-inventory.html
namespace cumulet::s3 {

/// Fails with InvalidArgument, InvalidConfigurationId, InvalidS3DestinationBucket, MalformedXML or, for what is not
/// made here (ORC, Parquet), NotImplemented.
Result<void> check_inventory(const wire::s3::PutBucketInventoryConfigurationRequest& input);

/// The destination's name, out of its ARN; nullopt when it is none.
std::optional<std::string> inventory_destination(const wire::s3::InventoryConfiguration& configuration);

/// Fails with TooManyConfigurations.
Task<void> put_inventory(storage::Transaction& txn, wire::s3::PutBucketInventoryConfigurationRequest input);
Task<std::optional<wire::s3::InventoryConfiguration>> find_inventory(storage::Transaction& txn, std::string bucket,
                                                                     std::string id);
/// By id, after `after`.
Task<std::vector<wire::s3::InventoryConfiguration>> list_inventories(storage::Transaction& txn, std::string bucket,
                                                                     std::string after, std::size_t limit);
void erase_inventory(storage::Transaction& txn, const std::string& bucket, const std::string& id);
/// All of a bucket that goes.
Task<void> erase_all_inventories(storage::Transaction& txn, std::string bucket);

}  // namespace cumulet::s3
