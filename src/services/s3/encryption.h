#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "services/s3/model.h"
#include "wire/generated/s3.h"

/// Which server-side encryption applies: SSE-S3 ("AES256"), or SSE-KMS ("aws:kms") with the one key that this server
/// has for each account and region, its stand-in for the AWS managed key aws/s3. Both seal content in the same way
/// (sealing.h). https://docs.aws.amazon.com/AmazonS3/latest/userguide/serv-side-encryption.html
namespace cumulet::s3 {

/// The ARN of the bucket's KMS key.
std::string kms_key_arn(const Bucket& bucket);

/// What a write is to be encrypted with ("" for nothing): what the request says, else what the bucket does. Fails with
/// InvalidArgument, NotImplemented or KMS.NotFoundException.
Result<std::string> encryption_for(const Bucket& bucket, const std::optional<std::string>& algorithm,
                                   const std::optional<std::string>& key_id);

/// Whether writes with the KMS key use a key of the bucket where they do not say.
bool bucket_key_by_default(const Bucket& bucket);

/// Whether a bucket may be given this configuration.
Result<void> check_encryption(const Bucket& bucket, const wire::s3::ServerSideEncryptionConfiguration& wanted);

/// The configuration of a bucket that encrypts with SSE-S3 by default.
std::string sse_s3_by_default(const std::string& bucket);

/// Sets what a reply says of it.
template <typename Output>
void show_encryption(const Bucket& bucket, const std::string& encryption, bool bucket_key, Output& output) {
  if (encryption.empty()) return;
  output.server_side_encryption = encryption;
  if (encryption == "aws:kms") output.ssekms_key_id = kms_key_arn(bucket);
  if (bucket_key) output.bucket_key_enabled = true;
}

}  // namespace cumulet::s3
