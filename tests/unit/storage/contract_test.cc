// What every engine of the ordered store must do (storage/database.h). A new engine joins by a line at the end.

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/run.h"
#include "base/thread_pool.h"
#include "storage/database.h"
#include "storage/key.h"
#include "storage/log.h"
#include "storage/open.h"
#include "tests/unit/storage/temp_directory.h"

namespace cumulet::storage {
namespace {

enum class EngineKind { kMemory, kRocksDb };

std::vector<std::string> keys_of(const std::vector<KeyValue>& rows) {
  std::vector<std::string> keys;
  for (const KeyValue& row : rows) keys.push_back(row.key);
  return keys;
}

using Keys = std::vector<std::string>;

class DatabaseContract : public testing::TestWithParam<EngineKind> {
 protected:
  DatabaseContract() : pool_(2) { open(); }

  void open() {
    database_.reset();
    if (GetParam() == EngineKind::kMemory) {
      database_ = open_memory();
    } else {
      Result<std::unique_ptr<Database>> opened = open_rocksdb(directory_.path() / "db", pool_);
      ASSERT_TRUE(opened.ok()) << opened.error().message();
      database_ = std::move(opened).value();
    }
  }

  template <typename T>
  T must(Task<T> task) {
    Result<T> result = loop_.run(std::move(task));
    if constexpr (std::is_void_v<T>) {
      EXPECT_TRUE(result.ok()) << result.error().message();
    } else {
      EXPECT_TRUE(result.ok()) << result.error().message();
      return result.ok() ? std::move(result).value() : T();
    }
  }
  template <typename T>
  std::string error_of(Task<T> task) {
    const Result<T> result = loop_.run(std::move(task));
    return result.ok() ? "" : result.error().code();
  }

  void store(const std::vector<std::pair<std::string, std::string>>& rows) {
    const std::unique_ptr<Transaction> transaction = database_->begin();
    for (const auto& [key, value] : rows) transaction->put(key, value);
    must(transaction->commit());
  }
  std::optional<std::string> stored(const std::string& key) {
    const std::unique_ptr<Transaction> transaction = database_->begin();
    std::optional<std::string> value = must(transaction->get(key));
    must(transaction->commit());
    return value;
  }
  Keys scanned(Transaction& transaction, KeyRange range, ScanOptions options = {}) {
    return keys_of(must(transaction.scan(std::move(range), options)));
  }

