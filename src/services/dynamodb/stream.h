#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "services/dynamodb/table.h"
#include "storage/database.h"
#include "storage/log.h"

/// A table's stream: the log of what its writes changed, in shards. A shard takes the changes of a range of places (the
/// hash of the hash key, as in key_schema.h), so that all changes of one item stay in one lineage of shards, in order.
namespace cumulet::dynamodb {

constexpr std::chrono::hours kStreamRetention{24};
/// As long as a shard of DynamoDB's takes records at most.
constexpr std::chrono::hours kShardLife{4};

/// One shard, open or closed. Its rows: keys::shard_rows, and there by part.
struct Shard {
  Shard() = default;
  std::string id;      ///< "shardId-<milliseconds>-<hex>": in the order of creation.
  std::string parent;  ///< Empty: none, or long gone.
  std::uint32_t first_place = 0;
  std::uint32_t last_place = 0xffffffff;
  Timestamp opened{};
  std::optional<Timestamp> closed;
  std::string trimmed;  ///< The place of the last record that was trimmed away; empty: none was.
};

/// A stream as its row describes it. It outlives its table.
struct Stream {
  Stream() = default;
  std::string account;
  std::string region;
  std::string table;
  std::string label;
  std::uint64_t number = 0;
  std::uint64_t table_number = 0;
  std::string view;
  KeySchema keys;
  Timestamp created{};
  std::optional<Timestamp> disabled;
  std::vector<Shard> shards;  ///< In the order of their ids.

  std::string arn() const;
  const Shard* find_shard(std::string_view id) const;
  std::string row_key() const;
  std::string shard_rows(const std::string& shard) const;
  /// Where the records of a shard are.
  std::string log(const std::string& shard) const;

  std::string encode() const;
  static Result<Stream> decode(std::string account, std::string region, std::string table, std::string label,
                               std::string_view row);
};

/// The parts of a stream's ARN.
struct StreamName {
  StreamName() = default;
  std::string account;
  std::string region;
  std::string table;
  std::string label;
};
std::optional<StreamName> parse_stream_arn(std::string_view arn);

/// A shard that begins now.
Shard new_shard(Timestamp now, std::uint32_t first_place, std::uint32_t last_place, std::string parent);

/// Sequence numbers are places in logs as decimal text: 21 digits, so that their order is that of the text.
std::string sequence_number(std::string_view place);
/// Nothing when the text is none of ours.
std::optional<std::string> place_of(std::string_view sequence_number);

/// What one write changed, as it stands in the log.
struct Change {
  enum class Kind : std::uint8_t { kInsert = 0, kModify = 1, kRemove = 2 };
  Change() = default;
  std::string place;  ///< Not in the row: its key has it.
  Kind kind = Kind::kInsert;
  bool expired = false;  ///< Time to live did it.
  Timestamp time{};
  Item keys;
  std::optional<Item> before;  ///< As far as the view shows it.
  std::optional<Item> after;
  std::size_t size = 0;

  /// The same for all who read the record, again and again.
  std::string event_id(const Stream& stream) const;
  static Result<Change> decode(std::string place, std::string_view row);
};
std::string_view event_name(Change::Kind kind);
/// Whether an item changed at all, and what happened to it then.
bool differs(const Item* before, const Item* after);
Change::Kind kind_of_change(const Item* before, const Item* after);

/// Who changes an item.
enum class ChangeOrigin : std::uint8_t { kRequest, kTimeToLive };

/// Writes the record of a change in the transaction that makes it; nothing when nothing changed. The table has a
/// stream.
void append_change(storage::Transaction& transaction, const Table& table, const std::string& key, const Item* before,
                   const Item* after, ChangeOrigin origin, Timestamp now);

}  // namespace cumulet::dynamodb
