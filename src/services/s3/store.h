#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "services/s3/model.h"
#include "storage/database.h"
#include "storage/key.h"

/// The keys and rows of S3. Bucket names are unique in the whole installation; everything in a bucket stands below its
/// owner's account and region. Layout:
///   ("s3-bucket", name)                                   bucket row
///   ("s3", account, region, "owned", bucket)              empty: what ListBuckets goes through
///   ("s3", account, region, "object", bucket, key)        object row
///   ("s3", account, region, "content", bucket, key)       the bytes of a small object
///   ("s3", account, region, "upload", bucket, key, id)    upload row
///   ("s3", account, region, "part", bucket, id, number)   part row
///   ("s3-blob", id)                                       empty: this blob is named by some row
/// Every function works inside the caller's transaction.
namespace cumulet::s3 {

Task<std::optional<Bucket>> find_bucket(storage::Transaction& txn, std::string name);
void put_bucket(storage::Transaction& txn, const Bucket& bucket);
void erase_bucket(storage::Transaction& txn, const Bucket& bucket);
/// Buckets of an account in all regions, by name, after `after`.
Task<std::vector<Bucket>> list_buckets(storage::Transaction& txn, std::string account);

/// The encoding of a text part without its end mark: the beginning of all keys whose part starts with that text.
std::string open_ended(const storage::Key& base, const std::string& prefix);

Task<bool> is_blob_named(storage::Transaction& txn, std::string id);

/// What lies in one bucket.
class Contents {
 public:
  explicit Contents(const Bucket& bucket) : account_(bucket.account), region_(bucket.region), bucket_(bucket.name) {}

  Task<std::optional<Object>> find_object(storage::Transaction& txn, std::string key) const;
  /// Writes the row, names its blobs, and for an inline object its content.
  void put_object(storage::Transaction& txn, const Object& object, std::string content) const;
  /// The row alone, its content staying as it is (tags).
  void put_object_row(storage::Transaction& txn, const Object& object) const;
  /// Removes row and content and un-names its blobs, which the caller erases after the commit.
  void erase_object(storage::Transaction& txn, const Object& object) const;
  Task<std::string> read_inline(storage::Transaction& txn, std::string key) const;
  /// Objects with that prefix from `from` (an encoded key) on.
  Task<std::vector<Object>> list_objects(storage::Transaction& txn, std::string prefix, std::string from,
                                         std::size_t limit) const;
  /// Where a listing goes on: after that key, or after all keys that start with it.
  std::string after_key(const std::string& key) const;
  std::string after_all_with(const std::string& prefix) const;

  Task<std::optional<Upload>> find_upload(storage::Transaction& txn, std::string key, std::string id) const;
  void put_upload(storage::Transaction& txn, const Upload& upload) const;
  void erase_upload(storage::Transaction& txn, const Upload& upload) const;
  /// Removes an upload with all its parts; gives their blobs, which no row names any more.
  Task<std::vector<std::string>> discard_upload(storage::Transaction& txn, Upload upload) const;
  /// Uploads in the order of key and id, after the given ones.
  Task<std::vector<Upload>> list_uploads(storage::Transaction& txn, std::string prefix, std::string after_key,
                                         std::string after_id, std::size_t limit) const;

  Task<std::optional<Part>> find_part(storage::Transaction& txn, std::string upload_id, std::uint32_t number) const;
  /// Names the part's blob too.
  void put_part(storage::Transaction& txn, const std::string& upload_id, const Part& part) const;
  /// `keep_blob`: the blob has moved into an object.
  void erase_part(storage::Transaction& txn, const std::string& upload_id, const Part& part, bool keep_blob) const;
  Task<std::vector<Part>> list_parts(storage::Transaction& txn, std::string upload_id, std::uint32_t after,
                                     std::size_t limit) const;

  Task<bool> is_empty(storage::Transaction& txn) const;  ///< Of current versions.

 private:
  std::string key_of(std::string_view kind, const std::string& key) const;
  std::string upload_key(const std::string& key, const std::string& id) const;
  std::string part_key(const std::string& upload_id, std::uint32_t number) const;

  std::string account_;
  std::string region_;
  std::string bucket_;
};

}  // namespace cumulet::s3
