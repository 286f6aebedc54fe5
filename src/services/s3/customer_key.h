#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "services/s3/encryption.h"
#include "services/s3/model.h"
#include "services/s3/sealing.h"
#include "wire/call.h"

/// Server-side encryption with keys that clients bring (SSE-C). The key comes with every request that writes or reads
/// the object and is forgotten with the request.
/// https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerSideEncryptionCustomerKeys.html
namespace cumulet::s3 {

/// The three headers, as they came.
struct CustomerKeyHeaders {
  std::optional<std::string> algorithm;
  std::optional<std::string> key;
  std::optional<std::string> md5;
};

/// The key; nullopt without the headers. Fails with InvalidArgument when they do not fit together, and with
/// InvalidRequest when the key crossed a network unencrypted.
Result<std::optional<SealingKey>> read_customer_key(const CustomerKeyHeaders& headers, const wire::Call& call);

template <typename Input>
Result<std::optional<SealingKey>> customer_key_of(const Input& input, const wire::Call& call) {
  CustomerKeyHeaders headers;
  headers.algorithm = input.sse_customer_algorithm;
  headers.key = input.sse_customer_key;
  headers.md5 = input.sse_customer_key_md5;
  return read_customer_key(headers, call);
}

/// The key of what is copied.
template <typename Input>
Result<std::optional<SealingKey>> source_customer_key_of(const Input& input, const wire::Call& call) {
  CustomerKeyHeaders headers;
  headers.algorithm = input.copy_source_sse_customer_algorithm;
  headers.key = input.copy_source_sse_customer_key;
  headers.md5 = input.copy_source_sse_customer_key_md5;
  return read_customer_key(headers, call);
}

/// Whether a reader brings the key that the object needs, and none that it does not need.
Result<void> check_customer_key(const Object& object, const std::optional<SealingKey>& key);

/// Whether a part comes with the key that its upload was begun with.
Result<void> check_customer_key(const Upload& upload, const std::optional<SealingKey>& key);

/// How a write is sealed: by the server, with the client's key, or not.
struct WriteEncryption {
  WriteEncryption() = default;
  std::string name;  ///< "", "AES256", "aws:kms", kCustomerEncryption.
  std::optional<SealingKey> customer;
  bool bucket_key = false;

  /// Null: not at all. `server` and this must outlive the use of it.
  const SealingKey* key(const SealingKey& server) const {
    if (customer) return &*customer;
    return name.empty() ? nullptr : &server;
  }
};

/// Fails as read_customer_key and encryption_for do, and with InvalidArgument when both kinds are asked for.
template <typename Input>
Result<WriteEncryption> write_encryption(const Bucket& bucket, const Input& input, const wire::Call& call) {
  WriteEncryption encryption;
  Result<std::optional<SealingKey>> customer = customer_key_of(input, call);
  if (!customer.ok()) return std::move(customer).error();
  encryption.customer = std::move(*customer);
  if (encryption.customer) {
    encryption.name = kCustomerEncryption;
    if (!input.server_side_encryption) return encryption;
    return Error("InvalidArgument", 400,
                 "Server Side Encryption with Customer provided key is incompatible with the encryption method "
                 "specified")
        .with("ArgumentName", "x-amz-server-side-encryption")
        .with("ArgumentValue", *input.server_side_encryption);
  }
  Result<std::string> name = encryption_for(bucket, input.server_side_encryption, input.ssekms_key_id);
  if (!name.ok()) return std::move(name).error();
  encryption.name = std::move(*name);
  if (encryption.name == "aws:kms") {
    encryption.bucket_key = input.bucket_key_enabled ? *input.bucket_key_enabled : bucket_key_by_default(bucket);
  }
  return encryption;
}

/// Sets what a reply says of a client's key.
template <typename Output>
void show_customer_key(const std::optional<SealingKey>& key, Output& output) {
  if (!key) return;
  output.sse_customer_algorithm = "AES256";
  output.sse_customer_key_md5 = key->md5();
}

}  // namespace cumulet::s3
