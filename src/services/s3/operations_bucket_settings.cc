#include <algorithm>
#include <set>

#include "access/policy.h"
#include "base/text.h"
#include "services/s3/encryption.h"
#include "services/s3/errors.h"
#include "services/s3/public_access.h"
#include "services/s3/s3.h"
#include "wire/document.h"

namespace cumulet::s3 {
namespace api = wire::s3;

namespace {

constexpr std::size_t kCorsRuleLimit = 100;
constexpr std::size_t kRoutingRuleLimit = 50;
constexpr std::size_t kTagLimit = 50;

Result<void> check_cors(const api::CORSConfiguration& cors) {
  static const std::set<std::string> kMethods{"GET", "PUT", "HEAD", "POST", "DELETE"};
  if (cors.cors_rules.empty() || cors.cors_rules.size() > kCorsRuleLimit) return malformed_xml();
  for (const api::CORSRule& rule : cors.cors_rules) {
    if (rule.allowed_methods.empty() || rule.allowed_origins.empty()) return malformed_xml();
    for (const std::string& method : rule.allowed_methods) {
      if (kMethods.contains(method)) continue;
      return invalid_request("Found unsupported HTTP method in CORS config. Unsupported method is " + method);
    }
    for (const std::string& origin : rule.allowed_origins) {
      if (std::count(origin.begin(), origin.end(), '*') <= 1) continue;
      return invalid_request("AllowedOrigin \"" + origin + "\" can not have more than one wildcard.");
    }
  }
  return {};
}

Result<void> check_rule(const api::RoutingRule& rule) {
  if (rule.condition) {
    const std::optional<std::string>& error = rule.condition->http_error_code_returned_equals;
    if (!error && !rule.condition->key_prefix_equals) {
      return invalid_request(
          "Condition cannot be empty. To redirect all requests without a condition, the condition element shouldn't be "
          "present.");
    }
    const std::optional<std::int64_t> code = error ? parse_int(*error) : std::nullopt;
    if (error && (!code || *code < 400 || *code > 599)) {
      return invalid_request("The provided HTTP error code (" + *error + ") is not valid. Valid codes are 4XX or 5XX.");
    }
  }
  const api::Redirect& to = rule.redirect;
  if (to.http_redirect_code) {
    const std::optional<std::int64_t> code = parse_int(*to.http_redirect_code);
    if (!code || *code <= 300 || *code > 399) {
      return invalid_request("The provided HTTP redirect code (" + *to.http_redirect_code +
                             ") is not valid. Valid codes are 3XX except 300.");
    }
  }
  if (to.replace_key_with && to.replace_key_prefix_with) {
    return invalid_request("You can only define ReplaceKeyPrefix or ReplaceKey but not both.");
  }
  return {};
}

Result<void> check_website(const api::WebsiteConfiguration& website) {
  if (website.redirect_all_requests_to) {
    if (website.index_document || website.error_document || website.routing_rules) {
      return invalid_argument("RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules.",
                              "RedirectAllRequestsTo", "not null");
    }
    return {};
  }
  if (!website.index_document) {
    return invalid_argument("A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty",
                            "IndexDocument", "null");
  }
  const std::string& suffix = website.index_document->suffix;
  if (suffix.empty() || suffix.find('/') != std::string::npos) {
    return invalid_argument("The IndexDocument Suffix is not well formed", "IndexDocument", suffix);
  }
  if (website.routing_rules && website.routing_rules->size() > kRoutingRuleLimit) {
    return invalid_request("The number of routing rules must not exceed the allowed limit of 50 rules.");
  }
  if (!website.routing_rules) return {};
  for (const api::RoutingRule& rule : *website.routing_rules) {
    if (Result<void> checked = check_rule(rule); !checked.ok()) return checked;
  }
  return {};
}

Result<void> check_tags(const std::vector<api::Tag>& tags) {
  std::set<std::string> keys;
  for (const api::Tag& tag : tags) {
    if (!keys.insert(tag.key).second) {
      return Error("InvalidTag", 400, "Cannot provide multiple Tags with the same key").with("TagKey", tag.key);
    }
    if (tag.key.empty() || tag.key.size() > 128 || tag.value.size() > 256 || tag.key.starts_with("aws:")) {
      return Error("InvalidTag", 400, "The tag provided was not a valid tag.").with("TagKey", tag.key);
    }
  }
  if (tags.size() > kTagLimit) return Error("BadRequest", 400, "Bucket tag count cannot be greater than 50");
  return {};
}

}  // namespace

void S3::register_bucket_settings() {
  service_.on<api::PutBucketPolicy>([this](Call& c, const auto& in) { return put_bucket_policy(c, in); });
  service_.on<api::GetBucketPolicy>([this](Call& c, const auto& in) -> Task<api::GetBucketPolicyOutput> {
    api::GetBucketPolicyOutput output;
    output.policy = co_await get(c, in.bucket, "s3:GetBucketPolicy", &Bucket::policy, "NoSuchBucketPolicy",
                                 "The bucket policy does not exist");
    co_return output;
  });
  service_.on<api::DeleteBucketPolicy>([this](Call& c, const auto& in) -> Task<api::DeleteBucketPolicyOutput> {
    co_await set(c, in.bucket, "s3:DeleteBucketPolicy", &Bucket::policy, "");
    co_return api::DeleteBucketPolicyOutput();
  });
  service_.on<api::GetBucketPolicyStatus>([this](Call& c, const auto& in) { return get_bucket_policy_status(c, in); });
  service_.on<api::PutBucketCors>([this](Call& c, const auto& in) { return put_bucket_cors(c, in); });
  service_.on<api::GetBucketCors>([this](Call& c, const auto& in) { return get_bucket_cors(c, in); });
  service_.on<api::DeleteBucketCors>([this](Call& c, const auto& in) -> Task<api::DeleteBucketCorsOutput> {
    co_await set(c, in.bucket, "s3:PutBucketCORS", &Bucket::cors, "");
    co_return api::DeleteBucketCorsOutput();
  });
  service_.on<api::PutBucketWebsite>([this](Call& c, const auto& in) { return put_bucket_website(c, in); });
  service_.on<api::GetBucketWebsite>([this](Call& c, const auto& in) { return get_bucket_website(c, in); });
  service_.on<api::DeleteBucketWebsite>([this](Call& c, const auto& in) -> Task<api::DeleteBucketWebsiteOutput> {
    co_await set(c, in.bucket, "s3:DeleteBucketWebsite", &Bucket::website, "");
    co_return api::DeleteBucketWebsiteOutput();
  });
  service_.on<api::PutBucketTagging>([this](Call& c, const auto& in) { return put_bucket_tagging(c, in); });
  service_.on<api::GetBucketTagging>([this](Call& c, const auto& in) { return get_bucket_tagging(c, in); });
  service_.on<api::DeleteBucketTagging>([this](Call& c, const auto& in) -> Task<api::DeleteBucketTaggingOutput> {
    co_await set(c, in.bucket, "s3:PutBucketTagging", &Bucket::tagging, "");
    co_return api::DeleteBucketTaggingOutput();
  });
  service_.on<api::PutPublicAccessBlock>([this](Call& c, const auto& in) -> Task<api::PutPublicAccessBlockOutput> {
    co_await set(c, in.bucket, "s3:PutBucketPublicAccessBlock", &Bucket::public_access_block,
                 wire::input_document<api::PutPublicAccessBlock>(in));
    co_return api::PutPublicAccessBlockOutput();
  });
  service_.on<api::GetPublicAccessBlock>([this](Call& c, const auto& in) { return get_public_access_block(c, in); });
  service_.on<api::DeletePublicAccessBlock>(
      [this](Call& c, const auto& in) -> Task<api::DeletePublicAccessBlockOutput> {
        co_await set(c, in.bucket, "s3:PutBucketPublicAccessBlock", &Bucket::public_access_block,
                     std::string(kNoPublicAccessBlock));
        co_return api::DeletePublicAccessBlockOutput();
      });
  service_.on<api::PutBucketEncryption>([this](Call& c, const auto& in) -> Task<api::PutBucketEncryptionOutput> {
    const Bucket bucket = co_await permit(c, in.bucket, "s3:PutEncryptionConfiguration");
    co_await check_encryption(bucket, in.server_side_encryption_configuration);
    co_await set(c, in.bucket, "s3:PutEncryptionConfiguration", &Bucket::encryption,
                 wire::input_document<api::PutBucketEncryption>(in));
    co_return api::PutBucketEncryptionOutput();
  });
  service_.on<api::GetBucketEncryption>([this](Call& c, const auto& in) -> Task<api::GetBucketEncryptionOutput> {
    const std::string document = co_await get(c, in.bucket, "s3:GetEncryptionConfiguration", &Bucket::encryption,
                                              "ServerSideEncryptionConfigurationNotFoundError",
                                              "The server side encryption configuration was not found");
    api::PutBucketEncryptionRequest put = co_await wire::read_input<api::PutBucketEncryption>(document);
    api::GetBucketEncryptionOutput output;
    output.server_side_encryption_configuration = std::move(put.server_side_encryption_configuration);
    co_return output;
  });
  service_.on<api::DeleteBucketEncryption>([this](Call& c, const auto& in) -> Task<api::DeleteBucketEncryptionOutput> {
    const std::string by_default = encrypts_new_buckets_ ? sse_s3_by_default(in.bucket) : std::string();
    co_await set(c, in.bucket, "s3:PutEncryptionConfiguration", &Bucket::encryption, by_default);
    co_return api::DeleteBucketEncryptionOutput();
  });
  register_notifications();
  register_acls();
  register_object_lock();
  register_lifecycle();
  register_replication();
  register_logging();
  register_payment_and_tiers();
  register_inventory();
}

Task<void> S3::set(Call& call, std::string name, std::string_view action, std::string Bucket::*setting,
                   std::string document, SettingRule allowed) {
  co_await permit(call, name, action);
  const auto write = [&](storage::Transaction& txn) -> Task<void> {
    std::optional<Bucket> bucket = co_await find_bucket(txn, name);
    if (!bucket) co_await fail(no_such_bucket(name));
    if (allowed) co_await allowed(*bucket);
    (*bucket).*setting = document;
    put_bucket(txn, *bucket);
  };
  co_await storage::transact(database_, write);
}

Task<std::string> S3::get(Call& call, std::string name, std::string_view action, std::string Bucket::*setting,
                          std::string_view absent_code, std::string_view absent_message) {
  Bucket bucket = co_await permit(call, name, action);
  if ((bucket.*setting).empty()) {
    co_return not_configured(std::string(absent_code), std::string(absent_message), name);
  }
  co_return std::move(bucket.*setting);
}

Task<api::PutBucketPolicyOutput> S3::put_bucket_policy(Call& call, const api::PutBucketPolicyRequest& input) {
  const Bucket bucket = co_await permit(call, input.bucket, "s3:PutBucketPolicy", {}, input.expected_bucket_owner);
  const Result<access::Policy> policy = access::parse_policy(input.policy, access::PolicyKind::kResource);
  if (!policy.ok()) co_return Error("MalformedPolicy", 400, policy.error().message());
  for (const access::Statement& statement : policy->statements) {
    for (const std::string& resource : statement.resources) {
      const bool mine = resource == "*" || resource.starts_with("*") || resource == bucket.arn() ||
                        resource.starts_with(bucket.arn() + "/") || resource.starts_with(bucket.arn() + "*");
      if (!mine) co_return Error("MalformedPolicy", 400, "Policy has invalid resource");
    }
  }
  if (public_access_block(bucket).block_public_policy && is_public(*policy, bucket)) {
    co_return Error("AccessDenied", 403,
                    "User: " + call.caller.arn + " is not authorized to perform: s3:PutBucketPolicy on resource: \"" +
                        bucket.arn() +
                        "\" because public policies are prevented by the BlockPublicPolicy setting in "
                        "S3 Block Public Access.");
  }
  co_await set(call, input.bucket, "s3:PutBucketPolicy", &Bucket::policy, input.policy);
  call.reply_status = 204;  // As AWS answers, whatever the model says.
  co_return api::PutBucketPolicyOutput();
}

Task<api::GetBucketPolicyStatusOutput> S3::get_bucket_policy_status(Call& call,
                                                                    const api::GetBucketPolicyStatusRequest& input) {
  const Bucket bucket = co_await permit(call, input.bucket, "s3:GetBucketPolicyStatus");
  if (bucket.policy.empty()) {
    co_return not_configured("NoSuchBucketPolicy", "The bucket policy does not exist", bucket.name);
  }
  const Result<access::Policy> policy = access::parse_policy(bucket.policy, access::PolicyKind::kResource);
  api::GetBucketPolicyStatusOutput output;
  output.policy_status.emplace();
  output.policy_status->is_public = policy.ok() && is_public(*policy, bucket);
  co_return output;
}

Task<api::PutBucketCorsOutput> S3::put_bucket_cors(Call& call, const api::PutBucketCorsRequest& input) {
  co_await check_cors(input.cors_configuration);
  co_await set(call, input.bucket, "s3:PutBucketCORS", &Bucket::cors, wire::input_document<api::PutBucketCors>(input));
  co_return api::PutBucketCorsOutput();
}

Task<api::GetBucketCorsOutput> S3::get_bucket_cors(Call& call, const api::GetBucketCorsRequest& input) {
  const std::string document = co_await get(call, input.bucket, "s3:GetBucketCORS", &Bucket::cors,
                                            "NoSuchCORSConfiguration", "The CORS configuration does not exist");
  api::PutBucketCorsRequest put = co_await wire::read_input<api::PutBucketCors>(document);
  api::GetBucketCorsOutput output;
  output.cors_rules = std::move(put.cors_configuration.cors_rules);
  co_return output;
}

Task<api::PutBucketWebsiteOutput> S3::put_bucket_website(Call& call, const api::PutBucketWebsiteRequest& input) {
  co_await check_website(input.website_configuration);
  co_await set(call, input.bucket, "s3:PutBucketWebsite", &Bucket::website,
               wire::input_document<api::PutBucketWebsite>(input));
  co_return api::PutBucketWebsiteOutput();
}

Task<api::GetBucketWebsiteOutput> S3::get_bucket_website(Call& call, const api::GetBucketWebsiteRequest& input) {
  const std::string document =
      co_await get(call, input.bucket, "s3:GetBucketWebsite", &Bucket::website, "NoSuchWebsiteConfiguration",
                   "The specified bucket does not have a website configuration");
  api::PutBucketWebsiteRequest put = co_await wire::read_input<api::PutBucketWebsite>(document);
  api::GetBucketWebsiteOutput output;
  output.error_document = std::move(put.website_configuration.error_document);
  output.index_document = std::move(put.website_configuration.index_document);
  output.redirect_all_requests_to = std::move(put.website_configuration.redirect_all_requests_to);
  output.routing_rules = std::move(put.website_configuration.routing_rules);
  co_return output;
}

Task<api::PutBucketTaggingOutput> S3::put_bucket_tagging(Call& call, const api::PutBucketTaggingRequest& input) {
  co_await check_tags(input.tagging.tag_set);
  co_await set(call, input.bucket, "s3:PutBucketTagging", &Bucket::tagging,
               wire::input_document<api::PutBucketTagging>(input));
  co_return api::PutBucketTaggingOutput();
}

Task<api::GetBucketTaggingOutput> S3::get_bucket_tagging(Call& call, const api::GetBucketTaggingRequest& input) {
  const std::string document = co_await get(call, input.bucket, "s3:GetBucketTagging", &Bucket::tagging, "NoSuchTagSet",
                                            "The TagSet does not exist");
  api::PutBucketTaggingRequest put = co_await wire::read_input<api::PutBucketTagging>(document);
  api::GetBucketTaggingOutput output;
  output.tag_set = std::move(put.tagging.tag_set);
  co_return output;
}

Task<api::GetPublicAccessBlockOutput> S3::get_public_access_block(Call& call,
                                                                  const api::GetPublicAccessBlockRequest& input) {
  const Bucket bucket = co_await permit(call, input.bucket, "s3:GetBucketPublicAccessBlock");
  if (bucket.public_access_block == kNoPublicAccessBlock) {
    co_return not_configured("NoSuchPublicAccessBlockConfiguration",
                             "The public access block configuration was not found", bucket.name);
  }
  const PublicAccessBlock block = public_access_block(bucket);
  api::GetPublicAccessBlockOutput output;
  output.public_access_block_configuration.emplace();
  output.public_access_block_configuration->block_public_acls = block.block_public_acls;
  output.public_access_block_configuration->ignore_public_acls = block.ignore_public_acls;
  output.public_access_block_configuration->block_public_policy = block.block_public_policy;
  output.public_access_block_configuration->restrict_public_buckets = block.restrict_public_buckets;
  co_return output;
}

}  // namespace cumulet::s3
