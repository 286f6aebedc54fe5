#include "services/sqs/sqs.h"

#include <thread>

#include "base/log.h"
#include "services/sqs/store.h"

namespace cumulet::sqs {
namespace {

using storage::Transaction;

constexpr std::size_t kErasedAtOnce = 500;
constexpr auto kRound = std::chrono::seconds(60);
constexpr std::uint64_t kRoundsBetweenSweeps = 60;

}  // namespace

Sqs::Sqs(storage::Database& database, const Clock& clock, QueueIndex::Limits limits)
    : database_(database), clock_(clock), service_(wire::sqs::model()), queues_(database, clock, limits) {
  register_queues();
  register_settings();
  register_send();
  register_receive();
  register_moves();
}

void Sqs::start(Loop& loop) {
  loop_ = &loop;
  loop.post([this] {
    cumulet::start(resume_moves(), [](const Result<void>& resumed) {
      if (!resumed) log::error("message move tasks were not resumed", {{"reason", resumed.error().message()}});
    });
    begin_round();
  });
}

void Sqs::begin_round() {
  if (stopping() || maintaining_) return;
  maintaining_ = true;
  ++running_;
  cumulet::start(maintain(), [this](const Result<void>& done) {
    if (!done) log::error("the queues' maintenance failed", {{"reason", done.error().message()}});
    maintaining_ = false;
    --running_;
    if (stopping()) return;
    if (std::exchange(again_, false)) return begin_round();
    timer_ = loop_->at(std::chrono::steady_clock::now() + kRound, [this] { begin_round(); });
  });
}

void Sqs::wake_maintenance() {
  if (loop_ == nullptr) return;
  loop_->post([this] {
    if (maintaining_) {
      again_ = true;
      return;
    }
    loop_->cancel(timer_);
    begin_round();
  });
}

void Sqs::stop(SteadyTime deadline) {
  stopping_ = true;
  for (const Queue& queue : queues_.live()) queue->send_away();
  while (running_ > 0 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(milliseconds(5));
  }
}

Task<void> Sqs::maintain() {
  co_await empty_trash();
  co_await keep_live();
  if (rounds_++ % kRoundsBetweenSweeps == 0) co_await expire_all();
  queues_.put_down_idle();
}

/// What has to be done for queues in use: expiry, and reporting how much they hold.
Task<void> Sqs::keep_live() {
  const std::vector<Queue> live = queues_.live();
  for (const Queue& queue : live) {
    if (stopping()) co_return;
    const Result<void> expired = co_await attempt(queue->expire());
    if (!expired) log::warning("messages could not be expired", {{"queue", queue->name().arn()}});
    const QueueIndex::Counts counts = co_await queue->counts();
    queue->metrics().note(QueueMetric::kVisible, static_cast<double>(counts.visible));
    queue->metrics().note(QueueMetric::kNotVisible, static_cast<double>(counts.not_visible));
    queue->metrics().note(QueueMetric::kDelayed, static_cast<double>(counts.delayed));
  }
}

/// What nobody has used for long expires too.
Task<void> Sqs::expire_all() {
  std::string after;
  do {
    std::string reached;
    const auto page = [&](Transaction& txn) -> Task<std::vector<std::pair<QueueName, QueueRow>>> {
      reached = after;
      co_return co_await store::list_all(txn, reached);
    };
    const std::vector<std::pair<QueueName, QueueRow>> queues = co_await storage::transact(database_, page);
    after = reached;
    for (const auto& [name, row] : queues) {
      if (stopping()) co_return;
      const Queue queue = co_await queues_.find(name);
      if (queue != nullptr) co_await queue->expire();
    }
  } while (!after.empty());
}

Task<void> Sqs::empty_trash() {
  const auto list = [](Transaction& txn) { return store::list_trash(txn); };
  const std::vector<std::uint64_t> trash = co_await storage::transact(database_, list);
  for (const std::uint64_t id : trash) {
    Position from(INT64_MIN, 0);
    bool done = false;
    while (!done) {
      if (stopping()) co_return;
      const auto erase = [&](Transaction& txn) -> Task<bool> {
        Position at = from;
        bool all = co_await store::erase_messages(txn, id, at, UINT64_MAX, kErasedAtOnce);
        if (all) all = co_await store::erase_deduplication(txn, id, kErasedAtOnce);
        if (all) txn.erase(store::trash_key(id));
        co_return all;
      };
      done = co_await storage::transact(database_, erase);
    }
  }
}

}  // namespace cumulet::sqs
