#include "services/s3/versions.h"

#include <algorithm>

#include "base/ids.h"
#include "base/text.h"
#include "services/s3/errors.h"
#include "services/s3/rows.h"
#include "storage/key.h"

namespace cumulet::s3 {
namespace {

using storage::Key;
using storage::KeyRange;
using storage::KeyReader;
using storage::KeyValue;
using storage::ScanOptions;

constexpr std::size_t kIdBytes = 24;
constexpr std::size_t kOrderBytes = 8;
constexpr std::uint64_t kMicrosInMilli = 1000;

/// The order and randomness, so that a version is found by its id and no id can be guessed.
std::string version_id_for(std::uint64_t order) {
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(order >> shift));
  return base64url_encode(bytes + random_bytes(kIdBytes - kOrderBytes));
}

std::vector<std::string> blobs_of(const Object& object) {
  std::vector<std::string> blobs;
  for (const Piece& piece : object.pieces) blobs.push_back(piece.blob);
  return blobs;
}

/// The newest of the kept versions becomes current again, unless it is a delete marker.
Task<void> promote_newest(storage::Transaction& txn, const Bucket& bucket, std::string key) {
  const Versions versions(bucket);
  const std::optional<Object> newest = co_await versions.newest(txn, key);
  if (!newest || newest->delete_marker) co_return;
  std::string content;
  if (newest->content_inline) content = co_await versions.read_inline(txn, *newest);
  versions.erase(txn, *newest);
  Contents(bucket).put_object(txn, *newest, std::move(content));
}

}  // namespace

std::uint64_t order_of(const Object& object) {
  if (object.order != 0) return object.order;
  return static_cast<std::uint64_t>(std::max<std::int64_t>(object.modified, 0)) * kMicrosInMilli;
}

std::optional<std::uint64_t> order_of_id(const std::string& version_id) {
  const std::optional<std::string> bytes = base64url_decode(version_id);
  if (!bytes || bytes->size() != kIdBytes) return std::nullopt;
  std::uint64_t order = 0;
  for (std::size_t i = 0; i < kOrderBytes; ++i) order = order << 8 | static_cast<unsigned char>((*bytes)[i]);
  return order;
}

std::string shown_version(const Object& object) { return object.version.empty() ? "null" : object.version; }

Result<void> check_version_id(const std::optional<std::string>& version_id) {
  if (!version_id || *version_id == "null" || order_of_id(*version_id)) return {};
  if (version_id->empty()) return invalid_argument("Version id cannot be the empty string", "versionId", "");
  return invalid_argument("Invalid version id specified", "versionId", *version_id);
}

std::string Versions::row_key(std::string_view kind, const std::string& key, std::uint64_t order) const {
  Key bytes = Key("s3").text(account_).text(region_).text(kind).text(bucket_);
  return bytes.text(key).number(~order).bytes();
}

std::string Versions::null_key(const std::string& key) const {
  Key bytes = Key("s3").text(account_).text(region_).text("version-null").text(bucket_);
  return bytes.text(key).bytes();
}

Task<std::optional<Object>> Versions::find(storage::Transaction& txn, std::string key, std::string version_id) const {
  std::optional<std::uint64_t> order = order_of_id(version_id);
  if (version_id == "null") {
    const std::optional<std::string> row = co_await txn.get(null_key(key));
    if (row) order = static_cast<std::uint64_t>(parse_int(*row).value_or(0));
  }
  if (!order) co_return std::optional<Object>();
  const std::optional<std::string> row = co_await txn.get(row_key("version", key, *order));
  if (!row) co_return std::optional<Object>();
  Object object = decode_object(std::move(key), *row);
  if (shown_version(object) != version_id) co_return std::optional<Object>();
  co_return std::optional<Object>(std::move(object));
}

Task<std::optional<Object>> Versions::newest(storage::Transaction& txn, std::string key) const {
  std::vector<Object> first = co_await of_key(txn, std::move(key), 0, 1);
  if (first.empty()) co_return std::optional<Object>();
  co_return std::optional<Object>(std::move(first.front()));
}

