#include "services/s3/archive.h"
#include "services/s3/errors.h"
#include "services/s3/lifecycle_rules.h"
#include "services/s3/s3.h"
#include "services/s3/versions.h"
#include "wire/document.h"

namespace cumulet::s3 {
namespace api = wire::s3;

namespace {

constexpr const char* kLargeOnly = "all_storage_classes_128K";
constexpr const char* kByClass = "varies_by_storage_class";

}  // namespace

void S3::register_lifecycle() {
  service_.on<api::PutBucketLifecycleConfiguration>(
      [this](Call& c, const auto& in) { return put_bucket_lifecycle(c, in); });
  service_.on<api::GetBucketLifecycleConfiguration>(
      [this](Call& c, const auto& in) -> Task<api::GetBucketLifecycleConfigurationOutput> {
        const std::string document =
            co_await get(c, in.bucket, "s3:GetLifecycleConfiguration", &Bucket::lifecycle,
                         "NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist");
        api::PutBucketLifecycleConfigurationRequest put =
            co_await wire::read_input<api::PutBucketLifecycleConfiguration>(document);
        api::GetBucketLifecycleConfigurationOutput output;
        if (put.lifecycle_configuration) output.rules = std::move(put.lifecycle_configuration->rules);
        output.transition_default_minimum_object_size = put.transition_default_minimum_object_size;
        co_return output;
      });
  service_.on<api::DeleteBucketLifecycle>([this](Call& c, const auto& in) -> Task<api::DeleteBucketLifecycleOutput> {
    co_await set(c, in.bucket, "s3:PutLifecycleConfiguration", &Bucket::lifecycle, "");
    co_return api::DeleteBucketLifecycleOutput();
  });
  service_.on<api::RestoreObject>([this](Call& c, const auto& in) { return restore_object(c, in); });
}

Task<api::PutBucketLifecycleConfigurationOutput> S3::put_bucket_lifecycle(
    Call& call, const api::PutBucketLifecycleConfigurationRequest& input) {
  const Bucket bucket =
      co_await permit(call, input.bucket, "s3:PutLifecycleConfiguration", {}, input.expected_bucket_owner);
  if (!input.lifecycle_configuration) co_return malformed_xml();
  api::PutBucketLifecycleConfigurationRequest wanted = input;
  give_ids(*wanted.lifecycle_configuration);
  co_await check_lifecycle(*wanted.lifecycle_configuration);
  const std::string smallest = input.transition_default_minimum_object_size.value_or(kLargeOnly);
  if (smallest != kLargeOnly && smallest != kByClass) {
    co_return invalid_argument("Invalid TransitionDefaultMinimumObjectSize found: " + smallest,
                               "x-amz-transition-default-minimum-object-size", smallest);
  }
  wanted.transition_default_minimum_object_size = smallest;
  const std::string document = wire::input_document<api::PutBucketLifecycleConfiguration>(wanted);
  const auto write = [&](storage::Transaction& txn) -> Task<void> {
    std::optional<Bucket> now = co_await find_bucket(txn, bucket.name);
    if (!now) co_await fail(no_such_bucket(bucket.name));
    now->lifecycle = document;
    put_bucket(txn, *now);
    lifecycle_.begin(txn, *now);
  };
  co_await storage::transact(database_, write);
  api::PutBucketLifecycleConfigurationOutput output;
  output.transition_default_minimum_object_size = smallest;
  co_return output;
}

Task<api::RestoreObjectOutput> S3::restore_object(Call& call, const api::RestoreObjectRequest& input) {
  const Bucket bucket = co_await permit(call, input.bucket, "s3:RestoreObject", input.key, input.expected_bucket_owner);
  co_await check_version_id(input.version_id);
  if (!input.restore_request) co_return malformed_xml();
  const api::RestoreRequest& wanted = *input.restore_request;
  bool again = false;
  const auto write = [&](storage::Transaction& txn) -> Task<void> {
    Found found = co_await find_version(txn, bucket, input.key, input.version_id);
    co_await check_restore(wanted, found.object);
    const std::int64_t now = clock_.now_millis();
    again = found.object.restored_until > now;
    found.object.restored_until = restored_until(wanted, now);
    put_version_row(txn, bucket, found.object, found.current);
    if (again) co_return;
    co_await notifications_.record(txn, bucket, call, ObjectChange::kBeginRestore, found.object);
    co_await notifications_.record(txn, bucket, call, ObjectChange::kRestore, found.object);
  };
  co_await storage::transact(database_, write);
  call.reply_status = again ? 200 : 202;
  co_return api::RestoreObjectOutput();
}

}  // namespace cumulet::s3
