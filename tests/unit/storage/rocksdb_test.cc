// What is particular to the RocksDB engine: the output gate, faults of the disk, and its directory.

#include <memory>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <rocksdb/db.h>

#include "base/run.h"
#include "base/thread_pool.h"
#include "storage/engines/rocksdb/engine.h"
#include "storage/key.h"
#include "storage/open.h"
#include "tests/unit/storage/faulty_env.h"
#include "tests/unit/storage/temp_directory.h"

namespace cumulet::storage {
namespace {

Error late() { return Error(errors::kRequestTimeout, "nothing happened for too long"); }
SteadyTime soon() { return std::chrono::steady_clock::now() + seconds(20); }

class RocksDbTest : public testing::Test {
 protected:
  RocksDbTest() : env_(make_faulty_env(faults_)), pool_(2) { open(); }
  ~RocksDbTest() override { faults_.let_go(); }

  void open() {
    database_.reset();
    RocksOptions options;
    options.env = env_.get();
    options.reserved_bytes = reserved_bytes_;
    options.history_bytes = history_bytes_;
    Result<std::unique_ptr<Database>> opened = RocksEngine::open(directory_.path() / "db", pool_, options);
    ASSERT_TRUE(opened.ok()) << opened.error().message();
    database_ = std::move(opened).value();
  }

  /// A commit on its way; `done` resolves with how it ended.
  struct Pending {
    std::unique_ptr<Transaction> transaction;
    Deferred<bool> done;
    bool ended = false;
  };
  std::unique_ptr<Pending> begin_commit(std::unique_ptr<Transaction> transaction) {
    auto pending = std::make_unique<Pending>();
    pending->transaction = std::move(transaction);
    start(pending->transaction->commit(), [raw = pending.get()](Result<void> result) {
      raw->ended = true;
      if (result.ok()) {
        raw->done.resolve(true);
      } else {
        raw->done.resolve(std::move(result).error());
      }
    });
    return pending;
  }
  std::unique_ptr<Pending> begin_put(const std::string& key, const std::string& value) {
    std::unique_ptr<Transaction> transaction = database_->begin();
    transaction->put(key, value);
    return begin_commit(std::move(transaction));
  }
  std::string outcome(Pending& pending) {
    const Result<bool> result = loop_.run(pending.done.wait_until(soon(), late()));
    return result.ok() ? "" : result.error().code();
  }
  std::string put(const std::string& key, const std::string& value) { return outcome(*begin_put(key, value)); }
  std::optional<std::string> get(Transaction& transaction, const std::string& key) {
    return loop_.run(transaction.get(key)).value();
  }
  std::optional<std::string> stored(const std::string& key) { return get(*database_->begin(), key); }

  /// Lets the loop do what is posted to it, and the wake-up of the committer among that.
  void turn_loop() { ASSERT_TRUE(loop_.run(turned()).ok()); }
  void wait_until_idle() {
    const SteadyTime deadline = soon();
    while (!database_->stats().idle && std::chrono::steady_clock::now() < deadline) turn_loop();
    ASSERT_TRUE(database_->stats().idle);
  }
  static Task<void> turned() { co_await sleep_until(std::chrono::steady_clock::now()); }

