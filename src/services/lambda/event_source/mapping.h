#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "events/stream_source.h"
#include "storage/database.h"
#include "wire/generated/lambda.h"

/// Event source mappings as they lie in the store, with how far each has come.
namespace cumulet::lambda {

enum class SourceKind { kQueue, kKinesis, kDynamoDb };

/// What kind of source an ARN names; nullopt when functions cannot be started from there.
std::optional<SourceKind> source_kind(const std::string& arn);
bool is_fifo_queue(const std::string& arn);

struct MappingRow {
  MappingRow() = default;
  std::string account;
  std::string region;
  wire::lambda::EventSourceMappingConfiguration configuration;  ///< Without LastProcessingResult.
  bool enabled = true;                                          ///< What the user asked for.
  std::uint64_t version = 1;                                    ///< Counts the user's changes.
  std::map<std::string, std::string> tags;

  const std::string& uuid() const { return *configuration.uuid; }
  const std::string& source() const { return *configuration.event_source_arn; }
  const std::string& function() const { return *configuration.function_arn; }
};

/// What one of a shard's parallel lanes has done.
struct LaneCheckpoint {
  LaneCheckpoint() = default;
  std::optional<std::string> done;  ///< Sequence number up to which the lane's records are done.
  std::optional<Timestamp> window;  ///< Start of the open tumbling window.
  std::string state;                ///< What the function gave for that window: JSON.
  std::string failed_at;            ///< First record of the batch that is tried again; empty when none is.
  std::uint32_t failed = 0;         ///< How often the function failed on that batch.
};

/// How far a mapping has come in one shard.
struct ShardCheckpoint {
  ShardCheckpoint() = default;
  bool finished = false;              ///< The shard is closed, and everything in it is done.
  events::StreamPosition position;    ///< Everything before it is done.
  std::vector<LaneCheckpoint> lanes;  ///< What was done beyond it, by lane.
};

/// Keys, all below ("lambda-source"):
///   ("m", account, region, uuid)    mapping
///   ("i", source ARN, function ARN) uuid of the mapping between them
///   ("r", uuid)                     its last processing result
///   ("c", uuid, shard)              checkpoint
std::string mappings_prefix();
std::string mapping_key(const std::string& account, const std::string& region, const std::string& uuid);
std::string mapping_id(std::string_view key);  ///< The UUID in a mapping's key.

Task<std::optional<MappingRow>> find_mapping(storage::Transaction& txn, std::string account, std::string region,
                                             std::string uuid);
std::optional<MappingRow> decode_mapping(std::string_view bytes);
void put_mapping(storage::Transaction& txn, const MappingRow& row);
/// With its index entry, its result and its checkpoints.
Task<void> erase_mapping(storage::Transaction& txn, MappingRow row);
/// In order of their ids, after `after`.
Task<std::vector<MappingRow>> list_mappings(storage::Transaction& txn, std::string account, std::string region,
                                            std::string after, std::size_t limit);
Task<std::optional<std::string>> find_mapping_between(storage::Transaction& txn, std::string source,
                                                      std::string function);
void put_mapping_between(storage::Transaction& txn, const MappingRow& row);
void erase_mapping_between(storage::Transaction& txn, const MappingRow& row);

Task<std::optional<std::string>> find_result(storage::Transaction& txn, std::string uuid);
void put_result(storage::Transaction& txn, const std::string& uuid, const std::string& result);

Task<std::map<std::string, ShardCheckpoint>> list_checkpoints(storage::Transaction& txn, std::string uuid);
void put_checkpoint(storage::Transaction& txn, const std::string& uuid, const std::string& shard,
                    const ShardCheckpoint& checkpoint);
void erase_checkpoint(storage::Transaction& txn, const std::string& uuid, const std::string& shard);

}  // namespace cumulet::lambda
