#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/task.h"

/// The ordered store. Keys are byte strings made by storage/key.h (tuples, order-preserving); values are bytes.
///
/// Transactions are serializable. Reads see the transaction's own writes. A commit is visible to others at once, but
/// its `commit()` returns only when it is durable (the output gate), and so does the commit of any transaction that
/// read what was not durable yet: no reply ever shows what a power loss could take back.
///
/// No engine's type stands in a signature, transactions may have to run again (`transact` does that), scans are
/// bounded: so a distributed engine fits behind the same interface.
namespace cumulet::storage {

struct KeyValue {
  KeyValue(std::string k, std::string v) : key(std::move(k)), value(std::move(v)) {}
  std::string key;
  std::string value;
};

/// Keys from `begin` (included) to `end` (excluded); an empty `end` means no upper bound.
struct KeyRange {
  KeyRange(std::string b, std::string e) : begin(std::move(b)), end(std::move(e)) {}
  std::string begin;
  std::string end;
};

struct ScanOptions {
  std::size_t limit = 1000;           ///< Rows at most; 0 is not allowed.
  std::size_t byte_limit = 4u << 20;  ///< Stops after the row that passes it.
  bool reverse = false;               ///< From the range's end downwards.
};

/// One transaction. It belongs to one task; not thread-safe. Dropping it without commit forgets its writes.
class Transaction {
 public:
  virtual ~Transaction() = default;
  virtual Task<std::optional<std::string>> get(std::string key) = 0;
  virtual Task<std::vector<KeyValue>> scan(KeyRange range, ScanOptions options = {}) = 0;
  virtual void put(std::string key, std::string value) = 0;
  virtual void erase(std::string key) = 0;
  /// Makes the writes durable, and returns when they and everything that was read are. Ends the transaction: nothing
  /// else may be called after it. Fails with errors::kTransactionConflict when another transaction changed what this
  /// one read, and with kServiceUnavailable when the disk refuses (full, I/O error); then nothing was written.
  virtual Task<void> commit() = 0;
  /// Forgets the writes, and returns when everything that was read is durable. For who answers from what it read
  /// without writing (an error, mostly). Ends the transaction; fails with kTransactionConflict when what was read is
  /// gone.
  virtual Task<void> give_up() = 0;
};

/// What an open database can tell about itself.
struct DatabaseStats {
  std::uint64_t commits = 0;
  std::uint64_t conflicts = 0;
  std::uint64_t syncs = 0;
  std::uint64_t bytes_on_disk = 0;
  bool idle = true;  ///< Nothing is on its way to the disk, and the next commit begins at once.
};

class Database {
 public:
  virtual ~Database() = default;
  virtual std::unique_ptr<Transaction> begin() = 0;
  /// Forgets a range of rows that no transaction reads any more: expired ones, whose readers know how far back they may
  /// look. It costs the same for one row and for millions, is no part of any transaction, and after a crash some of the
  /// rows may be there again.
  virtual Task<void> discard(KeyRange range) = 0;
  virtual DatabaseStats stats() const = 0;
  /// Called after each commit is visible, once for each key that it wrote (or erased) and that starts with `prefix`; on
  /// the committing thread, so it must only note and wake. Register at start-up, before traffic.
  virtual void on_commit(std::string prefix, std::function<void(std::string_view key)> wake) = 0;
};

/// Runs `body(Transaction&) -> Task<R>` in a transaction and commits it; runs it again when it lost a race (up to 50
/// times, then kServiceUnavailable). The body must change nothing but its transaction. R is returned after the commit;
/// the body's own error, without a commit, when what it had read is durable.
template <typename Body>
auto transact(Database& database, Body body) -> std::invoke_result_t<Body&, Transaction&>;

}  // namespace cumulet::storage

#include "storage/transact.h"  // IWYU pragma: export
