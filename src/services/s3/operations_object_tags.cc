#include "services/s3/errors.h"
#include "services/s3/s3.h"
#include "services/s3/versions.h"

namespace cumulet::s3 {
namespace api = wire::s3;

namespace {

constexpr std::size_t kObjectTagLimit = 10;

Result<std::map<std::string, std::string>> tags_of(const std::vector<api::Tag>& set) {
  std::map<std::string, std::string> tags;
  for (const api::Tag& tag : set) {
    if (tag.key.empty() || tag.key.size() > 128 || tag.value.size() > 256) {
      return Error("InvalidTag", 400, "The TagKey you have provided is invalid");
    }
    if (!tags.emplace(tag.key, tag.value).second) {
      return Error("InvalidTag", 400, "Cannot provide multiple Tags with the same key");
    }
  }
  if (tags.size() > kObjectTagLimit) return Error("BadRequest", 400, "Object tags cannot be greater than 10");
  return tags;
}

}  // namespace

void S3::register_object_tags() {
  service_.on<api::GetObjectTagging>([this](Call& c, const auto& in) -> Task<api::GetObjectTaggingOutput> {
    const Bucket bucket =
        co_await permit(c, in.bucket, in.version_id ? "s3:GetObjectVersionTagging" : "s3:GetObjectTagging", in.key);
    co_await check_version_id(in.version_id);
    const Object object = co_await require_object(bucket, in.key, in.version_id);
    api::GetObjectTaggingOutput output;
    if (!bucket.versioning.empty()) output.version_id = shown_version(object);
    for (const auto& [key, value] : object.tags) {
      api::Tag tag;
      tag.key = key;
      tag.value = value;
      output.tag_set.push_back(std::move(tag));
    }
    co_return output;
  });
  service_.on<api::PutObjectTagging>([this](Call& c, const auto& in) -> Task<api::PutObjectTaggingOutput> {
    const Bucket bucket =
        co_await permit(c, in.bucket, in.version_id ? "s3:PutObjectVersionTagging" : "s3:PutObjectTagging", in.key);
    const std::map<std::string, std::string> tags = co_await tags_of(in.tagging.tag_set);
    const Object object = co_await set_tags(c, ObjectChange::kPutTags, bucket, in.key, in.version_id, tags);
    api::PutObjectTaggingOutput output;
    if (!bucket.versioning.empty()) output.version_id = shown_version(object);
    co_return output;
  });
  service_.on<api::DeleteObjectTagging>([this](Call& c, const auto& in) -> Task<api::DeleteObjectTaggingOutput> {
    const Bucket bucket = co_await permit(
        c, in.bucket, in.version_id ? "s3:DeleteObjectVersionTagging" : "s3:DeleteObjectTagging", in.key);
    const Object object = co_await set_tags(c, ObjectChange::kDeleteTags, bucket, in.key, in.version_id, {});
    api::DeleteObjectTaggingOutput output;
    if (!bucket.versioning.empty()) output.version_id = shown_version(object);
    co_return output;
  });
}

Task<Object> S3::set_tags(const Call& call, ObjectChange change, const Bucket& bucket, std::string key,
                          VersionId version_id, std::map<std::string, std::string> tags) {
  co_await check_version_id(version_id);
  const auto write = [&](storage::Transaction& txn) -> Task<Object> {
    Found found = co_await find_version(txn, bucket, key, version_id);
    found.object.tags = tags;
    if (!found.object.replication.empty()) replication_.record(txn, bucket, found.object);
    put_version_row(txn, bucket, found.object, found.current);
    co_await notifications_.record(txn, bucket, call, change, found.object);
    co_return std::move(found.object);
  };
  co_return co_await storage::transact(database_, write);
}

}  // namespace cumulet::s3
