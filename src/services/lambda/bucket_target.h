#pragma once

#include <string>

#include "base/clock.h"
#include "events/outbox.h"
#include "wire/directory.h"

namespace cumulet::lambda {

/// Buckets as destinations of invocation records: each event of the outbox becomes one object (events/README.md).
class BucketTarget final : public events::Target {
 public:
  BucketTarget(const wire::Directory& services, const Clock& clock) : services_(services), clock_(clock) {}
  Task<events::Outcome> deliver(const events::Event& event) override;

 private:
  const wire::Directory& services_;
  const Clock& clock_;
};

/// Whether an ARN names a bucket.
bool is_bucket(const std::string& arn);
/// How Lambda names the objects it writes: 2026/11/22/2026-11-22T10.20.30-UUID
std::string dated_name(Timestamp now);

}  // namespace cumulet::lambda