  DiskFaults faults_;
  std::unique_ptr<rocksdb::Env> env_;
  TempDirectory directory_;
  ThreadPool pool_;
  LocalLoop loop_;
  std::uint64_t reserved_bytes_ = 0;
  std::size_t history_bytes_ = 64u << 20;
  std::unique_ptr<Database> database_;
};

TEST_F(RocksDbTest, CommitIsVisibleAtOnceAndAcknowledgedWhenDurable) {
  faults_.hold_syncs();
  const std::unique_ptr<Pending> writer = begin_put("a", "1");
  turn_loop();
  faults_.wait_for_sync();
  EXPECT_EQ(stored("a"), "1");
  EXPECT_FALSE(writer->ended);
  faults_.let_go();
  EXPECT_EQ(outcome(*writer), "");
}

// After a start hardly any of a large database's files are open, and never all of a very large one's.
TEST_F(RocksDbTest, WhatIsInFilesThatAreNotOpenIsFound) {
  rocksdb::DB& db = static_cast<RocksEngine&>(*database_).db();
  ASSERT_TRUE(db.SetOptions({{"disable_auto_compactions", "true"}}).ok());
  ASSERT_TRUE(db.SetDBOptions({{"max_open_files", "20"}}).ok());
  constexpr int kFiles = 20;
  for (int i = 0; i < kFiles; ++i) {
    ASSERT_EQ(put("key " + std::to_string(i), "value " + std::to_string(i)), "");
    ASSERT_EQ(put("empty " + std::to_string(i), ""), "");
    ASSERT_TRUE(db.Flush(rocksdb::FlushOptions()).ok());
  }
  for (int i = 0; i < kFiles; ++i) {
    EXPECT_EQ(stored("key " + std::to_string(i)), "value " + std::to_string(i));
    EXPECT_EQ(stored("empty " + std::to_string(i)), "");
    EXPECT_EQ(stored("none " + std::to_string(i)), std::nullopt);
  }
}

TEST_F(RocksDbTest, ReaderOfWhatIsNotDurableWaitsForIt) {
  ASSERT_EQ(put("old", "1"), "");
  faults_.hold_syncs();
  const std::unique_ptr<Pending> writer = begin_put("new", "1");
  turn_loop();
  faults_.wait_for_sync();

  std::unique_ptr<Transaction> transaction = database_->begin();
  EXPECT_EQ(get(*transaction, "old"), "1");
  const std::unique_ptr<Pending> reads_old = begin_commit(std::move(transaction));
  EXPECT_TRUE(reads_old->ended);

  transaction = database_->begin();
  EXPECT_EQ(get(*transaction, "new"), "1");
  const std::unique_ptr<Pending> reads_new = begin_commit(std::move(transaction));
  transaction = database_->begin();
  EXPECT_EQ(loop_.run(transaction->scan(KeyRange("", ""))).value().size(), 2u);
  const std::unique_ptr<Pending> scans_new = begin_commit(std::move(transaction));
  transaction = database_->begin();
  ScanOptions last;
  last.limit = 1;
  last.reverse = true;
  EXPECT_EQ(loop_.run(transaction->scan(KeyRange("", ""), last)).value().front().key, "old");
  const std::unique_ptr<Pending> scans_old = begin_commit(std::move(transaction));
  EXPECT_TRUE(scans_old->ended);
  turn_loop();
  EXPECT_FALSE(reads_new->ended);
  EXPECT_FALSE(scans_new->ended);
  faults_.let_go();
  EXPECT_EQ(outcome(*reads_new), "");
  EXPECT_EQ(outcome(*scans_new), "");
  EXPECT_EQ(outcome(*writer), "");
}

TEST_F(RocksDbTest, ReaderOfAnErasureThatIsNotDurableWaitsForIt) {
  ASSERT_EQ(put("a", "1"), "");
  faults_.hold_syncs();
  std::unique_ptr<Transaction> transaction = database_->begin();
  transaction->erase("a");
  const std::unique_ptr<Pending> eraser = begin_commit(std::move(transaction));
  turn_loop();
  faults_.wait_for_sync();
  transaction = database_->begin();
  EXPECT_TRUE(loop_.run(transaction->scan(KeyRange("", ""))).value().empty());
  const std::unique_ptr<Pending> reader = begin_commit(std::move(transaction));
  turn_loop();
  EXPECT_FALSE(reader->ended);
  faults_.let_go();
  EXPECT_EQ(outcome(*reader), "");
}

Task<void> refuse_if_taken(Transaction& transaction) {
  const std::optional<std::string> taken = co_await transaction.get("name");
  if (taken) co_await fail(errors::kValidation, "taken");
  transaction.put("name", "mine");
}

TEST_F(RocksDbTest, ErrorThatTellsOfWhatIsNotDurableWaitsForIt) {
  faults_.hold_syncs();
  const std::unique_ptr<Pending> writer = begin_put("name", "theirs");
  turn_loop();
  faults_.wait_for_sync();
  Deferred<bool> refused;
  bool ended = false;
  start(transact(*database_, refuse_if_taken), [&](Result<void> result) {
    ended = true;
    refused.resolve(!result.ok() && result.error().is(errors::kValidation));
  });
  turn_loop();
  EXPECT_FALSE(ended);
  faults_.let_go();
  EXPECT_TRUE(loop_.run(refused.wait_until(soon(), late())).value());
  EXPECT_EQ(outcome(*writer), "");
}

TEST_F(RocksDbTest, ErrorFromWhatWasTakenBackRunsAgain) {
  faults_.hold_syncs();
  const std::unique_ptr<Pending> first = begin_put("other", "");
  turn_loop();
  faults_.wait_for_sync();
  const std::unique_ptr<Pending> writer = begin_put("name", "theirs");
  Deferred<bool> done;
  start(transact(*database_, refuse_if_taken),
        [&](Result<void> result) { done.resolve(!result.ok() && result.error().is(errors::kServiceUnavailable)); });
  faults_.set(DiskFaults::Mode::kNoSpaceAtSync);
  faults_.let_go();
  EXPECT_EQ(outcome(*writer), "ServiceUnavailable");
  EXPECT_TRUE(loop_.run(done.wait_until(soon(), late())).value());  // Not taken any more, but the disk is full.
}

TEST_F(RocksDbTest, CommitsDuringASyncShareTheNextOne) {
  faults_.hold_syncs();
  std::vector<std::unique_ptr<Pending>> writers;
  writers.push_back(begin_put("first", ""));
  turn_loop();
  faults_.wait_for_sync();
  const std::uint64_t before = database_->stats().syncs;
  for (std::uint64_t i = 0; i < 50; ++i) writers.push_back(begin_put(Key("k").number(i).bytes(), ""));
  faults_.let_go();
  for (const std::unique_ptr<Pending>& writer : writers) EXPECT_EQ(outcome(*writer), "");
  EXPECT_EQ(database_->stats().syncs, before + 2);
}

TEST_F(RocksDbTest, CommitsOfOneTurnOfTheLoopShareASync) {
  wait_until_idle();  // A committer that is about to look for work takes the first of them before the others are there.
  const std::uint64_t before = database_->stats().syncs;
  std::vector<std::unique_ptr<Pending>> writers;
  for (std::uint64_t i = 0; i < 50; ++i) writers.push_back(begin_put(Key("k").number(i).bytes(), ""));
  for (const std::unique_ptr<Pending>& writer : writers) EXPECT_EQ(outcome(*writer), "");
  EXPECT_EQ(database_->stats().syncs, before + 1);
}

class RocksDbFaultTest : public RocksDbTest, public testing::WithParamInterface<DiskFaults::Mode> {
 protected:
  /// Tries until the disk has been asked again.
  std::string put_until_accepted(const std::string& key, const std::string& value) {
    const SteadyTime deadline = soon();
    std::string result = put(key, value);
    while (!result.empty() && std::chrono::steady_clock::now() < deadline) {
      turn_loop();
      result = put(key, value);
    }
    return result;
  }
};

TEST_P(RocksDbFaultTest, FullDiskRefusesWritesServesReadsAndRecovers) {
  ASSERT_EQ(put("a", "1"), "");
  faults_.set(GetParam());
  EXPECT_EQ(put("a", "2"), "ServiceUnavailable");
  EXPECT_EQ(put("b", "2"), "ServiceUnavailable");
  EXPECT_EQ(stored("a"), "1");
  EXPECT_EQ(stored("b"), std::nullopt);
  faults_.set(DiskFaults::Mode::kNone);
  EXPECT_EQ(put_until_accepted("c", "3"), "");
  EXPECT_EQ(stored("a"), "1");
  open();
  EXPECT_EQ(stored("a"), "1");
  EXPECT_EQ(stored("b"), std::nullopt);
  EXPECT_EQ(stored("c"), "3");
}

TEST_P(RocksDbFaultTest, WhatWasReadOfARefusedCommitIsTakenBack) {
  ASSERT_EQ(put("a", "1"), "");
  faults_.hold_syncs();
  const std::unique_ptr<Pending> before = begin_put("before", "1");
  turn_loop();
  faults_.wait_for_sync();
  const std::unique_ptr<Pending> writer = begin_put("a", "2");
  std::unique_ptr<Transaction> transaction = database_->begin();
  EXPECT_EQ(get(*transaction, "a"), "2");
  transaction->put("copy", "2");
  const std::unique_ptr<Pending> copier = begin_commit(std::move(transaction));
  transaction = database_->begin();
  EXPECT_EQ(get(*transaction, "a"), "2");
  const std::unique_ptr<Pending> reader = begin_commit(std::move(transaction));
  const std::unique_ptr<Transaction> open_one = database_->begin();
  EXPECT_EQ(get(*open_one, "a"), "2");

  faults_.set(GetParam());
  faults_.let_go();
  EXPECT_EQ(outcome(*writer), "ServiceUnavailable");
  EXPECT_EQ(outcome(*copier), "ServiceUnavailable");
  EXPECT_EQ(outcome(*reader), std::string(errors::kTransactionConflict.code));
  EXPECT_EQ(loop_.run(open_one->get("copy")).error().code(), errors::kTransactionConflict.code);
  EXPECT_EQ(stored("a"), "1");
  EXPECT_EQ(stored("copy"), std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(Where, RocksDbFaultTest,
                         testing::Values(DiskFaults::Mode::kNoSpace, DiskFaults::Mode::kNoSpaceAtSync),
                         [](const testing::TestParamInfo<DiskFaults::Mode>& mode) {
                           return mode.param == DiskFaults::Mode::kNoSpace ? "AtAppend" : "AtSync";
                         });

TEST_F(RocksDbTest, ReserveOfFreeSpaceIsKept) {
  ASSERT_EQ(put("a", "1"), "");
  reserved_bytes_ = 1ull << 60;
  open();
  EXPECT_EQ(put("a", "2"), "ServiceUnavailable");
  EXPECT_EQ(stored("a"), "1");
}

TEST_F(RocksDbTest, BrokenDiskRefusesWritesAndServesReadsUntilARestart) {
  ASSERT_EQ(put("a", "1"), "");
  faults_.set(DiskFaults::Mode::kBroken);
  EXPECT_EQ(put("a", "2"), "ServiceUnavailable");
  EXPECT_EQ(stored("a"), "1");
  faults_.set(DiskFaults::Mode::kNone);
  open();
  EXPECT_EQ(stored("a"), "1");
  EXPECT_EQ(put("a", "3"), "");
}

TEST_F(RocksDbTest, TransactionWhoseHistoryIsGoneConflicts) {
  history_bytes_ = 10'000;
  open();
  ASSERT_EQ(put("a", "1"), "");
  const std::unique_ptr<Transaction> first = database_->begin();
  EXPECT_EQ(get(*first, "a"), "1");
  const std::unique_ptr<Transaction> second = database_->begin();
  EXPECT_EQ(get(*second, "a"), "1");
  for (std::uint64_t i = 0; i < 100; ++i) ASSERT_EQ(put(Key("k").number(i).bytes(), std::string(1000, 'x')), "");
  EXPECT_EQ(loop_.run(first->get("b")).error().code(), errors::kTransactionConflict.code);
  second->put("a", "2");
  EXPECT_EQ(loop_.run(second->commit()).error().code(), errors::kTransactionConflict.code);
  EXPECT_EQ(put("a", "3"), "");
}

TEST_F(RocksDbTest, DataOutlivesARestart) {
  ASSERT_EQ(put("a", std::string(3u << 20, 'x')), "");
  ASSERT_EQ(put("b", "small"), "");
  open();
  EXPECT_EQ(stored("a")->size(), 3u << 20);
  EXPECT_EQ(stored("b"), "small");
  ASSERT_EQ(put("b", "again"), "");
  open();
  EXPECT_EQ(stored("b"), "again");
}

TEST_F(RocksDbTest, ReadsOfWhatIsOnDiskOnlyAreComplete) {
  for (std::uint64_t i = 0; i < 40; ++i) ASSERT_EQ(put(Key("big").number(i).bytes(), std::string(100'000, 'x')), "");
  open();  // Nothing is in the block cache now.
  EXPECT_EQ(stored(Key("big").number(7).bytes())->size(), 100'000u);
  EXPECT_EQ(stored("nothing"), std::nullopt);
  const std::unique_ptr<Transaction> transaction = database_->begin();
  transaction->erase(Key("big").number(0).bytes());
  const std::string prefix = Key("big").bytes();
  ScanOptions options;
  options.byte_limit = 1u << 30;
  EXPECT_EQ(loop_.run(transaction->scan(KeyRange(prefix, after_prefix(prefix)), options)).value().size(), 39u);
}

TEST_F(RocksDbTest, DirectoryInUseIsRefused) {
  const Result<std::unique_ptr<Database>> second = open_rocksdb(directory_.path() / "db", pool_);
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.error().message().find("already in use"), std::string::npos) << second.error().message();
}

TEST_F(RocksDbTest, NewerFormatIsRefused) {
  database_.reset();
  rocksdb::DB* opened = nullptr;
  ASSERT_TRUE(rocksdb::DB::Open(rocksdb::Options(), (directory_.path() / "db").string(), &opened).ok());
  std::unique_ptr<rocksdb::DB> db(opened);
  ASSERT_TRUE(db->Put(rocksdb::WriteOptions(), std::string("\0\0format", 8), "99").ok());
  db.reset();
  const Result<std::unique_ptr<Database>> refused = open_rocksdb(directory_.path() / "db", pool_);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message().find("format version 99"), std::string::npos) << refused.error().message();
}

TEST_F(RocksDbTest, ForeignDatabaseIsRefused) {
  rocksdb::Options options;
  options.create_if_missing = true;
  rocksdb::DB* opened = nullptr;
  ASSERT_TRUE(rocksdb::DB::Open(options, (directory_.path() / "other").string(), &opened).ok());
  std::unique_ptr<rocksdb::DB> db(opened);
  ASSERT_TRUE(db->Put(rocksdb::WriteOptions(), "key", "value").ok());
  db.reset();
  EXPECT_FALSE(open_rocksdb(directory_.path() / "other", pool_).ok());
}

TEST_F(RocksDbTest, KeysOfTheEngineAreOutOfReach) {
  EXPECT_EQ(put(std::string("\0\0format", 8), "99"), "InternalFailure");
  EXPECT_EQ(put("", "x"), "InternalFailure");
  EXPECT_TRUE(loop_.run(database_->begin()->scan(KeyRange("", ""))).value().empty());
}

}  // namespace
}  // namespace cumulet::storage
