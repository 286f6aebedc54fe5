#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "services/s3/model.h"
#include "wire/call.h"
#include "wire/generated/s3.h"

/// Object lock: versions that nobody can delete before a date (governance: unless allowed to; compliance: nobody), or
/// while a legal hold is on. https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
namespace cumulet::s3 {

/// The setting of a bucket that is made with object lock and no default retention.
std::string enabled_lock(const std::string& bucket);
/// Fails with MalformedXML or InvalidRetentionPeriod.
Result<void> check_lock_configuration(const std::optional<wire::s3::ObjectLockConfiguration>& wanted);

/// Fails with InvalidRequest when the bucket has no object lock.
Result<void> require_lock(const Bucket& bucket);

/// What a write's x-amz-object-lock-* headers say.
struct AskedLock {
  std::optional<std::string> mode;
  std::optional<Timestamp> until;
  std::optional<std::string> legal_hold;
  std::optional<std::string> event_hold;
};
template <typename Input>
AskedLock asked_lock(const Input& input) {
  AskedLock asked;
  asked.mode = input.object_lock_mode;
  asked.until = input.object_lock_retain_until_date;
  asked.legal_hold = input.object_lock_legal_hold_status;
  asked.event_hold = input.object_lock_event_hold;
  return asked;
}
/// Fails with InvalidArgument or, in a bucket without object lock, InvalidRequest.
Result<ObjectLock> lock_of(const AskedLock& asked, const Bucket& bucket, std::int64_t now_millis);

/// Whoever locks an object must say what its content is: Content-MD5 or a checksum.
Result<void> check_lock_digest(const AskedLock& asked, const Bucket& bucket, const wire::Call& call);

/// The retention that the bucket gives to a new version that has none of its own.
void apply_default_lock(const Bucket& bucket, std::int64_t now_millis, ObjectLock& lock);

/// Whether a version may not be deleted now. `bypass`: the caller may, and wants to, set governance aside.
bool is_protected(const ObjectLock& lock, std::int64_t now_millis, bool bypass);

/// Whether retention may be changed so: it can be made longer by everybody, and shorter only under governance.
Result<void> check_retention_change(const ObjectLock& before, const ObjectLock& after, std::int64_t now_millis,
                                    bool bypass);

/// Fails with MalformedXML or InvalidArgument. An empty document takes retention away.
Result<ObjectLock> retention_of(const std::optional<wire::s3::ObjectLockRetention>& wanted, std::int64_t now_millis);

Error protected_by_lock();

/// Sets what a reply says of it.
template <typename Output>
void show_lock(const ObjectLock& lock, Output& output) {
  if (!lock.mode.empty()) {
    output.object_lock_mode = lock.mode;
    output.object_lock_retain_until_date = Timestamp(std::chrono::milliseconds(lock.retain_until));
  }
  if (!lock.legal_hold.empty()) output.object_lock_legal_hold_status = lock.legal_hold;
}

}  // namespace cumulet::s3
