#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "services/dynamodb/key_schema.h"
#include "storage/row.h"

namespace cumulet::dynamodb {

/// Provisioned capacity; zeros for on-demand.
struct Throughput {
  std::int64_t read = 0;
  std::int64_t write = 0;
  Timestamp last_increase{};
  Timestamp last_decrease{};
  std::int64_t decreases = 0;  ///< On the day (UTC) of the last one.

  std::int64_t decreases_on(Timestamp day) const;
};

/// The rate that a table or index is to be ready for at once. Every rate is served here; it is kept and shown.
struct Warmth {
  std::int64_t reads = 0;  ///< 0: nothing was said.
  std::int64_t writes = 0;
};

enum class IndexStatus : std::uint8_t { kCreating = 0, kActive = 1 };
enum class ProjectionType : std::uint8_t { kAll = 0, kKeysOnly = 1, kInclude = 2 };

/// A global or local secondary index. Its entries are rows of their own, written in the transaction that writes the
/// item.
struct Index {
  std::uint32_t number = 0;  ///< Of its rows; never used again within the table.
  std::string name;
  bool global = true;
  KeySchema keys;
  ProjectionType projection = ProjectionType::kAll;
  std::vector<std::string> non_key_attributes;
  IndexStatus status = IndexStatus::kActive;
  Throughput throughput;
  std::optional<std::int64_t> max_reads;  ///< OnDemandThroughput.
  std::optional<std::int64_t> max_writes;
  Warmth warmth;
};

struct TimeToLive {
  bool enabled = false;
  std::string attribute;
};

/// A shard of a table's stream that takes the changes of the places from `first_place` to the next shard's.
struct OpenShard {
  std::string id;
  std::uint32_t first_place = 0;
  std::string log;  ///< What the keys of its records begin with.
};

/// What a write must know of the table's stream (stream.h has the rest). After it was disabled, the label stays.
struct StreamSettings {
  bool enabled = false;
  std::uint64_t number = 0;
  std::string view;
  std::string label;
  std::vector<OpenShard> shards;  ///< By place; never empty when enabled.

  const OpenShard& shard_for(std::uint32_t place) const;
};

/// Continuous backups: from `since` on, every change's old image is kept for so many days.
struct Recovery {
  bool enabled = false;
  std::int64_t days = 35;
  Timestamp since{};
  std::uint64_t copies = 0;  ///< Copies under way that need the log of changes too.
  std::string log;           ///< What the log's keys begin with.

  bool logs() const { return enabled || copies > 0; }
};

/// A Kinesis data stream that gets, or got, the table's changes.
struct KinesisDestination {
  enum class Status : std::uint8_t { kDisabled = 0, kActive = 1, kFailed = 2 };
  std::string stream_arn;
  Status status = Status::kDisabled;
  bool microseconds = false;  ///< The precision of its records' times.
};

enum class TableStatus : std::uint8_t { kActive = 0, kCreating = 1 };

/// A table, as its row in the store describes it. Immutable once read.
struct Table {
  std::string account;
  std::string region;
  std::string name;
  std::uint64_t number = 0;  ///< Of its rows.
  std::string rows;          ///< What the keys of all its rows begin with.
  std::string id;            ///< UUID: TableId.
  Timestamp created{};
  std::map<std::string, Type> attributes;  ///< AttributeDefinitions.
  std::vector<std::string> attribute_order;
  KeySchema keys;
  std::vector<Index> indexes;
  std::uint32_t next_index = 1;
  bool on_demand = true;
  std::optional<Timestamp> on_demand_since;
  Throughput throughput;
  std::optional<std::int64_t> max_reads;  ///< OnDemandThroughput.
  std::optional<std::int64_t> max_writes;
  Warmth warmth;
  std::string table_class;  ///< Empty: never said.
  bool deletion_protection = false;
  std::string encryption;  ///< "KMS" when asked for; the key's ARN beside it.
  std::string encryption_key;
  TimeToLive time_to_live;
  std::map<std::string, std::string> tags;
  StreamSettings stream;
  Recovery recovery;
  TableStatus status = TableStatus::kActive;  ///< kCreating: its items are on their way, nobody may see them.
  std::string policy;                         ///< The resource policy; empty: none.
  std::string policy_revision;
  std::string stream_policy;  ///< Of the latest stream.
  std::string stream_policy_revision;
  std::string restored_from;  ///< The ARN of the backup or the table that it was made of.
  std::string restored_table;
  Timestamp restored_to{};
  std::vector<KinesisDestination> kinesis;

  std::string arn() const;
  std::string stream_arn() const { return arn() + "/stream/" + stream.label; }
  /// Writes must tell what they changed.
  bool tells_changes() const { return stream.enabled || recovery.logs() || !kinesis.empty(); }
  /// Null: none is active.
  const KinesisDestination* kinesis_destination() const;
  std::string index_arn(const Index& index) const { return arn() + "/index/" + index.name; }
  const Index* find_index(std::string_view index_name) const;
  Index* find_index(std::string_view index_name);

  std::string encode() const;
  /// Fails with InternalFailure on a damaged row.
  static Result<Table> decode(std::string account, std::string region, std::string name, std::string_view row);
};

/// A number for a table's rows: 64 random bits, so that no counter makes the creation of tables wait for one another.
std::uint64_t new_table_number();
/// Definitions that no key uses any more go with the index that used them.
void drop_unused_definitions(Table& table);

void write_key_schema(storage::RowWriter& row, const KeySchema& keys);
KeySchema read_key_schema(storage::RowReader& row);

/// Whether the item stands in the index: it has all of the index's key attributes, of the right types.
bool belongs_in(const Index& index, const Item& item);
/// What the index's entry shows of an item.
Item entry_of(const Table& table, const Index& index, const Item& item);

}  // namespace cumulet::dynamodb
