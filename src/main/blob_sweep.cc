#include "main/blob_sweep.h"

#include <condition_variable>
#include <mutex>
#include <utility>

#include "base/log.h"

namespace cumulet {

struct BlobSweep::State {
  std::mutex mutex;
  std::condition_variable ended;
  bool running = false;
  bool stopping = false;

  bool wanted() {
    const std::lock_guard lock(mutex);
    return !stopping;
  }
  void end() {
    const std::lock_guard lock(mutex);
    running = false;
    ended.notify_all();
  }
};

Task<void> wait_for_commits(storage::Database& database) {
  const std::unique_ptr<storage::Transaction> transaction = database.begin();
  transaction->erase("nothing");
  co_await transaction->commit();
}

BlobSweep::BlobSweep(storage::BlobStore& blobs, storage::Database& database,
                     std::function<Task<bool>(std::string id)> is_named)
    : blobs_(blobs), database_(database), is_named_(std::move(is_named)), state_(std::make_shared<State>()) {}

void BlobSweep::start(Loop& loop) {
  state_->running = true;
  loop.post([this, state = state_] {
    cumulet::start(
        blobs_.sweep([this](std::string id) { return is_needed(std::move(id)); }, [state] { return state->wanted(); }),
        [state](const Result<std::uint64_t>& swept) {
          if (!swept.ok()) {
            log::error("cannot look through the objects", {{"why", swept.error().message()}});
          } else if (*swept > 0) {
            log::info("removed what an interrupted write left", {{"blobs", std::to_string(*swept)}});
          }
          state->end();
        });
  });
}

/// A deletion is visible before it is durable; until then the power may fail, and the name be there again.
Task<bool> BlobSweep::is_needed(std::string id) {
  const bool named = co_await is_named_(std::move(id));
  if (!named) co_await wait_for_commits(database_);
  co_return named;
}

void BlobSweep::drain(SteadyTime deadline) {
  std::unique_lock lock(state_->mutex);
  state_->stopping = true;
  state_->ended.wait_until(lock, deadline, [this] { return !state_->running; });
}

}  // namespace cumulet
