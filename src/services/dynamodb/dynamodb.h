#pragma once

#include <memory>

#include "base/clock.h"
#include "base/loop.h"
#include "base/task.h"
#include "storage/database.h"
#include "wire/service.h"

namespace cumulet::dynamodb {

/// The table service. Everything it knows stands in the database; README.md tells how.
class DynamoDb {
 public:
  DynamoDb(storage::Database& database, const Clock& clock);
  ~DynamoDb();

  const wire::Service& service() const;

  /// Begins the work behind the replies (filling indexes, deleting tables' rows, expiring items) on that loop, first
  /// with what an earlier run left.
  void start(Loop& loop);
  /// Ends it. Blocks, at the latest until the deadline; not on a loop.
  void stop(SteadyTime deadline);
  /// Does all of that work that is due now: for tests.
  Task<void> settle();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace cumulet::dynamodb
