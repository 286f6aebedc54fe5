#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "services/s3/model.h"
#include "services/s3/sealing.h"
#include "storage/blob_store.h"
#include "storage/database.h"

namespace cumulet::s3 {

/// An object (or a part of an upload) whose bytes are not what was written.
struct Damage {
  Damage() = default;
  std::string bucket;
  std::string key;
  std::string version;  ///< Empty: of no version, or the null version.
  std::string why;

  std::string address() const {
    return "s3://" + bucket + "/" + key + (version.empty() ? "" : "?versionId=" + version);
  }
};

/// One pass over everything that is stored, reading each byte and comparing with the checksum that was kept when it was
/// written. It takes no locks and may run beside traffic: what is replaced or deleted meanwhile is no damage.
class Verifier {
 public:
  struct Result {
    Result() = default;
    std::uint64_t objects = 0;  ///< Versions and parts of uploads count as such.
    std::uint64_t bytes = 0;
    std::uint64_t damaged = 0;
  };
  using Report = std::function<void(const Damage&)>;
  /// Called after so many bytes were read: may wait; false ends the pass.
  using Pause = std::function<Task<bool>(std::uint64_t bytes)>;

  Verifier(storage::Database& database, storage::BlobStore& blobs, const SealingKey& sealing, Report report,
           Pause pause)
      : database_(database), blobs_(blobs), sealing_(sealing), report_(std::move(report)), pause_(std::move(pause)) {}

  Task<Result> run();

 private:
  /// What is wrong with some bytes; nullopt when nothing is.
  using Flaw = std::optional<std::string>;

  Task<bool> verify_bucket(Bucket bucket);
  Task<bool> verify_versions(Bucket bucket);
  Task<bool> verify_uploads(Bucket bucket);
  Task<bool> verify_object(Bucket bucket, Object object, bool current);
  Task<Flaw> flaw_of_inline(Bucket bucket, Object object, bool current);
  Task<Flaw> flaw_of(Piece piece, bool customers);
  Task<Flaw> flaw_in_bytes(Piece piece, bool customers);
  Task<bool> note(Bucket bucket, std::string key, std::string version, std::uint64_t bytes, Flaw flaw);

  storage::Database& database_;
  storage::BlobStore& blobs_;
  const SealingKey& sealing_;
  Report report_;
  Pause pause_;
  Result result_;
};

}  // namespace cumulet::s3
