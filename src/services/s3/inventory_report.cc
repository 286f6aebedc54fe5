#include "services/s3/inventory_report.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <new>
#include <utility>

#include <zlib.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/text.h"
#include "services/s3/versions.h"

namespace cumulet::s3 {
namespace {

constexpr int kGzipWindowBits = 15 + 16;
constexpr std::size_t kPackedPiece = 32 * 1024;

std::string time_text(std::int64_t millis) {
  return millis == 0 ? std::string() : iso8601(Timestamp(std::chrono::milliseconds(millis)), true);
}

std::string truth(bool value) { return value ? "true" : "false"; }

std::string class_of(const Object& object) {
  if (object.delete_marker) return "";
  return object.metadata.storage_class.empty() ? "STANDARD" : object.metadata.storage_class;
}

std::string encryption_of(const Object& object) {
  if (object.delete_marker || !object.is_sealed()) return "NOT-SSE";
  if (object.is_customer_sealed()) return "SSE-C";
  return object.encryption == "aws:kms" ? "SSE-KMS" : "SSE-S3";
}

std::string hold_of(const Object& object) {
  if (object.lock.legal_hold.empty()) return "";
  return object.lock.legal_hold == "ON" ? "On" : "Off";
}

/// What a column says of an object.
struct Row {
  Row(const Bucket& b, const Object& o, bool l) : bucket(b), object(o), latest(l) {}
  const Bucket& bucket;
  const Object& object;
  bool latest;
};

struct Column {
  const char* name;
  std::string (*value)(const Row& row);
};

/// In the order of the documented schema.
const std::array<Column, 19> kColumns{{
    {"Bucket", [](const Row& row) { return row.bucket.name; }},
    {"Key", [](const Row& row) { return uri_encode(row.object.key, true); }},
    {"VersionId", [](const Row& row) { return row.object.version; }},
    {"IsLatest", [](const Row& row) { return truth(row.latest); }},
    {"IsDeleteMarker", [](const Row& row) { return truth(row.object.delete_marker); }},
    {"Size", [](const Row& row) { return row.object.delete_marker ? "" : std::to_string(row.object.size); }},
    {"LastModifiedDate", [](const Row& row) { return time_text(row.object.modified); }},
    {"ETag", [](const Row& row) { return row.object.etag; }},
    {"StorageClass", [](const Row& row) { return class_of(row.object); }},
    {"IsMultipartUploaded", [](const Row& row) { return truth(row.object.multipart); }},
    {"ReplicationStatus", [](const Row& row) { return row.object.replication; }},
    {"EncryptionStatus", [](const Row& row) { return encryption_of(row.object); }},
    {"ObjectLockRetainUntilDate", [](const Row& row) { return time_text(row.object.lock.retain_until); }},
    {"ObjectLockMode", [](const Row& row) { return row.object.lock.mode; }},
    {"ObjectLockLegalHoldStatus", [](const Row& row) { return hold_of(row.object); }},
    {"IntelligentTieringAccessTier",
     [](const Row& row) { return std::string(class_of(row.object) == "INTELLIGENT_TIERING" ? "FREQUENT" : ""); }},
    {"BucketKeyStatus",
     [](const Row& row) {
       if (encryption_of(row.object) != "SSE-KMS") return std::string();
       return std::string(row.object.bucket_key ? "ENABLED" : "DISABLED");
     }},
    {"ChecksumAlgorithm", [](const Row& row) { return row.object.checksum.algorithm; }},
    {"ObjectOwner", [](const Row& row) { return row.object.owner.empty() ? row.bucket.account : row.object.owner; }},
}};
constexpr std::size_t kAlways = 2;        ///< Columns of every report.
constexpr std::size_t kWithVersions = 5;  ///< Those, and the ones of a report of all versions.

std::string quoted(const std::string& text) {
  std::string field = "\"";
  for (const char letter : text) {
    if (letter == '"') field += '"';
    field += letter;
  }
  return field + "\"";
}

std::string time_in_path(std::int64_t millis, const char* form) {
  const std::time_t seconds = millis / 1000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  return std::string(text.data(), std::strftime(text.data(), text.size(), form, &parts));
}

/// Keys and names that were checked or encoded need this much only.
std::string json_text(const std::string& text) {
  std::string out = "\"";
  for (const char letter : text) {
    if (letter == '"' || letter == '\\') out += '\\';
    if (static_cast<unsigned char>(letter) < 0x20) {
      static constexpr std::array<char, 17> kHex{"0123456789abcdef"};
      out += std::string("\\u00") + kHex[static_cast<unsigned char>(letter) >> 4] + kHex[letter & 15];
    } else {
      out += letter;
    }
  }
  return out + "\"";
}

}  // namespace

InventoryColumns::InventoryColumns(const wire::s3::InventoryConfiguration& configuration) {
  const std::size_t fixed = configuration.included_object_versions == "All" ? kWithVersions : kAlways;
  for (std::size_t i = 0; i < kColumns.size(); ++i) {
    const bool asked =
        configuration.optional_fields &&
        std::count(configuration.optional_fields->begin(), configuration.optional_fields->end(), kColumns[i].name) > 0;
    if (i < fixed || (i >= kWithVersions && asked)) names_.emplace_back(kColumns[i].name);
  }
}

std::string InventoryColumns::schema() const {
  std::string text;
  for (const std::string& name : names_) text += (text.empty() ? "" : ", ") + name;
  return text;
}

std::string InventoryColumns::line(const Bucket& bucket, const Object& object, bool latest) const {
  const Row row(bucket, object, latest);
  std::string text;
  for (const Column& column : kColumns) {
    if (std::find(names_.begin(), names_.end(), column.name) == names_.end()) continue;
    if (!text.empty()) text += ',';
    text += quoted(column.value(row));
  }
  return text + "\n";
}

std::string InventoryReport::data_key(std::size_t number) const {
  const std::string name =
      hex_encode(sha256(source + '\0' + prefix + '\0' + std::to_string(made) + '\0' + std::to_string(number)));
  std::string key = prefix + "data/" + name.substr(0, 8);
  for (std::size_t at = 8; at < 24; at += 4) key += "-" + name.substr(at, 4);
  return key + name.substr(24, 8) + ".csv.gz";
}

std::string InventoryReport::manifest_key(const std::string& name) const {
  return prefix + time_in_path(made, "%Y-%m-%dT%H-%MZ/") + name;
}

std::string InventoryReport::symlink_key() const {
  return prefix + time_in_path(made, "hive/dt=%Y-%m-%d-%H-%M/") + "symlink.txt";
}

std::string InventoryReport::manifest() const {
  std::string text = "{\n  \"sourceBucket\" : " + json_text(source) + ",\n";
  text += "  \"destinationBucket\" : " + json_text("arn:aws:s3:::" + destination) + ",\n";
  text += "  \"version\" : \"2016-11-30\",\n";
  text += "  \"creationTimestamp\" : \"" + std::to_string(made) + "\",\n";
  text += "  \"fileFormat\" : \"CSV\",\n  \"fileSchema\" : " + json_text(schema) + ",\n  \"files\" : [";
  for (std::size_t i = 0; i < files.size(); ++i) {
    text += i == 0 ? " {\n" : ", {\n";
    text += "    \"key\" : " + json_text(files[i].key) + ",\n";
    text += "    \"size\" : " + std::to_string(files[i].size) + ",\n";
    text += "    \"MD5checksum\" : \"" + files[i].md5 + "\"\n  }";
  }
  return text + " ]\n}";
}

std::string InventoryReport::symlinks() const {
  std::string text;
  for (const InventoryFile& file : files) text += "s3://" + destination + "/" + file.key + "\n";
  return text;
}

struct GzipText::Stream {
  z_stream z{};
};

GzipText::GzipText() : stream_(std::make_unique<Stream>()) {
  if (deflateInit2(&stream_->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindowBits, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::bad_alloc();
  }
}

GzipText::~GzipText() { deflateEnd(&stream_->z); }

void GzipText::deflate_all(int flush) {
  do {
    const std::size_t before = packed_.size();
    packed_.resize(before + kPackedPiece);
    stream_->z.next_out = reinterpret_cast<Bytef*>(packed_.data() + before);
    stream_->z.avail_out = kPackedPiece;
    deflate(&stream_->z, flush);
    packed_.resize(before + kPackedPiece - stream_->z.avail_out);
  } while (stream_->z.avail_out == 0);
}

void GzipText::add(const std::string& text) {
  stream_->z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream_->z.avail_in = static_cast<uInt>(text.size());
  deflate_all(Z_NO_FLUSH);
}

std::string GzipText::finish() {
  deflate_all(Z_FINISH);
  return std::move(packed_);
}

}  // namespace cumulet::s3