  TempDirectory directory_;
  ThreadPool pool_;
  LocalLoop loop_;
  std::unique_ptr<Database> database_;
};

const std::string kConflict(errors::kTransactionConflict.code);

TEST_P(DatabaseContract, CommittedValuesAreReadBack) {
  store({{"a", "1"}, {"b", ""}, {std::string("n\0l", 3), std::string("\0\xFF", 2)}});
  EXPECT_EQ(stored("a"), "1");
  EXPECT_EQ(stored("b"), "");
  EXPECT_EQ(stored(std::string("n\0l", 3)), std::string("\0\xFF", 2));
  EXPECT_EQ(stored("c"), std::nullopt);
}

TEST_P(DatabaseContract, DroppedTransactionWritesNothing) {
  database_->begin()->put("a", "1");
  EXPECT_EQ(stored("a"), std::nullopt);
}

TEST_P(DatabaseContract, ErasedKeysAreGone) {
  store({{"a", "1"}});
  const std::unique_ptr<Transaction> transaction = database_->begin();
  transaction->erase("a");
  transaction->erase("never there");
  must(transaction->commit());
  EXPECT_EQ(stored("a"), std::nullopt);
  EXPECT_EQ(stored("never there"), std::nullopt);
}

TEST_P(DatabaseContract, TransactionSeesItsOwnWrites) {
  store({{"a", "1"}, {"b", "2"}, {"c", "3"}});
  const std::unique_ptr<Transaction> transaction = database_->begin();
  transaction->put("a", "own");
  transaction->erase("b");
  transaction->put("bb", "new");
  EXPECT_EQ(must(transaction->get("a")), "own");
  EXPECT_EQ(must(transaction->get("b")), std::nullopt);
  EXPECT_EQ(scanned(*transaction, KeyRange("", "")), Keys({"a", "bb", "c"}));
  ScanOptions backwards;
  backwards.reverse = true;
  EXPECT_EQ(scanned(*transaction, KeyRange("a", "c"), backwards), Keys({"bb", "a"}));
  EXPECT_EQ(stored("a"), "1");
  must(transaction->commit());
  EXPECT_EQ(stored("a"), "own");
}

TEST_P(DatabaseContract, LastWriteToAKeyWins) {
  const std::unique_ptr<Transaction> transaction = database_->begin();
  transaction->put("a", "1");
  transaction->erase("a");
  transaction->put("a", "2");
  must(transaction->commit());
  EXPECT_EQ(stored("a"), "2");
}

TEST_P(DatabaseContract, ScanKeepsItsLimits) {
  store({{"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4"}});
  const std::unique_ptr<Transaction> transaction = database_->begin();
  EXPECT_EQ(scanned(*transaction, KeyRange("b", "d")), Keys({"b", "c"}));
  EXPECT_EQ(scanned(*transaction, KeyRange("b", "")), Keys({"b", "c", "d"}));
  EXPECT_EQ(scanned(*transaction, KeyRange("c", "b")), Keys({}));
  EXPECT_EQ(scanned(*transaction, KeyRange("c", "c")), Keys({}));
  ScanOptions two;
  two.limit = 2;
  EXPECT_EQ(scanned(*transaction, KeyRange("", ""), two), Keys({"a", "b"}));
  two.reverse = true;
  EXPECT_EQ(scanned(*transaction, KeyRange("", ""), two), Keys({"d", "c"}));
  EXPECT_EQ(scanned(*transaction, KeyRange("a", "d"), two), Keys({"c", "b"}));
  ScanOptions bytes;
  bytes.byte_limit = 3;  // Two rows of two bytes pass it.
  EXPECT_EQ(scanned(*transaction, KeyRange("", ""), bytes), Keys({"a", "b"}));
  ScanOptions none;
  none.limit = 0;
  EXPECT_EQ(error_of(transaction->scan(KeyRange("", ""), none)), "InternalFailure");
}

TEST_P(DatabaseContract, LongScansAreCompleteInBothDirections) {
  Keys expected;
  std::vector<std::pair<std::string, std::string>> rows;
  for (std::uint64_t i = 0; i < 3000; ++i) {
    expected.push_back(Key("long").number(i).bytes());
    rows.emplace_back(expected.back(), "v");
  }
  store(rows);
  ScanOptions all;
  all.limit = 5000;
  const std::unique_ptr<Transaction> transaction = database_->begin();
  EXPECT_EQ(scanned(*transaction, KeyRange("", ""), all), expected);
  all.reverse = true;
  std::reverse(expected.begin(), expected.end());
  EXPECT_EQ(scanned(*transaction, KeyRange("", ""), all), expected);
}

TEST_P(DatabaseContract, ReadsOfOneTransactionAreConsistent) {
  store({{"a", "1"}, {"b", "1"}});
  const std::unique_ptr<Transaction> reader = database_->begin();
  EXPECT_EQ(must(reader->get("a")), "1");
  store({{"a", "2"}, {"b", "2"}, {"c", "2"}});
  store({{"b", "3"}});
  EXPECT_EQ(must(reader->get("b")), "1");
  EXPECT_EQ(scanned(*reader, KeyRange("", "")), Keys({"a", "b"}));
  must(reader->commit());  // It saw one point in time, which is as good as having run then.
  EXPECT_EQ(stored("b"), "3");
}

TEST_P(DatabaseContract, LostUpdateConflicts) {
  store({{"counter", "1"}});
  const std::unique_ptr<Transaction> first = database_->begin();
  const std::unique_ptr<Transaction> second = database_->begin();
  must(first->get("counter"));
  must(second->get("counter"));
  first->put("counter", "2");
  second->put("counter", "2");
  must(first->commit());
  EXPECT_EQ(error_of(second->commit()), kConflict);
}

TEST_P(DatabaseContract, WriteSkewConflicts) {
  store({{"x", "on"}, {"y", "on"}});
  const std::unique_ptr<Transaction> first = database_->begin();
  const std::unique_ptr<Transaction> second = database_->begin();
  must(first->get("x"));
  must(second->get("y"));
  first->put("y", "off");
  second->put("x", "off");
  must(first->commit());
  EXPECT_EQ(error_of(second->commit()), kConflict);
  EXPECT_EQ(stored("x"), "on");
}

TEST_P(DatabaseContract, PhantomConflicts) {
  store({{"p1", "a"}});
  const std::unique_ptr<Transaction> transaction = database_->begin();
  EXPECT_EQ(scanned(*transaction, KeyRange("p", "q")), Keys({"p1"}));
  transaction->put("count", "1");
  store({{"p2", "b"}});
  EXPECT_EQ(error_of(transaction->commit()), kConflict);
  EXPECT_EQ(stored("count"), std::nullopt);
}

TEST_P(DatabaseContract, ErasedKeyInAScannedRangeConflicts) {
  store({{"p1", "a"}});
  const std::unique_ptr<Transaction> transaction = database_->begin();
  EXPECT_EQ(scanned(*transaction, KeyRange("p", "q")), Keys({"p1"}));
  transaction->put("count", "1");
  const std::unique_ptr<Transaction> eraser = database_->begin();
  eraser->erase("p1");
  must(eraser->commit());
  EXPECT_EQ(error_of(transaction->commit()), kConflict);
}

TEST_P(DatabaseContract, MissingKeyThatAppearsConflicts) {
  const std::unique_ptr<Transaction> transaction = database_->begin();
  EXPECT_EQ(must(transaction->get("name")), std::nullopt);
  transaction->put("name", "mine");
  store({{"name", "theirs"}});
  EXPECT_EQ(error_of(transaction->commit()), kConflict);
  EXPECT_EQ(stored("name"), "theirs");
}

TEST_P(DatabaseContract, ChangesBeyondAScansLimitDoNotConflict) {
  store({{"p1", "a"}, {"p2", "a"}, {"p3", "a"}});
  for (const bool reverse : {false, true}) {
    const std::unique_ptr<Transaction> transaction = database_->begin();
    ScanOptions one;
    one.limit = 1;
    one.reverse = reverse;
    EXPECT_EQ(scanned(*transaction, KeyRange("p", "q"), one), Keys({reverse ? "p3" : "p1"}));
    transaction->put("seen", "1");
    store({{"p2", "b"}});
    must(transaction->commit());
  }
}

TEST_P(DatabaseContract, BlindWritesNeverConflict) {
  const std::unique_ptr<Transaction> first = database_->begin();
  const std::unique_ptr<Transaction> second = database_->begin();
  first->put("a", "1");
  second->put("a", "2");
  must(second->commit());
  must(first->commit());
  EXPECT_EQ(stored("a"), "1");
}

Task<int> increment(Transaction& transaction, std::string key) {
  const std::optional<std::string> value = co_await transaction.get(key);
  const int next = value ? std::stoi(*value) + 1 : 1;
  transaction.put(key, std::to_string(next));
  co_return next;
}

struct Increment {
  explicit Increment(std::string k) : key(std::move(k)) {}
  std::string key;
  Task<int> operator()(Transaction& transaction) const { return increment(transaction, key); }
};

/// Loses its first race on purpose.
struct LosesOnce {
  LosesOnce(Database& d, int& r) : database(&d), runs(&r) {}
  Database* database;
  int* runs;
  Task<int> operator()(Transaction& transaction) const { return body(*database, *runs, transaction); }
  static Task<int> body(Database& database, int& runs, Transaction& transaction) {
    const int next = co_await increment(transaction, "counter");
    if (++runs == 1) {
      const std::unique_ptr<Transaction> other = database.begin();
      other->put("counter", "10");
      co_await other->commit();
    }
    co_return next;
  }
};

TEST_P(DatabaseContract, TransactRunsAgainAfterAConflict) {
  int runs = 0;
  EXPECT_EQ(must(transact(*database_, LosesOnce(*database_, runs))), 11);
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(stored("counter"), "11");
  EXPECT_EQ(database_->stats().conflicts, 1u);
}

Task<void> fails_always(Transaction& transaction) {
  transaction.put("a", "1");
  co_await fail(errors::kValidation, "no");
}

TEST_P(DatabaseContract, TransactPassesTheBodysErrorOnAndWritesNothing) {
  EXPECT_EQ(error_of(transact(*database_, fails_always)), "ValidationException");
  EXPECT_EQ(stored("a"), std::nullopt);
}

Task<void> reads_then_fails(Transaction& transaction) {
  co_await transaction.get("a");
  transaction.put("a", "2");
  co_await fail(errors::kValidation, "no");
}

TEST_P(DatabaseContract, GivenUpTransactionWritesNothing) {
  store({{"a", "1"}});
  const std::unique_ptr<Transaction> transaction = database_->begin();
  must(transaction->get("a"));
  transaction->put("a", "2");
  must(transaction->give_up());
  EXPECT_EQ(error_of(transact(*database_, reads_then_fails)), "ValidationException");
  EXPECT_EQ(stored("a"), "1");
}

Task<void> count_up(Database& database, std::string key, int times) {
  for (int i = 0; i < times; ++i) co_await transact(database, Increment(key));
}

TEST_P(DatabaseContract, NoUpdateIsLostBetweenLoops) {
  constexpr int kThreads = 4;
  constexpr int kTasks = 8;
  constexpr int kTimes = 25;
  std::vector<std::thread> threads;
  std::atomic<int> failures = 0;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      LocalLoop loop;
      int left = kTasks;
      Deferred<bool> all;
      for (int i = 0; i < kTasks; ++i) {
        start(count_up(*database_, "hot", kTimes), [&](Result<void> result) {
          if (!result.ok()) ++failures;
          if (--left == 0) all.resolve(true);
        });
      }
      (void)loop.run(all.wait());
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(stored("hot"), std::to_string(kThreads * kTasks * kTimes));
}

/// Moves one unit between two of ten accounts.
Task<void> move_unit(Transaction& transaction, int from, int to) {
  const std::string from_key = Key("account").number(static_cast<std::uint64_t>(from)).bytes();
  const std::string to_key = Key("account").number(static_cast<std::uint64_t>(to)).bytes();
  const int a = std::stoi((co_await transaction.get(from_key)).value());
  const int b = std::stoi((co_await transaction.get(to_key)).value());
  transaction.put(from_key, std::to_string(a - 1));
  transaction.put(to_key, std::to_string(b + 1));
}
struct MoveUnit {
  MoveUnit(int f, int t) : from(f), to(t) {}
  int from;
  int to;
  Task<void> operator()(Transaction& transaction) const { return move_unit(transaction, from, to); }
};
Task<void> move_units(Database& database, int seed, int times) {
  for (int i = 0; i < times; ++i) {
    const int from = (seed + i * 7) % 10;
    const int to = (from + 1 + (i % 9)) % 10;
    co_await transact(database, MoveUnit(from, to));
  }
}
Task<int> total_of_accounts(Transaction& transaction) {
  const std::string prefix = Key("account").bytes();
  const std::vector<KeyValue> rows = co_await transaction.scan(KeyRange(prefix, after_prefix(prefix)));
  int total = 0;
  for (const KeyValue& row : rows) total += std::stoi(row.value);
  co_return total;
}

TEST_P(DatabaseContract, ScansSeeWholeTransactionsOnly) {
  std::vector<std::pair<std::string, std::string>> accounts;
  for (std::uint64_t i = 0; i < 10; ++i) accounts.emplace_back(Key("account").number(i).bytes(), "100");
  store(accounts);
  std::atomic<bool> done = false;
  std::vector<std::thread> movers;
  for (int t = 0; t < 3; ++t) {
    movers.emplace_back([&, t] {
      const Result<void> result = run(move_units(*database_, t, 100));
      EXPECT_TRUE(result.ok()) << result.error().message();
    });
  }
  std::thread reader([&] {
    while (!done) {
      const Result<int> total = run(transact(*database_, total_of_accounts));
      ASSERT_TRUE(total.ok()) << total.error().message();
      ASSERT_EQ(total.value(), 1000);
    }
  });
  for (std::thread& mover : movers) mover.join();
  done = true;
  reader.join();
}

TEST_P(DatabaseContract, LogKeepsTheOrderOfCommits) {
  const std::string log = Key("log").bytes();
  const std::unique_ptr<Transaction> first = database_->begin();
  const std::unique_ptr<Transaction> second = database_->begin();
  append(*first, log, "c");
  append(*first, log, "d");
  append(*second, log, "a");
  append(*second, log, "b");
  must(second->commit());
  must(first->commit());
  const std::unique_ptr<Transaction> given_up = database_->begin();
  append(*given_up, log, "x");
  must(given_up->give_up());
  if (GetParam() == EngineKind::kRocksDb) open();  // What an earlier run wrote stands before.
  const std::unique_ptr<Transaction> third = database_->begin();
  append(*third, log, "e");
  must(third->commit());

  const std::unique_ptr<Transaction> reader = database_->begin();
  const std::vector<KeyValue> rows = must(reader->scan(KeyRange(log, after_prefix(log)), {}));
  std::string values;
  for (const KeyValue& row : rows) {
    EXPECT_EQ(row.key.size(), log.size() + kPlaceBytes);
    values += row.value;
  }
  EXPECT_EQ(values, "abcde");
}

TEST_P(DatabaseContract, ListenersHearOfEachKeyUnderTheirPrefix) {
  Keys heard;
  database_->on_commit("jobs/", [&heard](std::string_view key) { heard.emplace_back(key); });
  store({{"jobs/1", "a"}, {"other", "b"}});
  const std::unique_ptr<Transaction> transaction = database_->begin();
  transaction->erase("jobs/1");
  must(transaction->commit());
  database_->begin()->put("jobs/2", "never committed");
  EXPECT_EQ(heard, Keys({"jobs/1", "jobs/1"}));
}

TEST_P(DatabaseContract, StatsCountCommits) {
  store({{"a", "1"}});
  store({{"a", "2"}});
  EXPECT_EQ(database_->stats().commits, 2u);
}

INSTANTIATE_TEST_SUITE_P(Engines, DatabaseContract, testing::Values(EngineKind::kMemory, EngineKind::kRocksDb),
                         [](const testing::TestParamInfo<EngineKind>& engine) {
                           return engine.param == EngineKind::kMemory ? "Memory" : "RocksDb";
                         });

}  // namespace
}  // namespace cumulet::storage
