#include "base/ids.h"
#include "services/s3/encryption.h"
#include "services/s3/errors.h"
#include "services/s3/inventory_configurations.h"
#include "services/s3/s3.h"

namespace cumulet::s3 {
namespace api = wire::s3;

namespace {

constexpr std::size_t kInventoryPage = 100;

}  // namespace

void S3::register_inventory() {
  service_.on<api::PutBucketInventoryConfiguration>(
      [this](Call& c, const auto& in) -> Task<api::PutBucketInventoryConfigurationOutput> {
        co_await permit(c, in.bucket, "s3:PutInventoryConfiguration", {}, in.expected_bucket_owner);
        co_await check_inventory(in);
        const auto write = [&](storage::Transaction& txn) -> Task<void> {
          co_await put_inventory(txn, in);
          inventory_.begin(txn, in.bucket, in.inventory_configuration);
        };
        co_await storage::transact(database_, write);
        co_return api::PutBucketInventoryConfigurationOutput();
      });
  service_.on<api::GetBucketInventoryConfiguration>(
      [this](Call& c, const auto& in) -> Task<api::GetBucketInventoryConfigurationOutput> {
        co_await permit(c, in.bucket, "s3:GetInventoryConfiguration", {}, in.expected_bucket_owner);
        const auto read = [&in](storage::Transaction& txn) { return find_inventory(txn, in.bucket, in.id); };
        api::GetBucketInventoryConfigurationOutput output;
        output.inventory_configuration = co_await storage::transact(database_, read);
        if (!output.inventory_configuration) co_return no_such_configuration();
        co_return output;
      });
  service_.on<api::DeleteBucketInventoryConfiguration>(
      [this](Call& c, const auto& in) -> Task<api::DeleteBucketInventoryConfigurationOutput> {
        co_await permit(c, in.bucket, "s3:PutInventoryConfiguration", {}, in.expected_bucket_owner);
        const auto erase = [&in](storage::Transaction& txn) -> Task<void> {
          const auto found = co_await find_inventory(txn, in.bucket, in.id);
          if (!found) co_await fail(no_such_configuration());
          erase_inventory(txn, in.bucket, in.id);
        };
        co_await storage::transact(database_, erase);
        co_return api::DeleteBucketInventoryConfigurationOutput();
      });
  service_.on<api::ListBucketInventoryConfigurations>(
      [this](Call& c, const auto& in) { return list_bucket_inventories(c, in); });
}

Task<api::ListBucketInventoryConfigurationsOutput> S3::list_bucket_inventories(
    Call& call, const api::ListBucketInventoryConfigurationsRequest& input) {
  co_await permit(call, input.bucket, "s3:GetInventoryConfiguration", {}, input.expected_bucket_owner);
  const std::string after = input.continuation_token.value_or("");
  const auto read = [&](storage::Transaction& txn) {
    return list_inventories(txn, input.bucket, after, kInventoryPage + 1);
  };
  std::vector<api::InventoryConfiguration> page = co_await storage::transact(database_, read);
  api::ListBucketInventoryConfigurationsOutput output;
  output.continuation_token = input.continuation_token;
  output.is_truncated = page.size() > kInventoryPage;
  if (*output.is_truncated) {
    page.pop_back();
    output.next_continuation_token = page.back().id;
  }
  output.inventory_configuration_list = std::move(page);
  co_return output;
}

Task<void> S3::write_inventory(const Bucket& destination, std::string key, std::string content_type, std::string bytes,
                               std::string encryption) {
  ServiceObject wanted;
  wanted.actor = "s3.amazonaws.com";
  wanted.key = std::move(key);
  wanted.content_type = std::move(content_type);
  wanted.encryption = std::move(encryption);
  co_await write_as_service(destination, std::move(wanted), std::move(bytes));
}

/// As any write: the bucket's encryption and retention are its own.
Task<void> S3::write_as_service(const Bucket& bucket, ServiceObject wanted, std::string bytes) {
  std::optional<std::string> asked;
  if (!wanted.encryption.empty()) asked = wanted.encryption;
  const std::string encryption = co_await encryption_for(bucket, asked, std::nullopt);
  StringBody body(std::move(bytes));
  const SealingKey* const sealing = encryption.empty() ? nullptr : &sealing_;
  Received received = co_await receive(blobs_, body, std::nullopt, false, sealing);
  Object object;
  object.key = std::move(wanted.key);
  object.metadata.content_type = std::move(wanted.content_type);
  object.metadata.storage_class = "STANDARD";
  object.size = received.size;
  object.modified = clock_.now_millis();
  object.etag = received.etag;
  object.acl = std::move(wanted.acl);
  apply_default_lock(bucket, object.modified, object.lock);
  place(object, received, encryption);
  net::Request request;
  request.remote_address = wanted.actor;
  wire::Call call(request);
  call.request_id = uuid();
  call.caller.account = call.caller.unique_id = wanted.actor;
  co_await replace_object(call, ObjectChange::kPut, bucket, std::move(object), std::move(received.bytes),
                          WriteConditions());
}

}  // namespace cumulet::s3
