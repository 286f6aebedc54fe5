#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "events/outbox.h"
#include "services/s3/model.h"
#include "storage/database.h"
#include "wire/call.h"
#include "wire/generated/s3.h"

/// Tells a bucket's destinations what happens to its objects: in the transaction in which it happens, so that an
/// acknowledged write is always told.
/// https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html and ev-events.html
namespace cumulet::s3 {

enum class ObjectChange {
  kPut,
  kCopy,
  kCompleteUpload,
  kDelete,
  kDeleteMarker,
  kPutTags,
  kDeleteTags,
  kExpire,
  kExpireMarker,
  kTransition,
  kPutAcl,
  kBeginRestore,
  kRestore
};

class Notifications {
 public:
  Notifications(events::Outbox& outbox, const Clock& clock) : outbox_(outbox), clock_(clock) {}

  /// Records an event for each destination that wants this change. Costs nothing when the bucket has none. Of a
  /// deletion, `object` has the key, and its version when the bucket has versions.
  Result<void> record(storage::Transaction& txn, const Bucket& bucket, const wire::Call& call, ObjectChange change,
                      const Object& object) const;

  /// The message that queues and topics get when they become destinations.
  void record_test(storage::Transaction& txn, const Bucket& bucket, const wire::Call& call,
                   const wire::s3::NotificationConfiguration& configuration) const;

 private:
  void send(storage::Transaction& txn, const Bucket& bucket, const std::string& arn, std::string message) const;

  events::Outbox& outbox_;
  const Clock& clock_;
};

}  // namespace cumulet::s3
