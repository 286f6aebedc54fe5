#pragma once

#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/deferred.h"
#include "base/loop.h"
#include "base/task.h"
#include "services/dynamodb/copier.h"
#include "services/dynamodb/exporter.h"
#include "services/dynamodb/importer.h"
#include "services/dynamodb/keys.h"
#include "services/dynamodb/store.h"
#include "services/dynamodb/stream_keeper.h"

namespace cumulet::dynamodb {

/// Work that goes on after the reply: filling new indexes, deleting the rows of deleted tables and indexes, deleting
/// items whose time has come. Each piece is a job row, written in the transaction that makes it necessary and erased in
/// the one that ends it, so work that a crash interrupts goes on after it.
class Maintenance {
 public:
  Maintenance(Store& store, const Clock& clock, StreamKeeper& keeper, const wire::Directory* directory);

  /// Does everything that is to be done now. For tests, and what the loop does.
  Task<void> run_jobs();

  /// Begins on that loop, woken by new jobs.
  void start(Loop& loop);
  /// Ends what is under way, at the latest by the deadline. Blocks; not on a loop.
  void stop(SteadyTime deadline);

 private:
  /// What the database's committing thread touches: it may outlive this object.
  struct Signal {
    void wake();
    std::mutex mutex;
    bool stopping = false;
    bool woken = false;
    std::optional<Deferred<bool>> waiting;
  };

  Task<void> run();
  Task<void> wait();
  bool stopping() const;
  bool take_woken();

  /// Says whether there is more to do.
  Task<bool> run_round();
  /// Up to some pieces of a job: says whether that was all.
  Task<bool> run_job(keys::JobKey job, std::string row);
  Task<bool> run_piece(const keys::JobKey& job, const std::string& row);
  /// Removes the rows of a purge at once when they are more than a piece.
  Task<void> discard_many(const keys::JobKey& job, const std::string& row);
  /// Each does one piece, and says whether that was all.
  Task<bool> purge(storage::Transaction& transaction, const keys::JobKey& job, const std::string& row);
  Task<bool> backfill(storage::Transaction& transaction, const keys::JobKey& job, const std::string& row);
  Task<bool> expire(storage::Transaction& transaction, const keys::JobKey& job, const std::string& row);
  Task<bool> forget_tokens(storage::Transaction& transaction);

  Store& store_;
  const Clock& clock_;
  StreamKeeper& keeper_;
  Copier copier_;
  Exporter exporter_;
  Importer importer_;
  std::shared_ptr<Signal> signal_;
  bool started_ = false;
  bool items_expire_ = false;  ///< Some table has a time to live: look again soon.
  TablePtr expiring_;          ///< Whose items the piece under way deletes,
  std::size_t expired_ = 0;    ///< and how many of them.
  std::promise<void> ended_;
};

}  // namespace cumulet::dynamodb
