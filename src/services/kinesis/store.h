#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "services/kinesis/model.h"
#include "storage/database.h"

namespace cumulet::kinesis {

/// The keys. Layout, all below ("kinesis"):
///   ("t", account, region, name)       stream row, without its shards
///   ("s", id)                          its shards
///   ("x", id)                          tags and policy
///   ("c", id, consumer)                consumer row
///   ("r", id, shard, position)         record: partition key, data
///   ("d", id)                          job: a deleted stream's records are to be erased
/// Every function works inside the caller's transaction.
class Store {
 public:
  /// Null when there is none. Costs one small read while the stream does not change.
  Task<StreamPtr> find(storage::Transaction& txn, std::string account, std::string region, std::string name);
  /// Writes a stream that is new or was changed.
  void put(storage::Transaction& txn, Stream stream) const;
  /// Erases all of a stream but its consumers, and leaves the job that erases its records.
  void erase(storage::Transaction& txn, const Stream& stream) const;
  /// Streams of an account and region whose names come after `after`; without their shards.
  Task<std::vector<Stream>> list(storage::Transaction& txn, std::string account, std::string region, std::string after,
                                 std::size_t limit) const;
  /// Streams of all accounts and regions that come after one (null: from the first); without their shards.
  Task<std::vector<Stream>> list_all(storage::Transaction& txn, const Stream* after, std::size_t limit) const;

  Task<StreamExtras> extras(storage::Transaction& txn, std::string id) const;
  void put_extras(storage::Transaction& txn, const std::string& id, const StreamExtras& extras) const;

  Task<std::optional<Consumer>> find_consumer(storage::Transaction& txn, std::string id, std::string name) const;
  void put_consumer(storage::Transaction& txn, const std::string& id, const Consumer& consumer) const;
  void erase_consumer(storage::Transaction& txn, const std::string& id, const Consumer& consumer) const;
  Task<std::vector<Consumer>> list_consumers(storage::Transaction& txn, std::string id, std::string after,
                                             std::size_t limit) const;

  static std::string record_key(const std::string& id, std::uint32_t shard, Position position);
  static std::string record_value(std::string_view partition_key, std::string_view data);
  /// Records from `from` on. A page that is shorter than both limits has reached the end.
  struct Page {
    std::vector<StoredRecord> records;
    bool at_end = false;
  };
  Task<Page> read(storage::Transaction& txn, std::string id, std::uint32_t shard, Position from, std::size_t limit,
                  std::size_t bytes) const;
  /// The position of a shard's last record; 0 without one.
  Task<Position> last_position(storage::Transaction& txn, std::string id, std::uint32_t shard) const;
  static storage::KeyRange records_before(const std::string& id, std::uint32_t shard, Position position);
  static storage::KeyRange records_of(const std::string& id);

  /// The ids of deleted streams whose records are to be erased.
  Task<std::vector<std::string>> list_erasures(storage::Transaction& txn, std::size_t limit) const;
  void erasure_done(storage::Transaction& txn, const std::string& id) const;

 private:
  struct Cached {
    std::string row;
    StreamPtr stream;
  };
  std::mutex mutex_;
  std::unordered_map<std::string, Cached> cache_;
};

}  // namespace cumulet::kinesis
