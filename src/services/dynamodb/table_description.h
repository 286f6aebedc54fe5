#pragma once

#include <map>
#include <mutex>
#include <string>

#include "base/task.h"
#include "services/dynamodb/request.h"
#include "services/dynamodb/store.h"
#include "services/dynamodb/table.h"

namespace cumulet::dynamodb {

struct TableSize {
  std::int64_t items = 0;
  std::int64_t bytes = 0;
};

/// Counts items and bytes of tables and indexes, a few thousand rows a call: small tables are always counted to the
/// row, large ones show what the last full count gave, as DynamoDB's own figures lag by hours. Thread-safe.
class SizeCounter {
 public:
  explicit SizeCounter(Store& store) : store_(store) {}
  /// `index`: keys::kItems, or an index's number.
  Task<TableSize> count(TablePtr table, std::uint32_t index);

 private:
  struct Progress {
    std::string last;  ///< The row that was counted last; empty: begin anew.
    TableSize running;
    TableSize complete;
    bool ever_complete = false;
  };
  Store& store_;
  std::mutex mutex_;
  std::map<std::string, Progress> progress_;  ///< Of large tables only, by the rows' beginning.
};

/// The table in the form of the API. `status`: "ACTIVE" and so on.
shapes::TableDescription describe(const Table& table, const std::string& status, TableSize size,
                                  const std::map<std::uint32_t, TableSize>& index_sizes, Timestamp now);
std::string status_of(const Table& table);

}  // namespace cumulet::dynamodb