Task<std::vector<Object>> Versions::of_key(storage::Transaction& txn, std::string key, std::uint64_t before,
                                           std::size_t limit) const {
  Key base = Key("s3").text(account_).text(region_).text("version").text(bucket_).text(key);
  std::string begin = before == 0 ? base.bytes() : storage::after_prefix(row_key("version", key, before));
  const KeyRange range(std::move(begin), storage::after_prefix(base.bytes()));
  ScanOptions options;
  options.limit = limit;
  const std::vector<KeyValue> rows = co_await txn.scan(range, options);
  std::vector<Object> objects;
  for (const KeyValue& row : rows) objects.push_back(decode_object(key, row.value));
  co_return objects;
}

Task<std::optional<std::string>> Versions::first_key(storage::Transaction& txn, std::string prefix,
                                                     std::string from) const {
  const Key base = Key("s3").text(account_).text(region_).text("version").text(bucket_);
  std::string begin = open_ended(base, prefix);
  std::string end = storage::after_prefix(begin);
  begin = std::max(begin, from);
  if (begin >= end) co_return std::optional<std::string>();
  const KeyRange range(std::move(begin), std::move(end));
  ScanOptions one;
  one.limit = 1;
  const std::vector<KeyValue> rows = co_await txn.scan(range, one);
  if (rows.empty()) co_return std::optional<std::string>();
  KeyReader reader(std::string_view(rows.front().key).substr(base.bytes().size()));
  co_return reader.text();
}

std::string Versions::after_key(const std::string& key) const {
  Key base = Key("s3").text(account_).text(region_).text("version").text(bucket_);
  return storage::after_prefix(base.text(key).bytes());
}

std::string Versions::after_all_with(const std::string& prefix) const {
  const Key base = Key("s3").text(account_).text(region_).text("version").text(bucket_);
  return storage::after_prefix(open_ended(base, prefix));
}

Task<std::string> Versions::read_inline(storage::Transaction& txn, const Object& object) const {
  std::optional<std::string> content = co_await txn.get(row_key("version-content", object.key, order_of(object)));
  co_return std::move(content).value_or("");
}

void Versions::put(storage::Transaction& txn, const Object& object, std::string content) const {
  put_row(txn, object);
  if (object.content_inline) txn.put(row_key("version-content", object.key, order_of(object)), std::move(content));
  for (const Piece& piece : object.pieces) txn.put(blob_key(piece.blob), "");
}

void Versions::put_row(storage::Transaction& txn, const Object& object) const {
  const std::uint64_t order = order_of(object);
  txn.put(row_key("version", object.key, order), encode(object));
  if (object.version.empty()) txn.put(null_key(object.key), std::to_string(order));
}

void Versions::erase(storage::Transaction& txn, const Object& object) const {
  const std::uint64_t order = order_of(object);
  txn.erase(row_key("version", object.key, order));
  if (object.content_inline) txn.erase(row_key("version-content", object.key, order));
  if (object.version.empty()) txn.erase(null_key(object.key));
  for (const Piece& piece : object.pieces) txn.erase(blob_key(piece.blob));
}

