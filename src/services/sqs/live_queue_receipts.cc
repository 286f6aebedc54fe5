#include <algorithm>

#include "services/sqs/errors.h"
#include "services/sqs/live_queue.h"
#include "services/sqs/store.h"

namespace cumulet::sqs {
namespace {

using storage::Transaction;

constexpr Micros kLongestVisibility = 43'200 * kSecond;

ReceiptOutcome bad_receipt(const std::string& handle, std::string_view reason) {
  return ReceiptOutcome("InvalidParameterValue",
                        "Value " + handle + " for parameter ReceiptHandle is invalid. Reason: " + std::string(reason));
}

ReceiptOutcome foreign(const std::string& handle) {
  return ReceiptOutcome(std::string(wire::sqs::errors::kReceiptHandleIsInvalid.code),
                        "The input receipt handle \"" + handle + "\" is not a valid receipt handle.");
}

constexpr std::string_view kNotThere = "Message does not exist or is not available for visibility timeout change.";

}  // namespace

Task<std::vector<ReceiptOutcome>> LiveQueue::remove(std::vector<std::string> handles) {
  std::vector<ReceiptOutcome> outcomes(handles.size());
  std::vector<Position> gone;
  const auto erase = [&](Transaction& txn) -> Task<void> {
    gone.clear();
    const Micros at = now();
    for (std::size_t i = 0; i < handles.size(); ++i) {
      outcomes[i] = ReceiptOutcome();
      const std::optional<Receipt> receipt = parse_receipt(handles[i]);
      if (!receipt || receipt->queue != id_) {
        outcomes[i] = foreign(handles[i]);
        continue;
      }
      const std::string key = store::state_key(id_, receipt->position);
      const std::optional<std::string> stored = co_await txn.get(key);
      if (!stored) continue;  // Deleted before: that is success.
      const MessageState state = store::decode_state(*stored);
      const bool expired = fifo_ && state.visible_at <= at;
      if (expired || (fifo_ && state.receives != receipt->receives)) {
        outcomes[i] = bad_receipt(handles[i], "The receipt handle has expired.");
        continue;
      }
      if (state.receives != receipt->receives) continue;  // Someone received it since: it is theirs to delete.
      txn.erase(key);
      txn.erase(store::body_key(id_, receipt->position));
      gone.push_back(receipt->position);
    }
  };
  co_await storage::transact(database_, erase);
  const std::lock_guard lock(mutex_);
  last_used_ = std::chrono::steady_clock::now();
  for (const Position& position : gone) index_.removed(position);
  if (!gone.empty() && !waiters_.empty()) wake();  // A group is free again, or there are fewer in flight.
  co_return outcomes;
}

Task<std::vector<ReceiptOutcome>> LiveQueue::change_visibility(
    std::vector<std::pair<std::string, std::int32_t>> changes) {
  std::vector<ReceiptOutcome> outcomes(changes.size());
  std::vector<std::pair<Position, MessageState>> changed;
  const auto change = [&](Transaction& txn) -> Task<void> {
    changed.clear();
    const Micros at = now();
    for (std::size_t i = 0; i < changes.size(); ++i) {
      const std::string& handle = changes[i].first;
      outcomes[i] = ReceiptOutcome();
      const std::optional<Receipt> receipt = parse_receipt(handle);
      if (!receipt || receipt->queue != id_) {
        outcomes[i] = foreign(handle);
        continue;
      }
      const std::string key = store::state_key(id_, receipt->position);
      const std::optional<std::string> stored = co_await txn.get(key);
      if (!stored) {
        outcomes[i] = bad_receipt(handle, kNotThere);
        continue;
      }
      MessageState state = store::decode_state(*stored);
      if (state.receives != receipt->receives) {
        outcomes[i] = bad_receipt(handle, kNotThere);
        continue;
      }
      if (state.visible_at <= at) {
        outcomes[i] = ReceiptOutcome(std::string(wire::sqs::errors::kMessageNotInflight.code),
                                     "The specified message isn't in flight.");
        continue;
      }
      const Micros until = at + changes[i].second * kSecond;
      if (until > state.first_received + kLongestVisibility + kMinute) {
        outcomes[i] = ReceiptOutcome(
            "InvalidParameterValue",
            "Value " + std::to_string(changes[i].second) +
                " for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the message is "
                "beyond the limit [43200 seconds]");
        continue;
      }
      state.visible_at = until;
      txn.put(key, store::encode(state));
      changed.emplace_back(receipt->position, std::move(state));
    }
  };
  co_await storage::transact(database_, change);
  const std::lock_guard lock(mutex_);
  last_used_ = std::chrono::steady_clock::now();
  for (auto& [position, state] : changed) index_.changed(position, std::move(state), now());
  wake();
  co_return outcomes;
}

}  // namespace cumulet::sqs
