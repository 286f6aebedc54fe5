#pragma once

#include <condition_variable>
#include <coroutine>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/loop.h"
#include "storage/database.h"
#include "storage/engines/merge.h"
#include "storage/engines/rocksdb/recent_commits.h"

/// The output gate: what makes a commit visible at once and its reply wait for the disk.
///
/// A transaction reads at a `View`: the engine's snapshot after some durable commit, and above it the recent commits up
/// to the one that was visible when the view was taken. At commit, under one short lock, what it read is validated
/// against the commits since; then its writes join the recent commits and the queue of the one committer thread. The
/// committer writes all that is queued with a single sync (a group), and lets everyone through who waited for it: those
/// who wrote, and those who only read what was not durable yet.
///
/// When the disk refuses a group, that group and everything queued behind it is taken back: it may have read what is
/// gone. An `epoch` counts these breaks; whoever took a view before one must start anew.
namespace cumulet::storage {

/// The engine's own snapshot (kept alive by `snapshot`), with all commits up to `sequence` and no later one.
struct DurableState {
  DurableState(Sequence s, std::shared_ptr<const void> shot) : sequence(s), snapshot(std::move(shot)) {}
  Sequence sequence;
  std::shared_ptr<const void> snapshot;
};
using DurablePtr = std::shared_ptr<const DurableState>;

struct View {
  View(DurablePtr d, Sequence v, std::uint64_t e) : durable(std::move(d)), visible(v), epoch(e) {}
  DurablePtr durable;
  Sequence visible;
  std::uint64_t epoch;
};

/// What a transaction's result depends on.
struct ReadSet {
  std::vector<std::string> keys;
  std::vector<KeyRange> ranges;
  Sequence newest = 0;  ///< The newest commit whose writes were read from the recent commits.
};

/// A commit that waits to be durable.
struct Ticket {
  Ticket(Sequence s, std::uint64_t e, bool w) : sequence(s), epoch(e), wrote(w) {}
  Sequence sequence;
  std::uint64_t epoch;
  bool wrote;
};

/// Thread-safe. Held by shared_ptr: wake-ups in flight on loops may outlive the engine.
class Gate : public std::enable_shared_from_this<Gate> {
 public:
  /// Recent commits may hold `history_bytes` beyond what is not durable; past it, the oldest views lose their history
  /// and conflict.
  /// `commits`: how many there may have been in earlier runs; places in logs go on from there.
  Gate(DurablePtr initial, std::size_t history_bytes, std::uint64_t commits = 0);

  // --- Transactions, on their loops ---

  View view();
  /// The version of a key that the view sees among the recent commits: null when the snapshot has it.
  Result<std::optional<Version>> find(const View& view, std::string_view key);
  Result<std::vector<Version>> collect(const View& view, const KeyRange& range, bool reverse, std::size_t count);
  /// Validates and makes visible; fails with kTransactionConflict, or kServiceUnavailable while the disk refuses.
  Result<Ticket> commit(const std::optional<View>& view, const ReadSet& reads, Writes writes,
                        std::vector<Append> appends = {});

  /// `Result<void> r = co_await Durable(gate, ticket)`: waits for the committer.
  class Durable {
   public:
    Durable(Gate& gate, Ticket ticket) : gate_(&gate), ticket_(ticket) {}
    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> handle);
    Result<void> await_resume() const;

   private:
    friend class Gate;
    Gate* gate_;
    Ticket ticket_;
    std::coroutine_handle<> handle_;
    Loop* loop_ = nullptr;
    bool lost_ = false;
  };

  // --- The committer thread ---

  /// Waits for commits and takes them, oldest first, up to about `max_bytes`; nothing when the gate is closed and
  /// empty.
  std::vector<CommitPtr> next_group(std::size_t max_bytes);
  void group_durable(DurablePtr state);
  /// Takes back everything that is not durable, and refuses writes for a short while.
  void group_refused();

  /// No more commits are taken; what is queued is still written.
  void close();
  /// Lets go of the engine's snapshot. After the committer has ended.
  void release();

  void on_commit(std::string prefix, std::function<void(std::string_view)> wake);
  DatabaseStats stats() const;

 private:
  struct Listener {
    Listener(std::string p, std::function<void(std::string_view)> w) : prefix(std::move(p)), wake(std::move(w)) {}
    std::string prefix;
    std::function<void(std::string_view)> wake;
  };
  using Released = std::unordered_map<Loop*, std::vector<Durable*>>;

  Result<void> still_valid(const View& view) const;
  Result<void> validate(const View& view, const ReadSet& reads) const;
  void wake_committer();
  void forget_unneeded();
  Released take_waiters();
  static void resume(Released released);

  mutable std::mutex mutex_;
  std::condition_variable work_;
  const std::size_t history_bytes_;
  RecentCommits recent_;
  std::deque<CommitPtr> queue_;
  std::vector<Durable*> waiters_;
  DurablePtr durable_;
  std::deque<std::weak_ptr<const DurableState>> states_;  ///< Those that a view may still hold, oldest first.
  Sequence last_ = 0;
  std::uint64_t place_;     ///< Of the last commit, in logs. Unlike sequences, goes on from run to run.
  Sequence forgotten_ = 0;  ///< Recent commits up to here are gone, though a view may be older.
  std::uint64_t epoch_ = 0;
  std::vector<Sequence> durable_at_break_;  ///< By epoch: what had become durable when it ended.
  SteadyTime refuse_until_{};
  bool committer_idle_ = false;
  Loop* waking_ = nullptr;  ///< The loop that has a wake-up of the committer on its way.
  bool closed_ = false;
  DatabaseStats stats_;
  std::vector<Listener> listeners_;
};

}  // namespace cumulet::storage
