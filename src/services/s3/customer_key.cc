#include "services/s3/customer_key.h"

#include "access/private_way.h"
#include "base/digest.h"
#include "base/text.h"
#include "services/s3/errors.h"

namespace cumulet::s3 {
namespace {

constexpr const char* kHeader = "x-amz-server-side-encryption";

Error incomplete(const char* what) {
  return invalid_argument(
      std::string("Requests specifying Server Side Encryption with Customer provided keys must provide ") + what,
      kHeader, "null");
}

}  // namespace

Result<std::optional<SealingKey>> read_customer_key(const CustomerKeyHeaders& headers, const wire::Call& call) {
  if (!headers.algorithm && !headers.key && !headers.md5) return std::optional<SealingKey>();
  if (!headers.algorithm) return incomplete("a valid encryption algorithm.");
  if (!headers.key) return incomplete("an appropriate secret key.");
  if (!headers.md5) return incomplete("the client calculated MD5 of the secret key.");
  if (!access::is_private(call.http)) {
    return invalid_request(
        "Requests specifying Server Side Encryption with Customer provided keys must be made over a secure "
        "connection.");
  }
  if (*headers.algorithm != "AES256") {
    return Error("InvalidEncryptionAlgorithmError", 400,
                 "The encryption request that you specified is not valid. The valid value is AES256.")
        .with("ArgumentName", kHeader)
        .with("ArgumentValue", *headers.algorithm);
  }
  std::optional<std::string> key = base64_decode(*headers.key);
  if (!key || key->size() != SealingKey::kBytes) {
    return Error("InvalidArgument", 400, "The secret key was invalid for the specified algorithm.")
        .with("ArgumentName", kHeader)
        .with("ArgumentValue", "null");
  }
  if (!equal_constant_time(base64_encode(md5(*key)), *headers.md5)) {
    return Error("InvalidArgument", 400, "The calculated MD5 hash of the key did not match the hash that was provided.")
        .with("ArgumentName", kHeader)
        .with("ArgumentValue", "null");
  }
  return std::optional<SealingKey>(SealingKey::of_customer(std::move(*key)));
}

Result<void> check_customer_key(const Object& object, const std::optional<SealingKey>& key) {
  if (!object.is_customer_sealed()) {
    if (key) return invalid_request("The encryption parameters are not applicable to this object.");
    return {};
  }
  if (!key) {
    return invalid_request(
        "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to "
        "retrieve the object.");
  }
  Result<std::string> opened = key->unwrap(object.content_inline ? object.seal : object.pieces.front().seal);
  if (!opened.ok()) return std::move(opened).error();
  return {};
}

Result<void> check_customer_key(const Upload& upload, const std::optional<SealingKey>& key) {
  const bool needed = upload.encryption == kCustomerEncryption;
  if (needed && !key) {
    return invalid_request(
        "The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate "
        "encryption parameters.");
  }
  if (!needed && key) {
    return invalid_request(
        "The multipart upload initiate did not request encryption. Please resend the request without sending "
        "encryption parameters.");
  }
  if (!needed || key->unwrap(upload.seal).ok()) return {};
  return invalid_request("The provided encryption parameters did not match the ones used originally.");
}

}  // namespace cumulet::s3
