#include <algorithm>

#include "base/text.h"
#include "services/s3/errors.h"
#include "services/s3/s3.h"
#include "services/s3/versions.h"

namespace cumulet::s3 {
namespace api = wire::s3;

namespace {

constexpr std::size_t kMaxKeys = 1000;

struct Listed {
  Listed(Object o, bool l) : object(std::move(o)), latest(l) {}
  Object object;
  bool latest;
};

/// One page of ListObjectVersions.
struct Page {
  std::vector<Listed> versions;
  std::vector<std::string> prefixes;
  bool truncated = false;
  std::string last_key;  ///< Or the last common prefix.
  std::string last_version;

  std::size_t size() const { return versions.size() + prefixes.size(); }
};

/// Goes through current and kept versions side by side, key by key, newest first.
class Walk {
 public:
  Walk(storage::Transaction& txn, const Bucket& bucket, std::string prefix, std::string delimiter, std::size_t limit)
      : txn_(txn),
        contents_(bucket),
        versions_(bucket),
        prefix_(std::move(prefix)),
        delimiter_(std::move(delimiter)),
        limit_(limit) {}

  Task<Page> after(std::string key, std::string version) {
    if (!version.empty()) {
      co_await rest_of_key(key, version);
    }
    if (!key.empty()) skip_past(key);
    while (limit_ > 0 && !page_.truncated) {
      const std::vector<Object> current = co_await contents_.list_objects(txn_, prefix_, current_from_, 1);
      const std::optional<std::string> kept = co_await versions_.first_key(txn_, prefix_, kept_from_);
      if (current.empty() && !kept) break;
      const bool has_current = !current.empty() && (!kept || current.front().key <= *kept);
      const std::string next = has_current ? current.front().key : *kept;
      const std::size_t at = delimiter_.empty() ? std::string::npos : next.find(delimiter_, prefix_.size());
      if (at != std::string::npos) {
        fold(next.substr(0, at + delimiter_.size()));
        continue;
      }
      if (has_current) add(current.front(), true);
      co_await add_kept(next, 0, !has_current);
      skip_past(next);
    }
    co_return std::move(page_);
  }

 private:
  /// What follows a version of that key.
  Task<void> rest_of_key(std::string key, std::string version) {
    const std::optional<Object> current = co_await contents_.find_object(txn_, key);
    std::uint64_t order = 0;
    if (!current || shown_version(*current) != version) {
      const std::optional<Object> marked = co_await versions_.find(txn_, key, version);
      order = marked ? order_of(*marked) : order_of_id(version).value_or(0);
      if (order == 0) co_return;
    }
    co_await add_kept(key, order, false);
  }

  Task<void> add_kept(std::string key, std::uint64_t before, bool first_is_latest) {
    while (!page_.truncated) {
      const std::vector<Object> batch = co_await versions_.of_key(txn_, key, before, limit_ - page_.size() + 1);
      if (batch.empty()) co_return;
      for (const Object& object : batch) {
        add(object, first_is_latest && before == 0 && &object == &batch.front());
      }
      before = order_of(batch.back());
    }
  }

  bool full() {
    if (page_.size() < limit_) return false;
    page_.truncated = true;
    return true;
  }

  void add(const Object& object, bool latest) {
    if (page_.truncated || full()) return;
    page_.versions.emplace_back(object, latest);
    page_.last_key = object.key;
    page_.last_version = shown_version(object);
  }

  void fold(const std::string& common) {
    if (full()) return;
    page_.prefixes.push_back(common);
    page_.last_key = common;
    page_.last_version.clear();
    current_from_ = contents_.after_all_with(common);
    kept_from_ = versions_.after_all_with(common);
  }

  /// A key, or a common prefix that ended the page before, with all that lies below it.
  void skip_past(const std::string& key) {
    const bool folded = !delimiter_.empty() && key.size() > prefix_.size() && key.ends_with(delimiter_);
    current_from_ = folded ? contents_.after_all_with(key) : contents_.after_key(key);
    kept_from_ = folded ? versions_.after_all_with(key) : versions_.after_key(key);
  }

