#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "storage/engines/merge.h"
#include "storage/log.h"
#include "storage/open.h"

namespace cumulet::storage {
namespace {

using Sequence = std::uint64_t;
/// What a key was, by the commit that made it so.
using History = std::map<Sequence, std::optional<std::string>>;

struct Store {
  mutable std::mutex mutex;
  std::map<std::string, History, std::less<>> keys;
  std::multiset<Sequence> readers;  ///< What the running transactions see.
  Sequence last = 0;
  DatabaseStats stats;
  std::vector<std::pair<std::string, std::function<void(std::string_view)>>> listeners;

  bool changed(const History& history, Sequence since) const { return history.rbegin()->first > since; }
  void write(const std::string& key, std::optional<std::string> value);
};

const std::optional<std::string>* seen(const History& history, Sequence at) {
  const auto later = history.upper_bound(at);
  return later == history.begin() ? nullptr : &std::prev(later)->second;
}

void Store::write(const std::string& key, std::optional<std::string> value) {
  History& history = keys[key];
  history.insert_or_assign(last, std::move(value));
  const Sequence oldest = readers.empty() ? last : *readers.begin();
  const auto needed = std::prev(history.upper_bound(std::max(oldest, history.begin()->first)));
  history.erase(history.begin(), needed);
  if (history.size() == 1 && !history.begin()->second && readers.empty()) keys.erase(key);
}

/// Walks the store as it was at one commit.
class HistoryCursor final : public Cursor {
 public:
  HistoryCursor(const Store& store, const KeyRange& range, bool reverse, Sequence at)
      : first_(store.keys.lower_bound(range.begin)),
        last_(range.end.empty() ? store.keys.end() : store.keys.lower_bound(range.end)),
        next_(reverse ? last_ : first_),
        reverse_(reverse),
        sees_(at) {
    next();
  }
  bool valid() const override { return value_ != nullptr; }
  std::string_view key() const override { return key_; }
  std::optional<std::string_view> value() const override { return *value_; }
  void next() override {
    value_ = nullptr;
    while (!value_ && next_ != (reverse_ ? first_ : last_)) {
      const auto here = reverse_ ? --next_ : next_++;
      key_ = here->first;
      value_ = seen(here->second, sees_);
    }
  }

 private:
  using Position = decltype(Store::keys)::const_iterator;
  Position first_;
  Position last_;
  Position next_;
  bool reverse_;
  Sequence sees_;
  std::string_view key_;
  const std::optional<std::string>* value_ = nullptr;
};

class MemoryTransaction final : public Transaction, public LogWriter {
 public:
  explicit MemoryTransaction(Store& store) : store_(store) {}
  ~MemoryTransaction() override {
    std::lock_guard lock(store_.mutex);
    end();
  }

  Task<std::optional<std::string>> get(std::string key) override {
    if (const auto own = writes_.find(key); own != writes_.end()) co_return own->second;
    co_return read(std::move(key));
  }

  Task<std::vector<KeyValue>> scan(KeyRange range, ScanOptions options) override {
    if (options.limit == 0) co_return Error(errors::kInternalFailure, "A scan needs a limit.");
    if (!range.end.empty() && range.end <= range.begin) co_return std::vector<KeyValue>();
    co_return walk(range, options);
  }

  void put(std::string key, std::string value) override {
    writes_.insert_or_assign(std::move(key), std::optional<std::string>(std::move(value)));
  }
  void erase(std::string key) override { writes_.insert_or_assign(std::move(key), std::nullopt); }
  void append(std::string log, std::string value) override { appends_.emplace_back(std::move(log), std::move(value)); }

  Task<void> commit() override {
    Writes written = std::exchange(writes_, {});
    co_await apply(written);
    for (const auto& [prefix, wake] : store_.listeners) {
      for (const auto& [key, value] : written) {
        if (key.starts_with(prefix)) wake(key);
      }
    }
  }

  Task<void> give_up() override {
    writes_.clear();
    appends_.clear();
    return commit();
  }

 private:
  void begin() {
    if (!sees_) sees_ = *store_.readers.insert(store_.last);
  }
  void end() {
    if (sees_) store_.readers.erase(store_.readers.find(*sees_));
    sees_.reset();
  }

  std::optional<std::string> read(std::string key) {
    std::lock_guard lock(store_.mutex);
    begin();
    const auto found = store_.keys.find(key);
    const std::optional<std::string>* value = found == store_.keys.end() ? nullptr : seen(found->second, *sees_);
    read_keys_.push_back(std::move(key));
    return value ? *value : std::nullopt;
  }

  std::vector<KeyValue> walk(const KeyRange& range, const ScanOptions& options) {
    std::lock_guard lock(store_.mutex);
    begin();
    WritesCursor own(writes_, range, options.reverse);
    HistoryCursor stored(store_, range, options.reverse, *sees_);
    Scanned scanned = merge_scan({&own, &stored}, range, options);
    read_ranges_.push_back(std::move(scanned.covered));
    return std::move(scanned.rows);
  }

  bool lost_a_race() const {
    if (!sees_) return false;
    for (const std::string& key : read_keys_) {
      const auto found = store_.keys.find(key);
      if (found != store_.keys.end() && store_.changed(found->second, *sees_)) return true;
    }
    for (const KeyRange& range : read_ranges_) {
      for (auto at = store_.keys.lower_bound(range.begin); at != store_.keys.end(); ++at) {
        if (!range.end.empty() && at->first >= range.end) break;
        if (store_.changed(at->second, *sees_)) return true;
      }
    }
    return false;
  }

  Result<void> apply(Writes& written) {
    std::lock_guard lock(store_.mutex);
    const bool writes = !written.empty() || !appends_.empty();
    const bool lost = writes && lost_a_race();
    end();
    if (lost) {
      ++store_.stats.conflicts;
      return Error(errors::kTransactionConflict, "The transaction read what another one has changed since.");
    }
    if (!writes) return {};
    ++store_.last;
    for (std::size_t i = 0; i < appends_.size(); ++i) {
      written.insert_or_assign(appends_[i].key(store_.last, i), std::move(appends_[i].value));
    }
    appends_.clear();
    ++store_.stats.commits;
    for (const auto& [key, value] : written) store_.write(key, value);
    return {};
  }

  Store& store_;
  Writes writes_;
  std::vector<Append> appends_;
  std::optional<Sequence> sees_;
  std::vector<std::string> read_keys_;
  std::vector<KeyRange> read_ranges_;
};

class MemoryDatabase final : public Database {
 public:
  std::unique_ptr<Transaction> begin() override { return std::make_unique<MemoryTransaction>(store_); }
  Task<void> discard(KeyRange range) override {
    std::lock_guard lock(store_.mutex);
    const auto end = range.end.empty() ? store_.keys.end() : store_.keys.lower_bound(range.end);
    store_.keys.erase(store_.keys.lower_bound(range.begin), end);
    co_return;
  }
  DatabaseStats stats() const override {
    std::lock_guard lock(store_.mutex);
    return store_.stats;
  }
  void on_commit(std::string prefix, std::function<void(std::string_view)> wake) override {
    store_.listeners.emplace_back(std::move(prefix), std::move(wake));
  }

 private:
  Store store_;
};

}  // namespace

std::unique_ptr<Database> open_memory() { return std::make_unique<MemoryDatabase>(); }

}  // namespace cumulet::storage
