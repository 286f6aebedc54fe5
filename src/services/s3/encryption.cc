#include "services/s3/encryption.h"

#include "base/digest.h"
#include "base/text.h"
#include "services/s3/errors.h"
#include "wire/document.h"

namespace cumulet::s3 {
namespace api = wire::s3;

namespace {

Result<void> check_key(const Bucket& bucket, const std::optional<std::string>& key_id) {
  if (!key_id || key_id->empty()) return {};
  const std::string arn = kms_key_arn(bucket);
  const std::string id = arn.substr(arn.rfind('/') + 1);
  const std::string alias = "alias/aws/s3";
  if (*key_id == arn || *key_id == id || *key_id == alias || key_id->ends_with(":" + alias)) return {};
  return Error("KMS.NotFoundException", 400, "Invalid keyId '" + *key_id + "'");
}

Result<void> check_algorithm(const Bucket& bucket, const std::string& algorithm,
                             const std::optional<std::string>& key_id) {
  if (algorithm == "aws:kms") return check_key(bucket, key_id);
  if (algorithm == "AES256") {
    if (!key_id) return {};
    return invalid_argument("a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms",
                            "ApplyServerSideEncryptionByDefault", *key_id);
  }
  if (algorithm == "aws:kms:dsse") {
    return Error("NotImplemented", 501, "A header you provided implies functionality that is not implemented")
        .with("Header", "x-amz-server-side-encryption");
  }
  return invalid_argument("The encryption method specified is not supported", "x-amz-server-side-encryption",
                          algorithm);
}

}  // namespace

std::string kms_key_arn(const Bucket& bucket) {
  const std::string hex = hex_encode(sha256("aws/s3 " + bucket.account + " " + bucket.region));
  const std::string id = hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" + hex.substr(16, 4) +
                         "-" + hex.substr(20, 12);
  return "arn:aws:kms:" + bucket.region + ":" + bucket.account + ":key/" + id;
}

Result<std::string> encryption_for(const Bucket& bucket, const std::optional<std::string>& algorithm,
                                   const std::optional<std::string>& key_id) {
  if (algorithm) {
    if (Result<void> valid = check_algorithm(bucket, *algorithm, key_id); !valid.ok()) return std::move(valid).error();
    return *algorithm;
  }
  if (key_id) {
    return invalid_argument(
        "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms",
        "x-amz-server-side-encryption", "null");
  }
  if (bucket.encryption.empty()) return std::string();
  const Result<api::PutBucketEncryptionRequest> put = wire::read_input<api::PutBucketEncryption>(bucket.encryption);
  if (!put.ok()) return put.error();
  for (const api::ServerSideEncryptionRule& rule : put->server_side_encryption_configuration.rules) {
    if (rule.apply_server_side_encryption_by_default) {
      return rule.apply_server_side_encryption_by_default->sse_algorithm;
    }
  }
  return std::string();
}

bool bucket_key_by_default(const Bucket& bucket) {
  if (bucket.encryption.empty()) return false;
  const Result<api::PutBucketEncryptionRequest> put = wire::read_input<api::PutBucketEncryption>(bucket.encryption);
  if (!put.ok()) return false;
  const std::vector<api::ServerSideEncryptionRule>& rules = put->server_side_encryption_configuration.rules;
  return !rules.empty() && rules.front().bucket_key_enabled.value_or(false);
}

Result<void> check_encryption(const Bucket& bucket, const api::ServerSideEncryptionConfiguration& wanted) {
  if (wanted.rules.size() != 1) return malformed_xml();
  const auto& by_default = wanted.rules.front().apply_server_side_encryption_by_default;
  if (!by_default) return {};
  return check_algorithm(bucket, by_default->sse_algorithm, by_default->kms_master_key_id);
}

std::string sse_s3_by_default(const std::string& bucket) {
  api::PutBucketEncryptionRequest put;
  put.bucket = bucket;
  api::ServerSideEncryptionRule& rule = put.server_side_encryption_configuration.rules.emplace_back();
  rule.apply_server_side_encryption_by_default.emplace();
  rule.apply_server_side_encryption_by_default->sse_algorithm = "AES256";
  rule.bucket_key_enabled = false;
  return wire::input_document<api::PutBucketEncryption>(put);
}

}  // namespace cumulet::s3
