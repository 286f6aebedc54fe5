#include "services/dynamodb/bucket_access.h"

#include <utility>

#include "access/authenticate.h"
#include "services/dynamodb/errors.h"
#include "wire/generated/s3.h"

namespace cumulet::dynamodb {
namespace {

net::Request request_to(const char* method) {
  net::Request request;
  request.method = method;
  request.body = std::make_unique<StringBody>("");
  return request;
}

void sign_for(wire::Call& call, const std::string& account, std::string region, Timestamp now) {
  call.caller = access::root_caller(account);
  call.service = "s3";
  call.region = std::move(region);
  call.time = now;
}

}  // namespace

Task<void> BucketAccess::require() const {
  if (!directory_) co_await fail(errors::kNotImplemented, "There is no S3 here.");
}

Task<std::string> BucketAccess::put(std::string account, std::string region, std::string bucket, std::string key,
                                    std::string bytes, std::string encryption, std::string encryption_key) const {
  co_await require();
  net::Request request = request_to("PUT");
  wire::Call call(request);
  sign_for(call, account, std::move(region), clock_.now());
  wire::s3::PutObjectRequest input;
  input.bucket = std::move(bucket);
  input.key = std::move(key);
  input.content_length = static_cast<std::int64_t>(bytes.size());
  input.body = std::make_shared<StringBody>(std::move(bytes));
  if (!encryption.empty()) input.server_side_encryption = std::move(encryption);
  if (!encryption_key.empty()) input.ssekms_key_id = std::move(encryption_key);
  const wire::s3::PutObjectOutput output = co_await directory_->call<wire::s3::PutObject>("s3", call, std::move(input));
  std::string etag = output.e_tag.value_or("");
  std::erase(etag, '"');
  co_return etag;
}

Task<std::string> BucketAccess::next_key(std::string account, std::string region, std::string bucket,
                                         std::string prefix, std::string after) const {
  co_await require();
  net::Request request = request_to("GET");
  wire::Call call(request);
  sign_for(call, account, std::move(region), clock_.now());
  wire::s3::ListObjectsV2Request input;
  input.bucket = std::move(bucket);
  input.max_keys = 1;
  if (!prefix.empty()) input.prefix = std::move(prefix);
  if (!after.empty()) input.start_after = std::move(after);
  const wire::s3::ListObjectsV2Output output =
      co_await directory_->call<wire::s3::ListObjectsV2>("s3", call, std::move(input));
  if (!output.contents || output.contents->empty()) co_return std::string();
  co_return output.contents->front().key.value_or("");
}

Task<std::shared_ptr<BodySource>> BucketAccess::get(std::string account, std::string region, std::string bucket,
                                                    std::string key) const {
  co_await require();
  net::Request request = request_to("GET");
  wire::Call call(request);
  sign_for(call, account, std::move(region), clock_.now());
  wire::s3::GetObjectRequest input;
  input.bucket = std::move(bucket);
  input.key = std::move(key);
  const wire::s3::GetObjectOutput output = co_await directory_->call<wire::s3::GetObject>("s3", call, std::move(input));
  co_return output.body;
}

}  // namespace cumulet::dynamodb
