#pragma once

#include "base/clock.h"
#include "events/outbox.h"
#include "wire/directory.h"

namespace cumulet::eventbridge {

/// Takes events for log groups: each becomes a log event in the stream of its day (2026/11/22).
class LogGroupTarget final : public events::Target {
 public:
  LogGroupTarget(const wire::Directory& directory, const Clock& clock) : directory_(directory), clock_(clock) {}
  Task<events::Outcome> deliver(const events::Event& event) override;

 private:
  const wire::Directory& directory_;
  const Clock& clock_;
};

}  // namespace cumulet::eventbridge