  storage::Transaction& txn_;
  const Contents contents_;
  const Versions versions_;
  const std::string prefix_;
  const std::string delimiter_;
  const std::size_t limit_;
  std::string current_from_;
  std::string kept_from_;
  Page page_;
};

template <typename Shown>
Shown shown_as(const Listed& listed, const std::string& key, const Bucket& bucket) {
  Shown shown;
  shown.key = key;
  shown.version_id = shown_version(listed.object);
  shown.is_latest = listed.latest;
  shown.last_modified = Timestamp(std::chrono::milliseconds(listed.object.modified));
  shown.owner.emplace();
  shown.owner->id = owner_of(bucket, listed.object);
  return shown;
}

}  // namespace

void S3::register_versions() {
  service_.on<api::PutBucketVersioning>([this](Call& c, const auto& in) { return put_bucket_versioning(c, in); });
  service_.on<api::GetBucketVersioning>([this](Call& c, const auto& in) -> Task<api::GetBucketVersioningOutput> {
    const Bucket bucket = co_await permit(c, in.bucket, "s3:GetBucketVersioning");
    api::GetBucketVersioningOutput output;
    if (!bucket.versioning.empty()) output.status = bucket.versioning;
    co_return output;
  });
  service_.on<api::ListObjectVersions>([this](Call& c, const auto& in) { return list_object_versions(c, in); });
}

Task<api::PutBucketVersioningOutput> S3::put_bucket_versioning(Call& call,
                                                               const api::PutBucketVersioningRequest& input) {
  const api::VersioningConfiguration& wanted = input.versioning_configuration;
  if (input.mfa || wanted.mfa_delete.value_or("Disabled") == "Enabled") {
    co_return Error("NotImplemented", 501, "A header you provided implies functionality that is not implemented")
        .with("Header", "x-amz-mfa");
  }
  if (!wanted.status) {
    co_return Error("IllegalVersioningConfigurationException", 400, "The Versioning element must be specified");
  }
  if (*wanted.status != "Enabled" && *wanted.status != "Suspended") co_return malformed_xml();
  const auto allowed = [&wanted](const Bucket& bucket) -> Result<void> {
    if (*wanted.status == "Enabled") return {};
    if (!bucket.replication.empty()) {
      return Error("InvalidBucketState", 409,
                   "A replication configuration is present on this bucket, so the versioning state cannot be changed.");
    }
    if (bucket.object_lock.empty()) return {};
    return Error("InvalidBucketState", 409,
                 "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.");
  };
  co_await set(call, input.bucket, "s3:PutBucketVersioning", &Bucket::versioning, *wanted.status, allowed);
  co_return api::PutBucketVersioningOutput();
}

Task<api::ListObjectVersionsOutput> S3::list_object_versions(Call& call, const api::ListObjectVersionsRequest& input) {
  const Bucket bucket = co_await permit(call, input.bucket, "s3:ListBucketVersions", {}, input.expected_bucket_owner);
  if (input.max_keys.value_or(0) < 0) {
    co_return invalid_argument("Argument maxKeys must be an integer between 0 and 2147483647", "maxKeys",
                               std::to_string(*input.max_keys));
  }
  const std::string key_marker = input.key_marker.value_or("");
  const std::string version_marker = input.version_id_marker.value_or("");
  if (!version_marker.empty() && key_marker.empty()) {
    co_return invalid_argument("A version-id marker cannot be specified without a key marker.", "version-id-marker",
                               version_marker);
  }
  if (!version_marker.empty()) co_await check_version_id(version_marker);
  const std::size_t limit = input.max_keys ? std::min(static_cast<std::size_t>(*input.max_keys), kMaxKeys) : kMaxKeys;
  const bool url = input.encoding_type.value_or("") == "url";
  const auto shown_text = [url](const std::string& text) { return url ? uri_encode(text, true) : text; };
  const std::string prefix = input.prefix.value_or("");
  const std::string delimiter = input.delimiter.value_or("");
  const auto read = [&](storage::Transaction& txn) -> Task<Page> {
    Walk walk(txn, bucket, prefix, delimiter, limit);
    co_return co_await walk.after(key_marker, version_marker);
  };
  const Page page = co_await storage::transact(database_, read);

  api::ListObjectVersionsOutput output;
  output.versions.emplace();
  output.delete_markers.emplace();
  for (const Listed& listed : page.versions) {
    const Object& object = listed.object;
    if (object.delete_marker) {
      output.delete_markers->push_back(shown_as<api::DeleteMarkerEntry>(listed, shown_text(object.key), bucket));
      continue;
    }
    auto shown = shown_as<api::ObjectVersion>(listed, shown_text(object.key), bucket);
    shown.e_tag = "\"" + object.etag + "\"";
    shown.size = static_cast<std::int64_t>(object.size);
    shown.storage_class = object.metadata.storage_class;
    if (!object.checksum.algorithm.empty()) {
      shown.checksum_algorithm.emplace().push_back(object.checksum.algorithm);
      shown.checksum_type = object.checksum.type;
    }
    output.versions->push_back(std::move(shown));
  }
  output.common_prefixes.emplace();
  for (const std::string& common : page.prefixes) output.common_prefixes->emplace_back().prefix = shown_text(common);
  output.is_truncated = page.truncated;
  if (page.truncated) {
    output.next_key_marker = shown_text(page.last_key);
    if (!page.last_version.empty()) output.next_version_id_marker = page.last_version;
  }
  output.name = bucket.name;
  output.prefix = shown_text(prefix);
  output.key_marker = shown_text(key_marker);
  output.version_id_marker = version_marker;
  if (input.delimiter) output.delimiter = shown_text(delimiter);
  output.max_keys = static_cast<std::int32_t>(limit);
  output.encoding_type = input.encoding_type;
  co_return output;
}

}  // namespace cumulet::s3
