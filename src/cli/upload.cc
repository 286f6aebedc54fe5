#include "cli/upload.h"

#include <fstream>
#include <iterator>

#include "wire/generated/s3.h"
#include "wire/generated/sts.h"

namespace cumulet::cli {
namespace {

namespace s3 = wire::s3;

}  // namespace

Result<std::string> read_file(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return usage_error("cannot read " + file.string());
  return std::string(std::istreambuf_iterator<char>(stream), {});
}

Result<std::string> Uploader::package_bucket() {
  if (!bucket_.empty()) return bucket_;
  const auto caller = session_.call<wire::sts::GetCallerIdentity>(wire::sts::model(), {});
  if (!caller.ok()) return caller.error();
  const std::string name = "cumulet-deploy-" + caller->account.value_or("") + "-" + session_.region();
  s3::CreateBucketRequest input;
  input.bucket = name;
  if (session_.region() != "us-east-1") {
    input.create_bucket_configuration.emplace().location_constraint = session_.region();
  }
  const auto created = session_.call<s3::CreateBucket>(s3::model(), input);
  if (!created.ok() && created.error().code() != "BucketAlreadyOwnedByYou") return created.error();
  bucket_ = name;
  return bucket_;
}

Result<std::string> Uploader::upload(const std::string& key, std::string bytes) {
  Result<std::string> bucket = package_bucket();
  if (!bucket.ok()) return bucket;
  s3::HeadObjectRequest head;
  head.bucket = *bucket;
  head.key = key;
  if (session_.call<s3::HeadObject>(s3::model(), head).ok()) return bucket;
  Result<void> done = put(*bucket, key, "application/zip", std::move(bytes));
  if (!done.ok()) return std::move(done).error();
  return bucket;
}

Result<void> Uploader::put(const std::string& bucket, const std::string& key, const std::string& content_type,
                           std::string bytes) {
  s3::PutObjectRequest input;
  input.bucket = bucket;
  input.key = key;
  input.content_type = content_type;
  wire::ClientRequest request = wire::request_for<s3::PutObject>(s3::model(), input);
  request.body = std::move(bytes);
  const Result<net::Inbound> answer = session_.send(s3::model(), std::move(request));
  if (!answer.ok()) return answer.error();
  const auto output = wire::response_of<s3::PutObject>(s3::model(), answer->status, answer->headers, answer->body);
  if (!output.ok()) return output.error();
  return {};
}

}  // namespace cumulet::cli
