#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/clock.h"
#include "events/outbox.h"
#include "storage/database.h"
#include "wire/directory.h"

/// Events that EventBridge and Scheduler send to one target by the retry policy and to the dead-letter queue that their
/// owner chose, instead of the target's own rules. They lie in the outbox in a lane of their sender, which hands each
/// to `DirectedDelivery` when it is due.
namespace cumulet::events {

struct RetryRules {
  std::int64_t max_age_seconds = 86400;
  std::int64_t max_retries = 185;
  std::string dead_letter_arn;
  std::map<std::string, std::string> dead_letter_attributes;  ///< What the letter says about its sender.
};

/// `event` (for its target_arn) as it lies in the sender's lane. The lane is an ARN whose service the sender is.
Event directed(std::string lane_arn, Event event, const RetryRules& rules);
/// The target of an event that lies in a lane.
std::string directed_target(const Event& in_lane);

/// What became of a try.
struct DirectedOutcome {
  enum class Kind { kDelivered, kRetry, kGivenUp };
  DirectedOutcome(Kind k, Outcome o, bool letter) : kind(k), outcome(std::move(o)), dead_letter(letter) {}
  Kind kind;
  Outcome outcome;   ///< For the outbox.
  bool dead_letter;  ///< kGivenUp, and it went to a dead-letter queue.
};

class DirectedDelivery {
 public:
  DirectedDelivery(storage::Database& database, Outbox& outbox, const Clock& clock, const wire::Directory& directory)
      : database_(database), outbox_(outbox), clock_(clock), directory_(directory) {}

  /// Tries once. A function counts as reached when it has the event in its queue.
  Task<DirectedOutcome> deliver(const Event& in_lane);

 private:
  Task<Outcome> hand_over(Event event, bool look_first);
  Task<void> check_function(const Event& event);
  Task<DirectedOutcome> give_up(const Event& in_lane, std::string condition, std::string reason);

  storage::Database& database_;
  Outbox& outbox_;
  const Clock& clock_;
  const wire::Directory& directory_;
};

}  // namespace cumulet::events
