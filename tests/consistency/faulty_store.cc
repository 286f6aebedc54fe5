// The server with a store that is slow or wrong on purpose, to show that the checkers notice. The linker puts
// __wrap_… in the place of storage::open_rocksdb (--wrap); CUMULET_TEST_FAULT chooses:
//
//   slow         every read and commit may take up to 20 ms longer: no fault, a bad disk
//   lost-update  what a transaction has read is not looked at when it commits
//   dirty-read   writes are seen before their commit, and some commits then fail
//   torn-commit  the writes of a transaction are committed one after the other

#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>

#include "base/loop.h"
#include "storage/open.h"

namespace cumulet::storage {
namespace {

enum class Fault { kNone, kSlow, kLostUpdate, kDirtyRead, kTornCommit };

Fault chosen_fault() {
  const char* name = std::getenv("CUMULET_TEST_FAULT");
  const std::string_view fault = name ? name : "";
  if (fault == "slow") return Fault::kSlow;
  if (fault == "lost-update") return Fault::kLostUpdate;
  if (fault == "dirty-read") return Fault::kDirtyRead;
  if (fault == "torn-commit") return Fault::kTornCommit;
  return Fault::kNone;
}

int chance(int below) {
  thread_local std::minstd_rand random(std::random_device{}());
  return static_cast<int>(random() % static_cast<unsigned>(below));
}

/// Waits up to that long, sometimes; not where there is no loop to wait on.
Task<void> linger(int most_millis) {
  if (!Loop::current() || chance(3) != 0) co_return;
  co_await sleep_for(std::chrono::microseconds(chance(most_millis * 1000)));
}

/// What uncommitted transactions have written, for dirty reads.
struct Dirty {
  std::mutex mutex;
  std::map<std::string, std::optional<std::string>> values;
};

/// Only the rows of items are treated badly: tables and everything else must be there to test at all.
bool is_item(std::string_view key) { return key.find("rows") != std::string_view::npos; }

class FaultyTransaction final : public Transaction {
 public:
  FaultyTransaction(Database& database, Fault fault, Dirty& dirty)
      : database_(database), fault_(fault), dirty_(dirty), real_(database.begin()), reader_(database.begin()) {}
  ~FaultyTransaction() override { withdraw(); }

  Task<std::optional<std::string>> get(std::string key) override {
    if (fault_ == Fault::kSlow) co_await linger(20);
    if (!is_item(key) || writes_.contains(key)) co_return co_await real_->get(std::move(key));
    if (fault_ == Fault::kDirtyRead) {
      std::lock_guard lock(dirty_.mutex);
      if (const auto found = dirty_.values.find(key); found != dirty_.values.end()) co_return found->second;
    }
    if (fault_ == Fault::kLostUpdate) {
      std::optional<std::string> value = co_await reader_->get(std::move(key));
      co_await linger(5);
      co_return value;
    }
    co_return co_await real_->get(std::move(key));
  }
  Task<std::vector<KeyValue>> scan(KeyRange range, ScanOptions options) override {
    return real_->scan(std::move(range), options);
  }
  void put(std::string key, std::string value) override {
    note(key, value);
    real_->put(std::move(key), std::move(value));
  }
  void erase(std::string key) override {
    note(key, std::nullopt);
    real_->erase(std::move(key));
  }

  Task<void> commit() override {
    if (fault_ == Fault::kSlow) co_await linger(20);
    if (fault_ == Fault::kTornCommit && writes_.size() > 1) co_await commit_in_pieces();
    if (fault_ == Fault::kDirtyRead && !writes_.empty()) {
      co_await linger(20);
      withdraw();
      if (chance(4) == 0) co_await fail(errors::kServiceUnavailable, "a fault for the test");
    }
    co_await real_->commit();
    if (fault_ == Fault::kSlow) co_await linger(20);
  }
  Task<void> give_up() override { return real_->give_up(); }

 private:
  void note(const std::string& key, std::optional<std::string> value) {
    if (!is_item(key)) return;
    if (fault_ == Fault::kDirtyRead) {
      std::lock_guard lock(dirty_.mutex);
      dirty_.values[key] = value;
    }
    writes_[key] = std::move(value);
  }
  void withdraw() {
    if (fault_ != Fault::kDirtyRead) return;
    std::lock_guard lock(dirty_.mutex);
    for (const auto& [key, value] : writes_) dirty_.values.erase(key);
  }
  Task<void> commit_in_pieces() {
    for (const auto& [key, value] : writes_) {
      const std::unique_ptr<Transaction> piece = database_.begin();
      if (value) {
        piece->put(key, *value);
      } else {
        piece->erase(key);
      }
      co_await piece->commit();
      co_await linger(20);
    }
    real_ = database_.begin();
  }

  Database& database_;
  Fault fault_;
  Dirty& dirty_;
  std::unique_ptr<Transaction> real_;
  std::unique_ptr<Transaction> reader_;
  std::map<std::string, std::optional<std::string>> writes_;
};

class FaultyDatabase final : public Database {
 public:
  FaultyDatabase(std::unique_ptr<Database> real, Fault fault) : real_(std::move(real)), fault_(fault) {}
  std::unique_ptr<Transaction> begin() override { return std::make_unique<FaultyTransaction>(*real_, fault_, dirty_); }
  Task<void> discard(KeyRange range) override { return real_->discard(std::move(range)); }
  DatabaseStats stats() const override { return real_->stats(); }
  void on_commit(std::string prefix, std::function<void(std::string_view key)> wake) override {
    real_->on_commit(std::move(prefix), std::move(wake));
  }

 private:
  std::unique_ptr<Database> real_;
  Fault fault_;
  Dirty dirty_;
};

}  // namespace

Result<std::unique_ptr<Database>> real_open(const std::filesystem::path& directory, ThreadPool& pool,
                                            std::size_t memory) __asm__("__real_" CUMULET_OPEN_SYMBOL);
Result<std::unique_ptr<Database>> faulty_open(const std::filesystem::path& directory, ThreadPool& pool,
                                              std::size_t memory) __asm__("__wrap_" CUMULET_OPEN_SYMBOL);

Result<std::unique_ptr<Database>> faulty_open(const std::filesystem::path& directory, ThreadPool& pool,
                                              std::size_t memory) {
  Result<std::unique_ptr<Database>> opened = real_open(directory, pool, memory);
  if (!opened) return opened;
  std::unique_ptr<Database> database = std::make_unique<FaultyDatabase>(std::move(*opened), chosen_fault());
  return database;
}

}  // namespace cumulet::storage
