#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/loop.h"
#include "storage/database.h"

/// Things that fall due, durable and in order of time: however many wait, one timer runs, and nothing while nothing is
/// due. After a stop, what fell due meanwhile is due at once.
namespace cumulet::events {

class Timetable {
 public:
  /// What happens at `due`. It runs in the transaction that takes the entry out, and may put another. It must not fail
  /// on what it cannot read: the entries behind would wait for ever.
  using OnDue = std::function<Task<void>(storage::Transaction& transaction, Timestamp due, std::string id)>;

  /// `name` keeps one table's entries apart from another's.
  Timetable(storage::Database& database, const Clock& clock, std::string name, OnDue on_due);
  ~Timetable();

  /// In the caller's transaction. Any thread.
  void put(storage::Transaction& transaction, Timestamp due, std::string_view id) const;
  void erase(storage::Transaction& transaction, Timestamp due, std::string_view id) const;

  void start(Loop& loop);           ///< Any thread.
  void clock_moved();               ///< Any thread.
  void drain(SteadyTime deadline);  ///< Nothing becomes due any more. Blocks; not on a loop.

 private:
  class Runner;
  std::string name_;
  std::shared_ptr<Runner> runner_;
};

}  // namespace cumulet::events
