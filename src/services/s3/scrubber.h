#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "base/clock.h"
#include "base/loop.h"
#include "events/timetable.h"
#include "services/s3/sealing.h"
#include "services/s3/verify.h"
#include "storage/blob_store.h"
#include "storage/database.h"

namespace cumulet::s3 {

/// Looks for silent corruption: once a week, by the clock, one pass over everything that is stored, slow enough to be
/// in nobody's way (16 MiB/s at most), and whenever `cumulet s3 verify` asks for one. What it finds goes into the log
/// and into the metrics cumulet_s3_damaged_objects (of the last pass), cumulet_s3_scrubbed_objects_total,
/// cumulet_s3_scrubbed_bytes_total and cumulet_s3_scrubs_total. A pass that a stop cuts short is not gone on with: the
/// next one comes in its time.
class Scrubber {
 public:
  Scrubber(storage::Database& database, storage::BlobStore& blobs, const Clock& clock, const SealingKey& sealing);

  void start(Loop& loop);
  void clock_moved() { timetable_.clock_moved(); }
  /// Ends a pass that is going on. Blocks; not on a loop.
  void drain(SteadyTime deadline);

  /// A pass now, at full speed, for somebody who waits: `report` is told too, and the pass ends when `wanted` says so.
  /// Nullopt when it was not gone on with. On the calling thread's loop.
  Task<std::optional<Verifier::Result>> verify(Verifier::Report report, std::function<bool()> wanted);

 private:
  struct State;
  /// How a pass is made.
  struct Manner;

  Task<void> fall_due(storage::Transaction& txn);
  Task<void> plan();
  void begin();
  Task<void> pass(std::shared_ptr<State> state);
  Task<std::optional<Verifier::Result>> pass(const Manner& manner);

  storage::Database& database_;
  storage::BlobStore& blobs_;
  const Clock& clock_;
  const SealingKey& sealing_;
  std::shared_ptr<State> state_;
  events::Timetable timetable_;
};

}  // namespace cumulet::s3
