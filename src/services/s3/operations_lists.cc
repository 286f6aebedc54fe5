#include <algorithm>

#include "base/text.h"
#include "services/s3/errors.h"
#include "services/s3/s3.h"

namespace cumulet::s3 {
namespace api = wire::s3;

namespace {

constexpr std::size_t kMaxKeys = 1000;

/// One page of a listing, in whichever version of the operation.
struct Page {
  std::vector<Object> objects;
  std::vector<std::string> prefixes;
  bool truncated = false;
  std::string last;  ///< The last key or common prefix on the page.
};

/// Goes through the keys from `from` on and folds those that share a prefix up to the delimiter.
Task<Page> list_page(storage::Transaction& txn, const Contents& contents, std::string prefix, std::string delimiter,
                     std::string from, std::size_t limit) {
  Page page;
  if (limit == 0) co_return page;
  while (true) {
    // With a delimiter most rows may be folded away, so that few at a time are enough.
    const std::size_t wanted = limit + 1 - page.objects.size() - page.prefixes.size();
    std::vector<Object> rows = co_await contents.list_objects(
        txn, prefix, from, delimiter.empty() ? wanted : std::min<std::size_t>(wanted, 64));
    if (rows.empty()) co_return page;
    for (Object& object : rows) {
      const std::size_t at = delimiter.empty() ? std::string::npos : object.key.find(delimiter, prefix.size());
      const std::string common = at == std::string::npos ? std::string() : object.key.substr(0, at + delimiter.size());
      if (!common.empty() && !page.prefixes.empty() && page.prefixes.back() == common) continue;
      if (page.objects.size() + page.prefixes.size() == limit) {
        page.truncated = true;
        co_return page;
      }
      if (common.empty()) {
        from = contents.after_key(object.key);
        page.last = object.key;
        page.objects.push_back(std::move(object));
        continue;
      }
      from = contents.after_all_with(common);
      page.last = common;
      page.prefixes.push_back(common);
      break;  // What else starts with it is skipped by seeking.
    }
  }
}

/// Where a listing goes on that ended with `last`: a key, or a common prefix, which stands for all keys below it.
std::string resume_after(const Contents& contents, const std::string& last, const std::string& prefix,
                         const std::string& delimiter) {
  const bool folded = !delimiter.empty() && last.size() > prefix.size() && last.ends_with(delimiter);
  return folded ? contents.after_all_with(last) : contents.after_key(last);
}

std::string encoded(const std::string& text, bool url) { return url ? uri_encode(text, true) : text; }

std::optional<std::string> encoded(const std::optional<std::string>& text, bool url) {
  return text ? std::optional<std::string>(encoded(*text, url)) : std::nullopt;
}

template <typename Output>
void show_page(const Page& page, bool url, bool owner, const Bucket& bucket, Output& output) {
  output.contents.emplace();
  for (const Object& object : page.objects) {
    api::Object shown;
    shown.key = encoded(object.key, url);
    shown.last_modified = Timestamp(std::chrono::milliseconds(object.modified));
    shown.e_tag = "\"" + object.etag + "\"";
    shown.size = static_cast<std::int64_t>(object.size);
    shown.storage_class = object.metadata.storage_class;
    if (!object.checksum.algorithm.empty()) {
      shown.checksum_algorithm.emplace().push_back(object.checksum.algorithm);
      shown.checksum_type = object.checksum.type;
    }
    if (owner) {
      shown.owner.emplace();
      shown.owner->id = owner_of(bucket, object);
    }
    output.contents->push_back(std::move(shown));
  }
  output.common_prefixes.emplace();
  for (const std::string& prefix : page.prefixes) {
    api::CommonPrefix shown;
    shown.prefix = encoded(prefix, url);
    output.common_prefixes->push_back(std::move(shown));
  }
  output.is_truncated = page.truncated;
}

Result<std::size_t> page_limit(const std::optional<std::int32_t>& max_keys) {
  if (!max_keys) return kMaxKeys;
  if (*max_keys < 0) {
    return invalid_argument("Argument maxKeys must be an integer between 0 and 2147483647", "maxKeys",
                            std::to_string(*max_keys));
  }
  return std::min(static_cast<std::size_t>(*max_keys), kMaxKeys);
}

Result<bool> wants_url(const std::optional<std::string>& encoding_type) {
  if (!encoding_type) return false;
  if (*encoding_type == "url") return true;
  return invalid_argument("Invalid Encoding Method specified in Request", "encoding-type", *encoding_type);
}

}  // namespace

void S3::register_lists() {
  service_.on<api::ListObjects>([this](Call& c, const auto& in) { return list_objects(c, in); });
  service_.on<api::ListObjectsV2>([this](Call& c, const auto& in) { return list_objects_v2(c, in); });
}

Task<api::ListObjectsOutput> S3::list_objects(Call& call, const api::ListObjectsRequest& input) {
  const Bucket bucket = co_await permit(call, input.bucket, "s3:ListBucket", {}, input.expected_bucket_owner);
  const std::size_t limit = co_await page_limit(input.max_keys);
  const std::string prefix = input.prefix.value_or("");
  const std::string delimiter = input.delimiter.value_or("");
  const Contents contents(bucket);
  std::string from;
  if (input.marker && !input.marker->empty()) {
    from = resume_after(contents, *input.marker, prefix, delimiter);
  }
  const auto read = [&](storage::Transaction& txn) { return list_page(txn, contents, prefix, delimiter, from, limit); };
  const Page page = co_await storage::transact(database_, read);
  const bool url = co_await wants_url(input.encoding_type);
  api::ListObjectsOutput output;
  show_page(page, url, true, bucket, output);
  output.name = bucket.name;
  output.prefix = encoded(prefix, url);
  output.marker = encoded(input.marker.value_or(""), url);
  if (!delimiter.empty()) output.delimiter = encoded(delimiter, url);
  output.max_keys = static_cast<std::int32_t>(limit);
  output.encoding_type = input.encoding_type;
  // As documented, the next marker comes only with a delimiter; without one it is the last key.
  if (page.truncated && !delimiter.empty()) output.next_marker = encoded(page.last, url);
  co_return output;
}

Task<api::ListObjectsV2Output> S3::list_objects_v2(Call& call, const api::ListObjectsV2Request& input) {
  const Bucket bucket = co_await permit(call, input.bucket, "s3:ListBucket", {}, input.expected_bucket_owner);
  const std::size_t limit = co_await page_limit(input.max_keys);
  const std::string prefix = input.prefix.value_or("");
  const std::string delimiter = input.delimiter.value_or("");
  const Contents contents(bucket);
  std::string from;
  if (input.continuation_token && !input.continuation_token->empty()) {
    const std::optional<std::string> last = base64url_decode(*input.continuation_token);
    if (!last || last->empty()) {
      co_return invalid_argument("The continuation token provided is incorrect", "continuation-token",
                                 *input.continuation_token);
    }
    from = resume_after(contents, *last, prefix, delimiter);
  } else if (input.start_after && !input.start_after->empty()) {
    from = contents.after_key(*input.start_after);
  }
  const auto read = [&](storage::Transaction& txn) { return list_page(txn, contents, prefix, delimiter, from, limit); };
  const Page page = co_await storage::transact(database_, read);
  const bool url = co_await wants_url(input.encoding_type);
  api::ListObjectsV2Output output;
  show_page(page, url, input.fetch_owner.value_or(false), bucket, output);
  output.name = bucket.name;
  output.prefix = encoded(prefix, url);
  if (!delimiter.empty()) output.delimiter = encoded(delimiter, url);
  output.start_after = encoded(input.start_after, url);
  output.max_keys = static_cast<std::int32_t>(limit);
  output.key_count = static_cast<std::int32_t>(page.objects.size() + page.prefixes.size());
  output.encoding_type = input.encoding_type;
  output.continuation_token = input.continuation_token;
  if (page.truncated) output.next_continuation_token = base64url_encode(page.last);
  co_return output;
}

}  // namespace cumulet::s3
