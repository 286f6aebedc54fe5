#include <algorithm>

#include "base/text.h"
#include "services/s3/encryption.h"
#include "services/s3/errors.h"
#include "services/s3/inventory_configurations.h"
#include "services/s3/metrics_configurations.h"
#include "services/s3/object_lock.h"
#include "services/s3/s3.h"
#include "services/s3/versions.h"

namespace cumulet::s3 {
namespace api = wire::s3;

namespace {

constexpr std::size_t kBucketLimit = 10'000;  ///< Of one account: AWS's default quota.

bool is_address(std::string_view name) {
  const std::vector<std::string_view> parts = split(name, '.');
  return parts.size() == 4 && std::all_of(parts.begin(), parts.end(), [](std::string_view part) {
           return !part.empty() && part.find_first_not_of("0123456789") == std::string_view::npos;
         });
}

/// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
bool valid_bucket_name(std::string_view name) {
  if (name.size() < 3 || name.size() > 63) return false;
  if (name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-") != std::string_view::npos) return false;
  const auto edge = [](char c) { return c == '.' || c == '-'; };
  if (edge(name.front()) || edge(name.back()) || name.find("..") != std::string_view::npos) return false;
  for (const char* prefix : {"xn--", "sthree-", "amzn-s3-demo-"}) {
    if (name.starts_with(prefix)) return false;
  }
  for (const char* suffix : {"-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"}) {
    if (name.ends_with(suffix)) return false;
  }
  return !is_address(name);
}

Error invalid_bucket_name(const std::string& name) {
  return Error("InvalidBucketName", 400, "The specified bucket is not valid.").with("BucketName", name);
}

/// What is still being uploaded into a bucket goes with it. Gives the blobs that no row names any more.
Task<std::vector<std::string>> abort_uploads(storage::Transaction& txn, const Contents& contents) {
  std::vector<std::string> blobs;
  while (true) {
    const std::vector<Upload> uploads = co_await contents.list_uploads(txn, "", "", "", 100);
    if (uploads.empty()) co_return blobs;
    for (const Upload& upload : uploads) {
      const std::vector<Part> parts = co_await contents.list_parts(txn, upload.id, 0, kPartNumberLimit);
      for (const Part& part : parts) {
        contents.erase_part(txn, upload.id, part, false);
        blobs.push_back(part.piece.blob);
      }
      contents.erase_upload(txn, upload);
    }
  }
}

}  // namespace

void S3::register_buckets() {
  service_.on<api::CreateBucket>([this](Call& c, const auto& in) { return create_bucket(c, in); });
  service_.on<api::DeleteBucket>([this](Call& c, const auto& in) { return delete_bucket(c, in); });
  service_.on<api::HeadBucket>([this](Call& c, const auto& in) { return head_bucket(c, in); });
  service_.on<api::ListBuckets>([this](Call& c, const auto& in) { return list_all_buckets(c, in); });
  service_.on<api::GetBucketLocation>([this](Call& c, const auto& in) { return get_bucket_location(c, in); });
}

Task<api::CreateBucketOutput> S3::create_bucket(Call& call, const api::CreateBucketRequest& input) {
  if (call.caller.anonymous) co_return access_denied();
  if (!valid_bucket_name(input.bucket)) co_return invalid_bucket_name(input.bucket);
  Bucket bucket;
  bucket.name = input.bucket;
  bucket.account = call.account();
  bucket.region = call.region;
  bucket.created = call.time.time_since_epoch().count() / 1000;
  if (encrypts_new_buckets_) bucket.encryption = sse_s3_by_default(bucket.name);
  co_await give_ownership(input, bucket);
  if (input.object_lock_enabled_for_bucket.value_or(false)) {
    bucket.versioning = "Enabled";
    bucket.object_lock = enabled_lock(bucket.name);
  }
  if (input.create_bucket_configuration && input.create_bucket_configuration->location_constraint) {
    const std::string& wanted = *input.create_bucket_configuration->location_constraint;
    bucket.region = wanted == "EU" ? "eu-west-1" : wanted;
    if (call.region != "us-east-1" && bucket.region != call.region) {
      co_return Error("IllegalLocationConstraintException", 400,
                      "The " + wanted +
                          " location constraint is incompatible for the region specific endpoint this request was "
                          "sent to.");
    }
  } else if (call.region != "us-east-1") {
    co_return Error("IllegalLocationConstraintException", 400,
                    "The unspecified location constraint is incompatible for the region specific endpoint this "
                    "request was sent to.");
  }
  const auto create = [&](storage::Transaction& txn) -> Task<void> {
    const std::optional<Bucket> existing = co_await find_bucket(txn, bucket.name);
    if (existing && existing->account != bucket.account) {
      co_await fail(Error("BucketAlreadyExists", 409,
                          "The requested bucket name is not available. The bucket namespace is shared by all users of "
                          "the system. Please select a different name and try again.")
                        .with("BucketName", bucket.name));
    }
    // As documented, only us-east-1 takes a second creation by the owner for granted.
    if (existing && (existing->region != "us-east-1" || bucket.region != "us-east-1")) {
      co_await fail(Error("BucketAlreadyOwnedByYou", 409,
                          "Your previous request to create the named bucket succeeded and you already own it.")
                        .with("BucketName", bucket.name));
    }
    if (existing) co_return;
    const std::vector<Bucket> owned = co_await s3::list_buckets(txn, bucket.account);
    if (owned.size() >= kBucketLimit) {
      co_await fail(Error("TooManyBuckets", 400, "You have attempted to create more buckets than allowed"));
    }
    put_bucket(txn, bucket);
  };
  co_await storage::transact(database_, create);
  api::CreateBucketOutput output;
  output.location = "/" + bucket.name;
  co_return output;
}

Task<api::DeleteBucketOutput> S3::delete_bucket(Call& call, const api::DeleteBucketRequest& input) {
  const Bucket bucket = co_await permit(call, input.bucket, "s3:DeleteBucket", {}, input.expected_bucket_owner);
  const auto erase = [&bucket](storage::Transaction& txn) -> Task<std::vector<std::string>> {
    const Contents contents(bucket);
    const Versions versions(bucket);
    const bool empty = co_await contents.is_empty(txn);
    const std::optional<std::string> versioned = co_await versions.first_key(txn, "", "");
    if (!empty || versioned) {
      const std::string reason = empty ? "The bucket you tried to delete is not empty. You must delete all versions in "
                                         "the bucket."
                                       : "The bucket you tried to delete is not empty";
      co_await fail(Error("BucketNotEmpty", 409, reason).with("BucketName", bucket.name));
    }
    std::vector<std::string> blobs = co_await abort_uploads(txn, contents);
    co_await erase_all_metrics(txn, bucket.name);
    co_await erase_all_inventories(txn, bucket.name);
    erase_bucket(txn, bucket);
    co_return blobs;
  };
  const std::vector<std::string> blobs = co_await storage::transact(database_, erase);
  co_await watch_.refresh(bucket.name);
  co_await pins_.erase(blobs);
  co_return api::DeleteBucketOutput();
}

Task<api::HeadBucketOutput> S3::head_bucket(Call& call, const api::HeadBucketRequest& input) {
  const Bucket bucket = co_await permit(call, input.bucket, "s3:ListBucket", {}, input.expected_bucket_owner);
  api::HeadBucketOutput output;
  output.bucket_region = bucket.region;
  output.bucket_arn = bucket.arn();
  output.access_point_alias = false;
  co_return output;
}

Task<api::ListBucketsOutput> S3::list_all_buckets(Call& call, const api::ListBucketsRequest& input) {
  if (call.caller.anonymous) co_return access_denied();
  const auto read = [&call](storage::Transaction& txn) { return s3::list_buckets(txn, call.account()); };
  std::vector<Bucket> buckets = co_await storage::transact(database_, read);
  std::sort(buckets.begin(), buckets.end(), [](const Bucket& a, const Bucket& b) { return a.name < b.name; });
  const std::string prefix = input.prefix.value_or("");
  const std::string after = input.continuation_token.value_or("");
  const std::size_t limit = static_cast<std::size_t>(input.max_buckets.value_or(10'000));
  api::ListBucketsOutput output;
  output.buckets.emplace();
  for (const Bucket& bucket : buckets) {
    if (!bucket.name.starts_with(prefix) || bucket.name <= after) continue;
    if (input.bucket_region && *input.bucket_region != bucket.region) continue;
    if (output.buckets->size() == limit) {
      output.continuation_token = output.buckets->back().name;
      break;
    }
    api::Bucket shown;
    shown.name = bucket.name;
    shown.creation_date = Timestamp(std::chrono::milliseconds(bucket.created));
    shown.bucket_region = bucket.region;
    shown.bucket_arn = bucket.arn();
    output.buckets->push_back(std::move(shown));
  }
  output.prefix = input.prefix;
  output.owner.emplace();
  output.owner->id = call.account();
  co_return output;
}

Task<api::GetBucketLocationOutput> S3::get_bucket_location(Call& call, const api::GetBucketLocationRequest& input) {
  const Bucket bucket = co_await permit(call, input.bucket, "s3:GetBucketLocation", {}, input.expected_bucket_owner);
  api::GetBucketLocationOutput output;
  // The answer for us-east-1 is an empty element, as it has been from the beginning.
  output.location_constraint = bucket.region == "us-east-1" ? std::string() : bucket.region;
  co_return output;
}

}  // namespace cumulet::s3
