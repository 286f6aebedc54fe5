#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/loop.h"
#include "events/outbox.h"
#include "events/timetable.h"
#include "services/s3/content.h"
#include "services/s3/lifecycle_rules.h"
#include "services/s3/notifications.h"
#include "services/s3/store.h"
#include "services/s3/versions.h"
#include "storage/database.h"

namespace cumulet::s3 {

/// Does what lifecycle rules say: at every midnight (UTC) it goes through each bucket that has any, and once when the
/// rules are put. A pass is an event in the outbox: it goes on in small transactions, each of which removes objects and
/// tells of it, and remembers between deliveries how far it came. After a crash it goes on from there, and what is done
/// twice changes nothing.
class Lifecycle final : public events::Target {
 public:
  /// The service part of the ARNs under which passes stand in the outbox.
  static constexpr std::string_view kService = "s3-lifecycle";

  Lifecycle(storage::Database& database, const Clock& clock, events::Outbox& outbox, BlobPins& pins,
            const Notifications& notifications);

  /// The bucket has new rules: a pass now, and one at each midnight to come.
  void begin(storage::Transaction& txn, const Bucket& bucket) const;
  Task<events::Outcome> deliver(const events::Event& event) override;

  void start(Loop& loop) { timetable_.start(loop); }
  void clock_moved() { timetable_.clock_moved(); }
  void drain(SteadyTime deadline) { timetable_.drain(deadline); }

 private:
  /// How far a pass has come: objects by key, and the versions of one key, then uploads.
  struct Place {
    Place() = default;
    bool uploads = false;
    std::string key;  ///< Done, or, with `order`, being done.
    std::string upload;
    std::uint64_t order = 0;  ///< Of the last noncurrent version that was looked at.
    std::int64_t newer = 0;   ///< Noncurrent versions of the key so far.
    std::int64_t since = 0;   ///< When the last one that was looked at was made.
    bool end = false;
  };
  struct Batch {
    Batch() = default;
    Place place;
    std::size_t rows = 0;
    std::vector<std::string> blobs;  ///< That no row names any more.
  };
  class Pass;

  Task<void> fall_due(storage::Transaction& txn, std::string bucket);
  void record(storage::Transaction& txn, const Bucket& bucket) const;
  Task<Batch> run_batch(storage::Transaction& txn, std::string bucket, Place place);

  static Place place_of(const events::Event& event);
  static std::map<std::string, std::string> notes_of(const Place& place);

  storage::Database& database_;
  const Clock& clock_;
  events::Outbox& outbox_;
  BlobPins& pins_;
  const Notifications& notifications_;
  events::Timetable timetable_;
};

}  // namespace cumulet::s3
