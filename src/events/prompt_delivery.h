#pragma once

#include "events/outbox.h"

namespace cumulet::events {

/// For who keeps an event itself and retries by rules of its own: hands it to its target now. Where no service takes
/// events for the target, the outcome is kDropped. Any loop.
class PromptDelivery {
 public:
  virtual ~PromptDelivery() = default;
  virtual Task<Outcome> deliver_now(const Event& event) = 0;
};

/// The targets of an outbox that `make_outbox` made.
PromptDelivery& prompt_delivery(Outbox& outbox);

}  // namespace cumulet::events
