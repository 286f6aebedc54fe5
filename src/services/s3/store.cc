#include "services/s3/store.h"

#include <algorithm>

#include "services/s3/rows.h"

namespace cumulet::s3 {
namespace {

using storage::Key;
using storage::KeyRange;
using storage::KeyReader;
using storage::KeyValue;
using storage::ScanOptions;

std::string bucket_key(const std::string& name) { return Key("s3-bucket").text(name).bytes(); }

std::string owned_key(const Bucket& bucket) {
  return Key("s3").text(bucket.account).text(bucket.region).text("owned").text(bucket.name).bytes();
}

/// The text part number `index` (from 0) of a key.
std::string text_part(std::string_view key, int index) {
  KeyReader reader(key);
  std::string text;
  for (int i = 0; i <= index; ++i) text = reader.text().value_or("");
  return text;
}

}  // namespace

std::string open_ended(const storage::Key& base, const std::string& prefix) {
  std::string bytes = Key(base).text(prefix).bytes();
  constexpr std::size_t kEndMark = 2;
  bytes.resize(bytes.size() - kEndMark);
  return bytes;
}

Task<std::optional<Bucket>> find_bucket(storage::Transaction& txn, std::string name) {
  const std::optional<std::string> row = co_await txn.get(bucket_key(name));
  if (!row) co_return std::optional<Bucket>();
  co_return std::optional<Bucket>(decode_bucket(std::move(name), *row));
}

void put_bucket(storage::Transaction& txn, const Bucket& bucket) {
  txn.put(bucket_key(bucket.name), encode(bucket));
  txn.put(owned_key(bucket), "");
}

void erase_bucket(storage::Transaction& txn, const Bucket& bucket) {
  txn.erase(bucket_key(bucket.name));
  txn.erase(owned_key(bucket));
}

Task<std::vector<Bucket>> list_buckets(storage::Transaction& txn, std::string account) {
  const std::string space = Key("s3").text(account).bytes();
  const std::string end = storage::after_prefix(space);
  std::vector<Bucket> buckets;
  ScanOptions one;
  one.limit = 1;
  std::string from = space;
  // From region to region by seeking: a region's objects are never read.
  while (true) {
    const KeyRange rest(from, end);
    const std::vector<KeyValue> first = co_await txn.scan(rest, one);
    if (first.empty()) co_return buckets;
    const std::string region = text_part(first.front().key, 2);
    const std::string owned = Key("s3").text(account).text(region).text("owned").bytes();
    const KeyRange names(owned, storage::after_prefix(owned));
    ScanOptions many;
    many.limit = 10'000;
    const std::vector<KeyValue> rows = co_await txn.scan(names, many);
    for (const KeyValue& row : rows) {
      std::optional<Bucket> bucket = co_await find_bucket(txn, text_part(row.key, 4));
      if (bucket) buckets.push_back(std::move(*bucket));
    }
    from = storage::after_prefix(Key("s3").text(account).text(region).bytes());
  }
}

Task<bool> is_blob_named(storage::Transaction& txn, std::string id) {
  const std::optional<std::string> row = co_await txn.get(blob_key(id));
  co_return row.has_value();
}

std::string Contents::key_of(std::string_view kind, const std::string& key) const {
  Key bytes = Key("s3").text(account_).text(region_).text(kind).text(bucket_);
  return bytes.text(key).bytes();
}

std::string Contents::upload_key(const std::string& key, const std::string& id) const {
  return Key("s3").text(account_).text(region_).text("upload").text(bucket_).text(key).text(id).bytes();
}

std::string Contents::part_key(const std::string& upload_id, std::uint32_t number) const {
  Key key = Key("s3").text(account_).text(region_).text("part").text(bucket_);
  return key.text(upload_id).number(number).bytes();
}

Task<std::optional<Object>> Contents::find_object(storage::Transaction& txn, std::string key) const {
  const std::optional<std::string> row = co_await txn.get(key_of("object", key));
  if (!row) co_return std::optional<Object>();
  co_return std::optional<Object>(decode_object(std::move(key), *row));
}

void Contents::put_object(storage::Transaction& txn, const Object& object, std::string content) const {
  put_object_row(txn, object);
  if (object.content_inline) {
    txn.put(key_of("content", object.key), std::move(content));
  } else {
    txn.erase(key_of("content", object.key));
  }
  for (const Piece& piece : object.pieces) txn.put(blob_key(piece.blob), "");
}

void Contents::put_object_row(storage::Transaction& txn, const Object& object) const {
  txn.put(key_of("object", object.key), encode(object));
}

void Contents::erase_object(storage::Transaction& txn, const Object& object) const {
  txn.erase(key_of("object", object.key));
  if (object.content_inline) txn.erase(key_of("content", object.key));
  for (const Piece& piece : object.pieces) txn.erase(blob_key(piece.blob));
}

Task<std::string> Contents::read_inline(storage::Transaction& txn, std::string key) const {
  std::optional<std::string> content = co_await txn.get(key_of("content", key));
  co_return std::move(content).value_or("");
}

Task<std::vector<Object>> Contents::list_objects(storage::Transaction& txn, std::string prefix, std::string from,
                                                 std::size_t limit) const {
  const Key base = Key("s3").text(account_).text(region_).text("object").text(bucket_);
  std::string begin = open_ended(base, prefix);
  std::string end = storage::after_prefix(begin);
  if (from > begin) begin = std::move(from);
  std::vector<Object> objects;
  if (begin >= end) co_return objects;
  ScanOptions options;
  options.limit = limit;
  const KeyRange range(std::move(begin), std::move(end));
  const std::vector<KeyValue> rows = co_await txn.scan(range, options);
  const std::size_t stem = base.bytes().size();
  for (const KeyValue& row : rows) {
    KeyReader reader(std::string_view(row.key).substr(stem));
    objects.push_back(decode_object(reader.text().value_or(""), row.value));
  }
  co_return objects;
}

std::string Contents::after_key(const std::string& key) const { return storage::after_prefix(key_of("object", key)); }

std::string Contents::after_all_with(const std::string& prefix) const {
  return storage::after_prefix(open_ended(Key("s3").text(account_).text(region_).text("object").text(bucket_), prefix));
}

Task<std::optional<Upload>> Contents::find_upload(storage::Transaction& txn, std::string key, std::string id) const {
  const std::optional<std::string> row = co_await txn.get(upload_key(key, id));
  if (!row) co_return std::optional<Upload>();
  co_return std::optional<Upload>(decode_upload(std::move(key), std::move(id), *row));
}

void Contents::put_upload(storage::Transaction& txn, const Upload& upload) const {
  txn.put(upload_key(upload.key, upload.id), encode(upload));
}

void Contents::erase_upload(storage::Transaction& txn, const Upload& upload) const {
  txn.erase(upload_key(upload.key, upload.id));
}

Task<std::vector<std::string>> Contents::discard_upload(storage::Transaction& txn, Upload upload) const {
  std::vector<std::string> blobs;
  const std::vector<Part> parts = co_await list_parts(txn, upload.id, 0, kPartNumberLimit);
  for (const Part& part : parts) {
    erase_part(txn, upload.id, part, false);
    blobs.push_back(part.piece.blob);
  }
  erase_upload(txn, upload);
  co_return blobs;
}

Task<std::vector<Upload>> Contents::list_uploads(storage::Transaction& txn, std::string prefix, std::string after_key,
                                                 std::string after_id, std::size_t limit) const {
  const Key base = Key("s3").text(account_).text(region_).text("upload").text(bucket_);
  std::string begin = open_ended(base, prefix);
  std::string end = storage::after_prefix(begin);
  if (!after_key.empty()) {
    Key last = Key(base).text(after_key);
    if (!after_id.empty()) last.text(after_id);
    begin = std::max(begin, storage::after_prefix(last.bytes()));
  }
  std::vector<Upload> uploads;
  if (begin >= end) co_return uploads;
  ScanOptions options;
  options.limit = limit;
  const KeyRange range(std::move(begin), std::move(end));
  const std::vector<KeyValue> rows = co_await txn.scan(range, options);
  for (const KeyValue& row : rows) {
    KeyReader reader(std::string_view(row.key).substr(base.bytes().size()));
    std::string key = reader.text().value_or("");
    std::string id = reader.text().value_or("");
    uploads.push_back(decode_upload(std::move(key), std::move(id), row.value));
  }
  co_return uploads;
}

Task<std::optional<Part>> Contents::find_part(storage::Transaction& txn, std::string upload_id,
                                              std::uint32_t number) const {
  const std::optional<std::string> row = co_await txn.get(part_key(upload_id, number));
  if (!row) co_return std::optional<Part>();
  co_return std::optional<Part>(decode_part(number, *row));
}

void Contents::put_part(storage::Transaction& txn, const std::string& upload_id, const Part& part) const {
  txn.put(part_key(upload_id, part.number), encode(part));
  txn.put(blob_key(part.piece.blob), "");
}

void Contents::erase_part(storage::Transaction& txn, const std::string& upload_id, const Part& part,
                          bool keep_blob) const {
  txn.erase(part_key(upload_id, part.number));
  if (!keep_blob) txn.erase(blob_key(part.piece.blob));
}

Task<std::vector<Part>> Contents::list_parts(storage::Transaction& txn, std::string upload_id, std::uint32_t after,
                                             std::size_t limit) const {
  const KeyRange range(part_key(upload_id, after + 1), part_key(upload_id, kPartNumberLimit + 1));
  ScanOptions options;
  options.limit = limit;
  const std::vector<KeyValue> rows = co_await txn.scan(range, options);
  const std::size_t stem =
      Key("s3").text(account_).text(region_).text("part").text(bucket_).text(upload_id).bytes().size();
  std::vector<Part> parts;
  for (const KeyValue& row : rows) {
    KeyReader reader(std::string_view(row.key).substr(stem));
    parts.push_back(decode_part(static_cast<std::uint32_t>(reader.number().value_or(0)), row.value));
  }
  co_return parts;
}

Task<bool> Contents::is_empty(storage::Transaction& txn) const {
  const std::vector<Object> first = co_await list_objects(txn, "", "", 1);
  co_return first.empty();
}

}  // namespace cumulet::s3
