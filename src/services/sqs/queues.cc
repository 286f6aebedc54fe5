#include "services/sqs/queues.h"

#include <algorithm>

#include "services/sqs/store.h"
#include "storage/key.h"

namespace cumulet::sqs {
namespace {

using storage::KeyRange;
using storage::KeyValue;
using storage::Transaction;

constexpr auto kIdle = std::chrono::minutes(10);

/// A queue's row, and the newest place in it.
struct Opened {
  Opened() = default;
  std::optional<QueueRow> row;
  std::uint64_t last_sequence = 0;
};

Task<Opened> open(Transaction& txn, QueueName name) {
  Opened opened;
  opened.row = co_await store::find_queue(txn, std::move(name));
  if (!opened.row) co_return opened;
  storage::ScanOptions options;
  options.limit = 1;
  options.reverse = true;
  KeyRange range(store::state_key(opened.row->id, Position(INT64_MIN, 0)),
                 storage::after_prefix(store::state_key(opened.row->id, Position(INT64_MAX, UINT64_MAX))));
  const std::vector<KeyValue> last = co_await txn.scan(std::move(range), options);
  if (!last.empty()) opened.last_sequence = store::position_of(last.front().key).sequence;
  co_return opened;
}

}  // namespace

Queues::Queues(storage::Database& database, const Clock& clock, QueueIndex::Limits limits)
    : database_(database), clock_(clock), limits_(limits) {}

Task<std::shared_ptr<LiveQueue>> Queues::find(QueueName name) {
  while (true) {
    std::uint64_t generation = 0;
    {
      const std::lock_guard lock(mutex_);
      const auto found = live_.find(name);
      if (found != live_.end()) co_return found->second;
      generation = generation_;
    }
    const auto read = [&](Transaction& txn) { return open(txn, name); };
    Opened opened = co_await storage::transact(database_, read);
    const std::lock_guard lock(mutex_);
    if (generation != generation_) continue;
    if (!opened.row) co_return std::shared_ptr<LiveQueue>();
    const auto found = live_.find(name);
    if (found != live_.end()) co_return found->second;
    // Sequence numbers go on rising over restarts, as they begin at the time.
    const std::uint64_t now = static_cast<std::uint64_t>(clock_.now().time_since_epoch().count());
    const std::uint64_t first = std::max({now, opened.last_sequence + 1, opened.row->purged_through + 1});
    auto queue = std::make_shared<LiveQueue>(name, std::move(*opened.row), first, database_, clock_, limits_, metrics_,
                                             [this](QueueName other) { return find(std::move(other)); });
    live_.emplace(name, queue);
    co_return queue;
  }
}

void Queues::changed(const QueueName& name, const QueueRow* row) {
  std::shared_ptr<LiveQueue> queue;
  {
    const std::lock_guard lock(mutex_);
    ++generation_;
    const auto found = live_.find(name);
    if (found == live_.end()) return;
    queue = found->second;
    if (row == nullptr || row->id != queue->id()) live_.erase(found);
  }
  if (row == nullptr || row->id != queue->id()) {
    queue->mark_deleted();
  } else {
    queue->set_row(*row);
  }
}

std::vector<std::shared_ptr<LiveQueue>> Queues::live() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<LiveQueue>> queues;
  queues.reserve(live_.size());
  for (const auto& [name, queue] : live_) queues.push_back(queue);
  return queues;
}

void Queues::put_down_idle() {
  const SteadyTime before = std::chrono::steady_clock::now() - kIdle;
  const std::lock_guard lock(mutex_);
  std::erase_if(
      live_, [before](const auto& entry) { return entry.second.use_count() == 1 && entry.second->idle_since(before); });
}

}  // namespace cumulet::sqs
