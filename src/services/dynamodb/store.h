#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/clock.h"
#include "base/task.h"
#include "events/outbox.h"
#include "services/dynamodb/capacity.h"
#include "services/dynamodb/stream.h"
#include "services/dynamodb/table.h"
#include "services/dynamodb/throttle.h"
#include "services/dynamodb/value.h"
#include "storage/database.h"

namespace cumulet::dynamodb {

using TablePtr = std::shared_ptr<const Table>;

/// An item and how large it counts.
struct StoredItem {
  StoredItem(Item i, std::size_t s) : item(std::move(i)), size(s) {}
  Item item;
  std::size_t size;
};

/// Tables and items as rows. Everything happens inside the caller's transaction; thread-safe.
class Store {
 public:
  /// `outbox` takes what goes to Kinesis data streams; null: nothing does. `sink`: of metrics, or null.
  Store(storage::Database& database, const Clock& clock, events::Outbox* outbox, events::MetricSink* sink)
      : database_(database), metrics_(sink), throttle_(metrics_), clock_(clock), outbox_(outbox) {}

  storage::Database& database() const { return database_; }
  Throttle& throttle() { return throttle_; }
  TableMetrics& metrics() { return metrics_; }
  /// Counts what a request has taken of a table, against its throughput and in its metrics.
  void charge(const Table& table, const Capacity& taken, Capacity::Kind kind, Timestamp now);

  const Clock& clock() const { return clock_; }

  /// Null when there is no such table, or its items are still on their way (a restore, an import). Read in the
  /// transaction, so that no write can outlive its table or miss an index; decoded again only when the row has changed.
  Task<TablePtr> find_table(storage::Transaction& transaction, std::string account, std::string region,
                            std::string name);
  /// The same, whatever its status.
  Task<TablePtr> find_any_table(storage::Transaction& transaction, std::string account, std::string region,
                                std::string name);
  void put_table(storage::Transaction& transaction, const Table& table) const;

  static std::string item_key(const Table& table, const Item& item);
  static std::string entry_key(const Table& table, const Index& index, const Item& item);

  static Task<std::optional<StoredItem>> get_item(storage::Transaction& transaction, std::string key);

  /// Replaces an item (either may be missing) and every index entry that depends on it, tells the table's stream, and
  /// counts the write units. `before` must be what the store holds.
  void write(storage::Transaction& transaction, const Table& table, const std::string& key, const StoredItem* before,
             const StoredItem* after, Capacity& capacity, bool transactional = false,
             ChangeOrigin origin = ChangeOrigin::kRequest) const;
  /// The same when nobody needs to know what was there before, and the table does not either: it is not read then.
  static void write_blindly(storage::Transaction& transaction, const std::string& key, const StoredItem& after,
                            Capacity& capacity);
  static bool may_write_blindly(const Table& table);
  /// Writes the entry of an item that is not in the index yet: for backfills.
  static void write_entry(storage::Transaction& transaction, const Table& table, const Index& index, const Item& item);
  /// The same for the rows that say when items expire.
  static void write_expiry(storage::Transaction& transaction, const Table& table, const Item& item);

 private:
  struct Known {
    std::string row;
    TablePtr table;
  };
  storage::Database& database_;
  TableMetrics metrics_;
  Throttle throttle_;
  const Clock& clock_;
  events::Outbox* outbox_;
  std::mutex mutex_;
  std::unordered_map<std::string, Known> known_;  ///< By the row's key.
};

/// When the item expires, in seconds since 1970; nothing when the table has no time to live or the item does not say.
std::optional<std::uint64_t> expiry_of(const Table& table, const Item& item);

/// Fails with ValidationException when the item has an index's key attribute of the wrong type, or empty, or too long.
Result<void> check_index_keys(const Table& table, const Item& item);

}  // namespace cumulet::dynamodb
