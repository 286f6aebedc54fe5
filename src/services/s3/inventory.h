#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/loop.h"
#include "events/outbox.h"
#include "events/timetable.h"
#include "services/s3/inventory_report.h"
#include "services/s3/model.h"
#include "storage/database.h"
#include "wire/generated/s3.h"

namespace cumulet::s3 {

/// Writes inventory reports: daily at midnight (UTC), weekly at the one that begins a Sunday. A report is an event in
/// the outbox; after a crash it is written again, over what there was, so that a manifest always names whole files.
/// Objects that change while it is written may be in it as they were or as they are, as on AWS.
class Inventory final : public events::Target {
 public:
  /// The service part of the ARNs under which reports stand in the outbox.
  static constexpr std::string_view kService = "s3-inventory";

  /// Writes an object into the destination. `encryption` is what the configuration asks for, or "".
  using Write = std::function<Task<void>(const Bucket& destination, std::string key, std::string content_type,
                                         std::string bytes, std::string encryption)>;

  Inventory(storage::Database& database, const Clock& clock, events::Outbox& outbox, Write write);

  /// A configuration was put: its first report comes in its time.
  void begin(storage::Transaction& txn, const std::string& bucket,
             const wire::s3::InventoryConfiguration& configuration) const;
  Task<events::Outcome> deliver(const events::Event& event) override;

  void start(Loop& loop) { timetable_.start(loop); }
  void clock_moved() { timetable_.clock_moved(); }
  void drain(SteadyTime deadline) { timetable_.drain(deadline); }

 private:
  struct Job;
  class Rows;

  Task<void> fall_due(storage::Transaction& txn, Timestamp due, std::string id);
  Task<std::shared_ptr<Job>> find_job(storage::Transaction& txn, std::string bucket, std::string id);
  Task<void> write_report(std::shared_ptr<Job> job, std::int64_t made);
  Task<void> write_data(std::shared_ptr<Job> job, InventoryReport& report);

  storage::Database& database_;
  const Clock& clock_;
  events::Outbox& outbox_;
  const Write write_;
  events::Timetable timetable_;
};

}  // namespace cumulet::s3
