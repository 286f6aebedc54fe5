#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/loop.h"
#include "base/task.h"
#include "storage/blob_store.h"
#include "storage/database.h"

namespace cumulet {

/// Removes, after a start and beside everything else, the blobs that writes left which an earlier process did not end.
class BlobSweep {
 public:
  /// `is_named` says whether any service's metadata knows a blob.
  BlobSweep(storage::BlobStore& blobs, storage::Database& database, std::function<Task<bool>(std::string id)> is_named);

  /// On that loop.
  void start(Loop& loop);
  /// Ends it if it still goes on. Blocks; not on a loop.
  void drain(SteadyTime deadline);

 private:
  struct State;
  Task<bool> is_needed(std::string id);

  storage::BlobStore& blobs_;
  storage::Database& database_;
  const std::function<Task<bool>(std::string id)> is_named_;
  const std::shared_ptr<State> state_;
};

/// Commits are made durable in their order: after this, all before it are.
Task<void> wait_for_commits(storage::Database& database);

}  // namespace cumulet
