#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace cumulet::s3 {

/// A bucket as it is stored. What the API takes as documents (CORS, website …) is kept as the JSON of the operation's
/// input; empty: not configured. Times are milliseconds since 1970.
struct Bucket {
  std::string name;
  std::string account;
  std::string region;
  std::int64_t created = 0;
  std::string cors;
  std::string website;
  std::string policy;
  std::string tagging;
  std::string public_access_block;
  std::string ownership_controls;
  std::string versioning;  ///< "", "Enabled" or "Suspended".
  std::string encryption;
  std::string notifications;
  std::string object_lock;  ///< Not empty: versions can be locked.
  std::string lifecycle;
  std::string acl;  ///< As acl.h keeps it.
  std::string replication;
  std::string logging;
  std::string request_payment;  ///< Not empty: the requester pays.

  std::string arn() const { return "arn:aws:s3:::" + name; }
};

/// A stretch of an object's content in the blob store: all of it, or one part of a multipart upload.
struct Piece {
  Piece() = default;
  Piece(std::string b, std::uint64_t s, std::string e) : blob(std::move(b)), size(s), etag(std::move(e)) {}
  std::string blob;
  std::uint64_t size = 0;
  std::string etag;  ///< Hex MD5, without quotes.
  std::string checksum;
  std::string seal;  ///< Not empty: the blob is encrypted (sealing.h).
};

/// What a client says about an object besides its content, and gets back with it.
struct Metadata {
  std::string content_type;
  std::string cache_control;
  std::string content_disposition;
  std::string content_encoding;
  std::string content_language;
  std::string expires;
  std::string website_redirect;
  std::string storage_class;
  std::map<std::string, std::string> user;
};

/// A checksum that was sent or asked for: algorithm ("CRC32"), base64 value, and whether it covers the whole object or
/// is made from its parts' ("FULL_OBJECT", "COMPOSITE").
struct StoredChecksum {
  std::string algorithm;
  std::string value;
  std::string type;
};

/// What keeps a version from being deleted (object_lock.h).
struct ObjectLock {
  std::string mode;  ///< "GOVERNANCE", "COMPLIANCE" or "": no retention.
  std::int64_t retain_until = 0;
  std::string legal_hold;  ///< "ON", "OFF" or "": never set.
};

/// Who owns an object, and whom else it is open to (acl.h).
struct Access {
  Access() = default;
  std::string owner;  ///< Empty: the bucket's.
  std::string acl;    ///< Empty: the owner alone.
};

/// Of objects that are sealed with a key of the client's (SSE-C).
inline constexpr const char* kCustomerEncryption = "SSE-C";

/// An object. Its content lies inline (up to 64 KiB, under a key of its own) or in pieces in the blob store.
struct Object : Access {
  std::string key;
  std::uint64_t size = 0;
  std::int64_t modified = 0;
  std::string etag;  ///< Without quotes.
  Metadata metadata;
  StoredChecksum checksum;
  std::map<std::string, std::string> tags;
  bool content_inline = false;
  bool multipart = false;  ///< Its pieces are the parts of an upload.
  std::vector<Piece> pieces;
  std::string seal;         ///< Of inline content.
  std::string version;      ///< Its version id; empty: the null version.
  std::uint64_t order = 0;  ///< Among the versions of its key (versions.h).
  bool delete_marker = false;
  std::string encryption;  ///< "aws:kms", kCustomerEncryption; empty with a seal: "AES256".
  ObjectLock lock;
  std::int64_t restored_until = 0;       ///< Of an archived one: until then it can be read.
  std::string replication;               ///< "PENDING", "COMPLETED", "FAILED", "REPLICA" or "".
  std::vector<std::string> replicating;  ///< The buckets that still wait for their copy.
  bool bucket_key = false;               ///< Said with "aws:kms"; it changes nothing here.

  bool is_customer_sealed() const { return encryption == kCustomerEncryption; }
  /// What x-amz-server-side-encryption says of it.
  std::string shown_encryption() const {
    if (!is_sealed() || is_customer_sealed()) return "";
    return encryption.empty() ? "AES256" : encryption;
  }
  bool is_sealed() const { return !seal.empty() || (!pieces.empty() && !pieces.front().seal.empty()); }
};

/// A multipart upload that goes on.
struct Upload : Access {
  std::string id;
  std::string key;
  std::int64_t initiated = 0;
  Metadata metadata;
  std::map<std::string, std::string> tags;
  std::string checksum_algorithm;
  std::string checksum_type;
  bool sealed = false;
  std::string encryption;  ///< As an object's.
  ObjectLock lock;
  std::string seal;  ///< With a client's key: what recognises it.
  bool bucket_key = false;
};

struct Part {
  std::uint32_t number = 0;
  std::int64_t modified = 0;
  Piece piece;
};

inline constexpr std::uint64_t kInlineLimit = 64 * 1024;
inline constexpr std::uint64_t kObjectLimit = 5ull << 30;  ///< In one PutObject or part.
inline constexpr std::uint32_t kPartNumberLimit = 10'000;

}  // namespace cumulet::s3
