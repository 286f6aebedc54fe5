#include "base/ids.h"
#include "services/sqs/errors.h"
#include "services/sqs/live_queue.h"
#include "services/sqs/store.h"

namespace cumulet::sqs {
namespace {

using storage::Transaction;

}  // namespace

/// A message on its way from a dead-letter queue to another one, where it is a new message.
struct LiveQueue::Moving {
  Position from;
  Position to;
  std::shared_ptr<LiveQueue> destination;
  MessageContent content;
  MessageState state;
  bool written = false;
};

Task<std::optional<std::size_t>> LiveQueue::move_some(std::size_t count, std::uint64_t through,
                                                      Destination destination) {
  ReceiveOptions options;
  options.count = count;
  Chosen chosen = co_await choose(options);
  std::vector<Moving> moving;
  std::vector<Position> left;
  for (const QueueIndex::Taken& one : chosen.taken) {
    if (one.position.sequence > through || one.fate == QueueIndex::Fate::kExpire) {
      left.push_back(one.position);
      continue;
    }
    Moving& message = moving.emplace_back();
    message.from = one.position;
  }
  const Result<void> moved = co_await attempt(move_all(moving, std::move(destination)));
  std::size_t written = 0;
  for (Moving& message : moving) {
    const bool done = moved && message.written;
    if (message.destination != nullptr) {
      message.destination->placed(message.to, done ? std::optional<MessageState>(message.state) : std::nullopt);
    }
    if (done) ++written;
  }
  {
    const std::lock_guard lock(mutex_);
    for (const Position& position : left) index_.put_back(position);
    for (const Moving& message : moving) {
      if (moved) {
        index_.removed(message.from);
      } else {
        index_.put_back(message.from);
      }
    }
    wake();
  }
  if (!moved) co_return moved.error();
  if (moving.empty()) co_return std::optional<std::size_t>();
  co_return std::optional<std::size_t>(written);
}

Task<void> LiveQueue::move_all(std::vector<Moving>& moving, Destination destination) {
  const auto read = [&](Transaction& txn) -> Task<void> {
    for (Moving& message : moving) {
      const std::optional<std::string> body = co_await txn.get(store::body_key(id_, message.from));
      if (body) message.content = store::decode_content(*body);
    }
  };
  co_await storage::transact(database_, read);
  const Micros at = now();
  for (Moving& message : moving) {
    if (message.content.id.empty()) continue;  // Deleted meanwhile.
    message.destination = co_await destination(message.content);
    if (message.destination == nullptr) {
      co_await fail(wire::sqs::errors::kResourceNotFoundException, "AWS.SimpleQueueService.NonExistentQueue");
    }
    message.to = message.destination->place(at);
    message.content.id = uuid();
    message.content.dead_letter_source.clear();
    message.state.sent = at;
    message.state.visible_at = message.to.time;
    message.state.group = message.destination->fifo_ ? message.content.group : std::string();
  }
  const auto write = [&](Transaction& txn) -> Task<void> {
    for (Moving& message : moving) {
      message.written = false;
      if (message.destination == nullptr) continue;
      const std::string key = store::state_key(id_, message.from);
      if (!co_await txn.get(key)) continue;
      message.written = true;
      const std::uint64_t other = message.destination->id_;
      txn.put(store::state_key(other, message.to), store::encode(message.state));
      txn.put(store::body_key(other, message.to), store::encode(message.content));
      txn.erase(key);
      txn.erase(store::body_key(id_, message.from));
    }
  };
  co_await storage::transact(database_, write);
}

}  // namespace cumulet::sqs