Task<std::vector<std::string>> displace_current(storage::Transaction& txn, const Bucket& bucket,
                                                std::optional<Object> current, Object& fresh, std::int64_t now_micros) {
  const Contents contents(bucket);
  std::vector<std::string> freed;
  if (bucket.versioning.empty()) {
    if (current) {
      contents.erase_object(txn, *current);
      freed = blobs_of(*current);
    }
    co_return freed;
  }
  const Versions versions(bucket);
  fresh.order = static_cast<std::uint64_t>(std::max<std::int64_t>(now_micros, 1));
  if (current) fresh.order = std::max(fresh.order, order_of(*current) + 1);
  const std::optional<Object> newest = co_await versions.newest(txn, fresh.key);
  if (newest) fresh.order = std::max(fresh.order, order_of(*newest) + 1);
  const bool suspended = bucket.versioning == "Suspended";
  fresh.version = suspended ? std::string() : version_id_for(fresh.order);
  if (suspended) {  // There is one null version at most.
    const std::optional<Object> null_version = co_await versions.find(txn, fresh.key, "null");
    if (null_version) {
      versions.erase(txn, *null_version);
      freed = blobs_of(*null_version);
    }
  }
  if (!current) co_return freed;
  std::string content;
  if (current->content_inline) content = co_await contents.read_inline(txn, current->key);
  contents.erase_object(txn, *current);
  if (suspended && current->version.empty()) {
    for (const Piece& piece : current->pieces) freed.push_back(piece.blob);
  } else {
    versions.put(txn, *current, std::move(content));
  }
  co_return freed;
}

Task<bool> insert_version(storage::Transaction& txn, const Bucket& bucket, Object object, std::string content) {
  const Contents contents(bucket);
  const Versions versions(bucket);
  const std::uint64_t order = order_of(object);
  const std::optional<Object> current = co_await contents.find_object(txn, object.key);
  const std::vector<Object> at_most = co_await versions.of_key(txn, object.key, order + 1, 1);
  const bool taken = !at_most.empty() && order_of(at_most.front()) == order;
  if (taken || (current && order_of(*current) == order)) {
    co_return invalid_argument("Another version was made at the same time", "versionId", object.version);
  }
  const std::optional<Object> newest = co_await versions.newest(txn, object.key);
  const bool is_newest = (!current || order_of(*current) < order) && (!newest || order_of(*newest) < order);
  if (is_newest && current) {
    std::string displaced;
    if (current->content_inline) displaced = co_await contents.read_inline(txn, current->key);
    contents.erase_object(txn, *current);
    versions.put(txn, *current, std::move(displaced));
  }
  if (is_newest && !object.delete_marker) {
    contents.put_object(txn, object, std::move(content));
  } else {
    versions.put(txn, object, std::move(content));
  }
  co_return is_newest;
}

void put_version_row(storage::Transaction& txn, const Bucket& bucket, const Object& object, bool current) {
  if (current) {
    Contents(bucket).put_object_row(txn, object);
  } else {
    Versions(bucket).put_row(txn, object);
  }
}

Task<Deletion> delete_version(storage::Transaction& txn, const Bucket& bucket, std::string key,
                              std::optional<std::string> version_id, std::int64_t now_millis) {
  const Contents contents(bucket);
  const Versions versions(bucket);
  Deletion done;
  std::optional<Object> current = co_await contents.find_object(txn, key);
  if (!version_id && !bucket.versioning.empty()) {
    Object marker;
    marker.key = key;
    marker.modified = now_millis;
    marker.delete_marker = true;
    const std::int64_t micros = now_millis * static_cast<std::int64_t>(kMicrosInMilli);
    done.blobs = co_await displace_current(txn, bucket, std::move(current), marker, micros);
    versions.put(txn, marker, "");
    done.version_id = shown_version(marker);
    done.delete_marker = true;
    done.marker_made = true;
    co_return done;
  }
  if (version_id) done.version_id = *version_id;
  if (current && (!version_id || shown_version(*current) == *version_id)) {
    contents.erase_object(txn, *current);
    done.blobs = blobs_of(*current);
    done.removed = true;
    if (version_id) co_await promote_newest(txn, bucket, key);
    co_return done;
  }
  if (!version_id) co_return done;
  const std::optional<Object> kept = co_await versions.find(txn, key, *version_id);
  if (!kept) co_return done;
  versions.erase(txn, *kept);
  done.blobs = blobs_of(*kept);
  done.delete_marker = kept->delete_marker;
  done.removed = true;
  if (!current) co_await promote_newest(txn, bucket, key);
  co_return done;
}

}  // namespace cumulet::s3
