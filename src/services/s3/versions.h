#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "services/s3/model.h"
#include "services/s3/store.h"
#include "storage/database.h"

/// The versions of objects. The current version of a key is the row that Contents holds, so that reading, writing and
/// listing what is current costs the same with and without versioning. All others, and every delete marker, lie in a
/// space of their own, newest first:
///   ("s3", account, region, "version", bucket, key, ~order)           object row
///   ("s3", account, region, "version-content", bucket, key, ~order)   the bytes of a small one
///   ("s3", account, region, "version-null", bucket, key)              the order of the null version, when it is there
/// A key without a row in Contents, but with versions, is deleted: its newest version is a delete marker.
/// https://docs.aws.amazon.com/AmazonS3/latest/userguide/versioning-workflows.html
namespace cumulet::s3 {

/// When a version was made among those of its key, as its id tells; null versions keep it in their row.
std::uint64_t order_of(const Object& object);
/// Nullopt when the text is no version id. "null" has none.
std::optional<std::uint64_t> order_of_id(const std::string& version_id);
/// What the API calls a version: its id, or "null".
std::string shown_version(const Object& object);
/// Fails with InvalidArgument when it can't be a version's id.
Result<void> check_version_id(const std::optional<std::string>& version_id);

/// The noncurrent versions and delete markers of one bucket, inside the caller's transaction.
class Versions {
 public:
  explicit Versions(const Bucket& bucket) : account_(bucket.account), region_(bucket.region), bucket_(bucket.name) {}

  Task<std::optional<Object>> find(storage::Transaction& txn, std::string key, std::string version_id) const;
  Task<std::optional<Object>> newest(storage::Transaction& txn, std::string key) const;
  /// Those of one key that are older than `before` (0: all).
  Task<std::vector<Object>> of_key(storage::Transaction& txn, std::string key, std::uint64_t before,
                                   std::size_t limit) const;
  /// The first key with versions that starts with the prefix, from `from` (as after_key gives it) on.
  Task<std::optional<std::string>> first_key(storage::Transaction& txn, std::string prefix, std::string from) const;
  std::string after_key(const std::string& key) const;
  std::string after_all_with(const std::string& prefix) const;

  Task<std::string> read_inline(storage::Transaction& txn, const Object& object) const;
  /// Writes row and content, and names its blobs.
  void put(storage::Transaction& txn, const Object& object, std::string content) const;
  /// The row alone (tags).
  void put_row(storage::Transaction& txn, const Object& object) const;
  /// Removes row and content, and un-names its blobs.
  void erase(storage::Transaction& txn, const Object& object) const;

 private:
  std::string row_key(std::string_view kind, const std::string& key, std::uint64_t order) const;
  std::string null_key(const std::string& key) const;

  std::string account_;
  std::string region_;
  std::string bucket_;
};

/// Makes `fresh` (an object or a delete marker) the newest version of its key: gives it its id and order by the
/// bucket's versioning, and keeps or removes what was current. The caller then writes `fresh`. Gives the blobs that no
/// row names any more.
Task<std::vector<std::string>> displace_current(storage::Transaction& txn, const Bucket& bucket,
                                                std::optional<Object> current, Object& fresh, std::int64_t now_micros);

/// Puts a version that has its id and order already where it belongs among those of its key. Gives whether it is the
/// newest now. Fails with InvalidArgument when another version has the same order.
Task<bool> insert_version(storage::Transaction& txn, const Bucket& bucket, Object object, std::string content);

/// Writes the row alone of a version that is there (tags, locks).
void put_version_row(storage::Transaction& txn, const Bucket& bucket, const Object& object, bool current);

/// What a deletion did.
struct Deletion {
  std::vector<std::string> blobs;  ///< That no row names any more.
  std::string version_id;          ///< Of what was deleted, or of the marker that was made; may be empty.
  bool delete_marker = false;      ///< It made one, or deleted one.
  bool marker_made = false;
  bool removed = false;  ///< Something is gone for good.
};
/// DeleteObject: puts a delete marker or, with a version id or without versioning, removes for good.
Task<Deletion> delete_version(storage::Transaction& txn, const Bucket& bucket, std::string key,
                              std::optional<std::string> version_id, std::int64_t now_millis);

}  // namespace cumulet::s3
