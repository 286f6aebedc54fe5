#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/body.h"
#include "services/s3/model.h"
#include "services/s3/sealing.h"
#include "storage/blob_store.h"
#include "wire/checksum.h"

namespace cumulet::s3 {

/// Content that has been taken in but that no row names yet: inline bytes, or one blob.
struct Received {
  Received() = default;
  std::uint64_t size = 0;
  std::string md5;   ///< Raw, of what came in.
  std::string etag;  ///< In hex: the same, but of what is stored when that is sealed with a client's key.
  std::string checksum;
  std::string crc64;  ///< What S3 keeps by itself of content that came without a checksum, when asked for.
  bool is_inline = false;
  std::string bytes;
  std::string blob;
  std::string seal;  ///< Not empty: what was stored is encrypted; the digests are of what came in.
};

/// Blobs that readers still need although no row names them any more: an overwrite during a download does not cut the
/// download short. Thread-safe.
class BlobPins {
 public:
  explicit BlobPins(storage::BlobStore& blobs) : blobs_(blobs) {}

  /// While the returned object lives, `erase` of these blobs is put off.
  std::shared_ptr<void> pin(std::vector<std::string> ids);
  /// Erases blobs that no row names any more, now or when their last reader has gone.
  Task<void> erase(std::vector<std::string> ids);

 private:
  void release(const std::vector<std::string>& ids);

  storage::BlobStore& blobs_;
  std::mutex mutex_;
  struct State {
    int readers = 0;
    bool doomed = false;
  };
  std::map<std::string, State> pinned_;
};

/// Takes a body in, encrypting it when `sealing` is given: up to kInlineLimit bytes stay in memory (unless
/// `always_blob`), more goes into a blob. Fails with EntityTooLarge past kObjectLimit, and with what the body fails
/// with (a bad signature or checksum of the transfer).
Task<Received> receive(storage::BlobStore& blobs, BodySource& body, std::optional<wire::ChecksumKind> checksum,
                       bool always_blob, const SealingKey* sealing, bool with_crc64 = false);

/// Says in an object's row where what was received lies. `encryption` is "", "AES256", "aws:kms" or
/// kCustomerEncryption.
void place(Object& object, const Received& received, const std::string& encryption);

/// Bytes [offset, offset+length) of pieces, as a body. A stretch of a single piece is a file that can be sent as one.
Task<std::shared_ptr<BodySource>> open_pieces(storage::BlobStore& blobs, BlobPins& pins, const SealingKey& sealing,
                                              std::vector<Piece> pieces, std::uint64_t offset, std::uint64_t length);

}  // namespace cumulet::s3
