#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/body.h"
#include "base/clock.h"
#include "base/deferred.h"
#include "services/firehose/store.h"
#include "storage/database.h"

namespace cumulet::firehose {

/// The records of one delivery stream that are not delivered yet. They lie in the store; here is what to know of them
/// in order to decide what to do. Any thread.
class Buffer {
 public:
  Buffer(storage::Database& database, const Clock& clock, std::string id)
      : database_(database), clock_(clock), id_(std::move(id)) {}

  /// Learns what an earlier run left. Before all that follows.
  Task<void> open();

  /// Adds records, with what `also` writes in the same transaction.
  Task<void> append(std::vector<std::string_view> records, std::function<void(storage::Transaction&)> also);

  struct Level {
    std::size_t bytes = 0;
    Timestamp since;  ///< When the oldest record came.
  };
  Level level();

  /// Where an object of up to about `bytes` would end.
  Task<Position> cut(std::size_t bytes);
  /// The records before `end`, one behind the other, read as they are asked for.
  std::shared_ptr<BodySource> body(Position end);
  /// The first records from `begin` on (0: from where the buffer begins) and before `end`, about so many bytes of them,
  /// but at least one.
  Task<std::vector<BufferedRecord>> records(Position begin, Position end, std::size_t bytes);
  /// Those are delivered.
  Task<void> delivered(Delivery delivery);

  /// Ends when something was added to an empty buffer, when it has reached `bytes`, when `wake` was called, or at the
  /// deadline.
  Task<void> wait(std::size_t bytes, SteadyTime deadline);
  void wake();

 private:
  storage::Database& database_;
  const Clock& clock_;
  const std::string id_;
  std::mutex mutex_;
  bool open_ = false;
  bool woken_ = false;
  Position begin_ = 0;  ///< What comes before is delivered.
  Position last_ = 0;
  Position first_ = 0;  ///< The oldest record's.
  std::size_t bytes_ = 0;
  std::size_t wake_at_ = 0;  ///< For who waits.
  std::optional<Deferred<bool>> waiting_;
};

}  // namespace cumulet::firehose
