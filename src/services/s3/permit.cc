#include "access/policy.h"
#include "services/s3/cors.h"
#include "services/s3/errors.h"
#include "services/s3/public_access.h"
#include "services/s3/s3.h"

namespace cumulet::s3 {
namespace {

/// What the bucket's policy says to a caller who is not of the bucket's account.
bool policy_allows(const Bucket& bucket, const wire::Call& call, std::string_view action, const std::string& key) {
  if (bucket.policy.empty()) return false;
  const Result<access::Policy> policy = access::parse_policy(bucket.policy, access::PolicyKind::kResource);
  if (!policy.ok()) return false;
  const PublicAccessBlock block = public_access_block(bucket);
  if (block.restrict_public_buckets && is_public(*policy, bucket)) return false;
  access::Question question;
  question.caller = call.caller;
  question.action = action;
  question.resource = key.empty() ? bucket.arn() : bucket.arn() + "/" + key;
  question.context = access::request_context(call);
  return access::evaluate(*policy, question) == access::Decision::kAllow;
}

}  // namespace

Task<Bucket> S3::permit(Call& call, std::string name, std::string_view action, std::string key) {
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
  const bool owner = !call.caller.anonymous && call.caller.account == bucket->account;
  if (!owner && !policy_allows(*bucket, call, action, key)) co_return access_denied();
  co_return std::move(*bucket);
}

Task<Bucket> S3::permit(Call& call, const std::string& name, std::string_view action, const std::string& key,
                        const std::optional<std::string>& expected_owner) {
  Bucket bucket = co_await permit(call, name, action, key);
  if (expected_owner && *expected_owner != bucket.account) co_return access_denied();
  co_return bucket;
}

}  // namespace cumulet::s3
