#include "services/s3/errors.h"
#include "services/s3/object_lock.h"
#include "services/s3/s3.h"
#include "services/s3/versions.h"
#include "wire/document.h"

namespace cumulet::s3 {
namespace api = wire::s3;

namespace {

Error no_lock_on_object(const std::string& key) {
  return Error("NoSuchObjectLockConfiguration", 404, "The specified object does not have a ObjectLock configuration")
      .with("Key", key);
}

}  // namespace

void S3::register_object_lock() {
  service_.on<api::PutObjectLockConfiguration>(
      [this](Call& c, const auto& in) -> Task<api::PutObjectLockConfigurationOutput> {
        co_await check_lock_configuration(in.object_lock_configuration);
        const auto allowed = [](const Bucket& bucket) -> Result<void> {
          if (bucket.versioning == "Enabled") return {};
          return Error("InvalidBucketState", 409,
                       "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration");
        };
        co_await set(c, in.bucket, "s3:PutBucketObjectLockConfiguration", &Bucket::object_lock,
                     wire::input_document<api::PutObjectLockConfiguration>(in), allowed);
        co_return api::PutObjectLockConfigurationOutput();
      });
  service_.on<api::GetObjectLockConfiguration>([this](Call& c,
                                                      const auto& in) -> Task<api::GetObjectLockConfigurationOutput> {
    const std::string document = co_await get(c, in.bucket, "s3:GetBucketObjectLockConfiguration", &Bucket::object_lock,
                                              "ObjectLockConfigurationNotFoundError",
                                              "Object Lock configuration does not exist for this bucket");
    api::PutObjectLockConfigurationRequest put = co_await wire::read_input<api::PutObjectLockConfiguration>(document);
    api::GetObjectLockConfigurationOutput output;
    output.object_lock_configuration = std::move(put.object_lock_configuration);
    co_return output;
  });
  service_.on<api::PutObjectRetention>([this](Call& c, const auto& in) { return put_object_retention(c, in); });
  service_.on<api::GetObjectRetention>([this](Call& c, const auto& in) -> Task<api::GetObjectRetentionOutput> {
    const Bucket bucket = co_await permit(c, in.bucket, "s3:GetObjectRetention", in.key, in.expected_bucket_owner);
    co_await check_version_id(in.version_id);
    co_await require_lock(bucket);
    const Object object = co_await require_object(bucket, in.key, in.version_id);
    if (object.lock.mode.empty()) co_return no_lock_on_object(in.key);
    api::GetObjectRetentionOutput output;
    output.retention.emplace().mode = object.lock.mode;
    output.retention->retain_until_date = Timestamp(std::chrono::milliseconds(object.lock.retain_until));
    co_return output;
  });
  service_.on<api::PutObjectLegalHold>([this](Call& c, const auto& in) { return put_object_legal_hold(c, in); });
  service_.on<api::GetObjectLegalHold>([this](Call& c, const auto& in) -> Task<api::GetObjectLegalHoldOutput> {
    const Bucket bucket = co_await permit(c, in.bucket, "s3:GetObjectLegalHold", in.key, in.expected_bucket_owner);
    co_await check_version_id(in.version_id);
    co_await require_lock(bucket);
    const Object object = co_await require_object(bucket, in.key, in.version_id);
    if (object.lock.legal_hold.empty()) co_return no_lock_on_object(in.key);
    api::GetObjectLegalHoldOutput output;
    output.legal_hold.emplace().status = object.lock.legal_hold;
    co_return output;
  });
}

Task<api::PutObjectRetentionOutput> S3::put_object_retention(Call& call, const api::PutObjectRetentionRequest& input) {
  const Bucket bucket =
      co_await permit(call, input.bucket, "s3:PutObjectRetention", input.key, input.expected_bucket_owner);
  co_await check_version_id(input.version_id);
  co_await require_lock(bucket);
  const std::int64_t now = clock_.now_millis();
  const ObjectLock wanted = co_await retention_of(input.retention, now);
  const bool bypass = co_await bypasses(call, input.bucket, input.key, input.bypass_governance_retention);
  const auto write = [&](storage::Transaction& txn) -> Task<void> {
    Found found = co_await find_version(txn, bucket, input.key, input.version_id);
    co_await check_retention_change(found.object.lock, wanted, now, bypass);
    found.object.lock.mode = wanted.mode;
    found.object.lock.retain_until = wanted.retain_until;
    put_version_row(txn, bucket, found.object, found.current);
  };
  co_await storage::transact(database_, write);
  co_return api::PutObjectRetentionOutput();
}

Task<api::PutObjectLegalHoldOutput> S3::put_object_legal_hold(Call& call, const api::PutObjectLegalHoldRequest& input) {
  const Bucket bucket =
      co_await permit(call, input.bucket, "s3:PutObjectLegalHold", input.key, input.expected_bucket_owner);
  co_await check_version_id(input.version_id);
  co_await require_lock(bucket);
  const std::string status = input.legal_hold ? input.legal_hold->status.value_or("") : "";
  if (status != "ON" && status != "OFF") co_return malformed_xml();
  const auto write = [&](storage::Transaction& txn) -> Task<void> {
    Found found = co_await find_version(txn, bucket, input.key, input.version_id);
    found.object.lock.legal_hold = status;
    put_version_row(txn, bucket, found.object, found.current);
  };
  co_await storage::transact(database_, write);
  co_return api::PutObjectLegalHoldOutput();
}

Task<ObjectLock> S3::permitted_lock(Call& call, const Bucket& bucket, std::string key, AskedLock asked) {
  if (asked.mode) co_await permit(call, bucket.name, "s3:PutObjectRetention", key);
  if (asked.legal_hold) co_await permit(call, bucket.name, "s3:PutObjectLegalHold", key);
  co_return lock_of(asked, bucket, clock_.now_millis());
}

Task<bool> S3::bypasses(Call& call, std::string bucket, std::string key, std::optional<bool> asked) {
  if (!asked.value_or(false)) co_return false;
  co_await permit(call, bucket, "s3:BypassGovernanceRetention", key);
  co_return true;
}

Task<void> S3::check_unlocked(storage::Transaction& txn, const Bucket& bucket, std::string key, std::string version_id,
                              bool bypass) {
  if (bucket.object_lock.empty()) co_return;
  const Result<Found> found = co_await attempt(find_version(txn, bucket, key, version_id));
  if (!found.ok()) {
    if (found.error().is(errors::kTransactionConflict)) co_await fail(found.error());
    co_return;  // Not there, or a delete marker, which has no lock.
  }
  if (is_protected(found->object.lock, clock_.now_millis(), bypass)) co_await fail(protected_by_lock());
}

}  // namespace cumulet::s3
