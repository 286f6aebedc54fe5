#pragma once

#include <memory>
#include <string>
#include <vector>

#include "events/outbox.h"
#include "services/s3/content.h"
#include "services/s3/notifications.h"
#include "services/s3/replication_rules.h"
#include "services/s3/store.h"
#include "services/s3/versions.h"
#include "storage/blob_store.h"
#include "storage/database.h"

namespace cumulet::s3 {

/// Copies versions to the buckets that replication rules name. What is to be copied stands in the outbox, in the
/// transaction of the write; a replica has the version id of its original, so that copying twice changes nothing.
class Replication final : public events::Target {
 public:
  /// The service part of the ARNs under which copies stand in the outbox.
  static constexpr std::string_view kService = "s3-replication";

  Replication(storage::Database& database, storage::BlobStore& blobs, events::Outbox& outbox, BlobPins& pins,
              const SealingKey& sealing, const Notifications& notifications);

  /// A version that has just been made (or whose tags have changed), before it is written: says in it that it is to be
  /// copied. Replicas are not copied on.
  void record(storage::Transaction& txn, const Bucket& bucket, Object& object) const;
  Task<events::Outcome> deliver(const events::Event& event) override;

 private:
  struct Job;
  struct Copy {
    Copy() = default;
    Object object;
    std::string account;            ///< That owns the source.
    std::string content;            ///< Of a small object, as it lies in the store.
    std::shared_ptr<void> pin;      ///< On the pieces of a large one.
    std::vector<std::string> made;  ///< Blobs that nothing names yet.
  };

  /// False when the destination does not let the copy in.
  Task<bool> run(const Job& job, const Bucket& from, const Bucket& to);
  Task<Copy> read(const Job& job, const Bucket& from);
  Task<void> copy_pieces(Copy& copy);
  /// Whether its pieces are named now.
  Task<bool> write(const Job& job, const Copy& copy, const Bucket& to);
  Task<void> conclude(const Job& job, const Bucket& from, bool failed);

  storage::Database& database_;
  storage::BlobStore& blobs_;
  events::Outbox& outbox_;
  BlobPins& pins_;
  const SealingKey& sealing_;
  const Notifications& notifications_;
};

}  // namespace cumulet::s3
