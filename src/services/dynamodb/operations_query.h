#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/task.h"
#include "services/dynamodb/operations_items.h"
#include "services/dynamodb/request.h"
#include "services/dynamodb/store.h"
#include "wire/call.h"

namespace cumulet::dynamodb {

/// Which rows a Query or Scan reads, and what it shows of them.
struct ReadPlan {
  ReadPlan() : range("", "") {}
  TablePtr table;
  const Index* index = nullptr;  ///< Of `table`; null: the table itself.
  storage::KeyRange range;
  bool reverse = false;
  std::optional<std::size_t> limit;
  bool consistent = false;
  const Condition* filter = nullptr;
  const std::optional<Projection>* projection = nullptr;
  bool count_only = false;
  bool fetch_items = false;  ///< Of a local index: take all attributes from the table.
};

/// One page.
struct Page {
  Page() = default;
  std::vector<Item> items;
  std::size_t count = 0;
  std::size_t scanned = 0;
  std::size_t bytes = 0;  ///< Of what was scanned, as it is stored.
  std::optional<Item> last_key;
  Capacity capacity;
};

/// Which index, and whether it may be read so.
Result<const Index*> index_for(const Table& table, const std::optional<std::string>& name, bool consistent);
/// Select, against what else the request says; decides what the page shows.
Result<void> choose_attributes(ReadPlan& plan, const std::optional<std::string>& select,
                               const std::vector<std::string>& named, bool by_expression);

/// Query and Scan. A page ends after 1 MB of items as they are stored, or after Limit items, before the filter.
class QueryOperations {
 public:
  explicit QueryOperations(Store& store) : store_(store) {}

  Task<shapes::QueryOutput> query(wire::Call& call, shapes::QueryInput& input);
  Task<shapes::ScanOutput> scan(wire::Call& call, shapes::ScanInput& input);
  static Task<Page> read(storage::Transaction& transaction, const ReadPlan& plan);

 private:
  /// Counts and shows a row's item, when the filter lets it pass.
  static void take(const ReadPlan& plan, const std::vector<std::string_view>& looked_at, const std::string& row,
                   Page& page);
  /// The same with the table's item in place of the index's entry.
  static Task<void> take_fetched(storage::Transaction& transaction, const ReadPlan& plan, const std::string& row,
                                 Page& page);

  Store& store_;
};

}  // namespace cumulet::dynamodb
