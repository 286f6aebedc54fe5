#include "services/s3/cors.h"
#include "services/s3/errors.h"
#include "services/s3/permission.h"
#include "services/s3/s3.h"

namespace cumulet::s3 {

Task<Bucket> S3::bucket_of(Call& call, std::string name, std::optional<std::string> expected_owner) {
  const auto read = [&name](storage::Transaction& txn) { return find_bucket(txn, name); };
  std::optional<Bucket> bucket = co_await storage::transact(database_, read);
  if (!bucket) co_return no_such_bucket(name);
  const std::string_view origin = call.http.headers.get("origin");
  if (!origin.empty() && !bucket->cors.empty()) {
    const auto headers = cors_headers(bucket->cors, origin, call.http.method, {}, false);
    if (headers) {
      for (const auto& [header, value] : *headers) call.reply_headers.add(header, value);
    }
  }
  if (expected_owner && *expected_owner != bucket->account) co_return access_denied();
  co_return std::move(*bucket);
}

Task<bool> S3::may(Call& call, const Bucket& bucket, std::string_view action, std::string key) {
  const Permission permission(bucket, call);
  if (key.empty() || !permission.asks_for_object()) co_return permission.allows(action, key);
  VersionId version_id;
  for (auto& [name, value] : call.http.query_parameters()) {
    if (name == "versionId") version_id = std::move(value);
  }
  const Result<Object> existing = co_await attempt(require_object(bucket, key, version_id));
  co_return permission.allows(action, key, existing.ok() ? &*existing : nullptr);
}

namespace {

/// Of a bucket whose requesters pay: everybody but its owner must be known, and say that he knows it.
/// https://docs.aws.amazon.com/AmazonS3/latest/userguide/RequesterPaysBuckets.html
Result<void> check_payer(wire::Call& call, const Bucket& bucket) {
  if (bucket.request_payment.empty() || call.caller.account == bucket.account) return {};
  bool agrees = call.http.headers.get("x-amz-request-payer") == "requester";
  for (const auto& [name, value] : call.http.query_parameters()) {
    if (name == "x-amz-request-payer" && value == "requester") agrees = true;
  }
  if (call.caller.anonymous || !agrees) return access_denied();
  call.reply_headers.set("x-amz-request-charged", "requester");
  return {};
}

}  // namespace

Task<Bucket> S3::permit(Call& call, const std::string& name, std::string_view action, const std::string& key,
                        const std::optional<std::string>& expected_owner) {
  Bucket bucket = co_await bucket_of(call, name, expected_owner);
  co_await check_payer(call, bucket);
  const bool allowed = co_await may(call, bucket, action, key);
  if (!allowed) co_return access_denied();
  co_return bucket;
}

Task<Bucket> S3::permit(Call& call, std::string name, std::string_view action, std::string key) {
  const std::optional<std::string> any_owner;
  co_return co_await permit(call, name, action, key, any_owner);
}

}  // namespace cumulet::s3
