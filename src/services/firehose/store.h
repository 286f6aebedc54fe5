#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "storage/database.h"

namespace cumulet::firehose {

/// The place of a record in its delivery stream's buffer: the microsecond of its arrival, or the next free one.
using Position = std::uint64_t;

/// A delivery stream as it is stored.
struct DeliveryStream {
  std::string account;
  std::string region;
  std::string name;
  std::string id;             ///< Its own through all streams that ever had the name.
  std::uint64_t version = 1;  ///< Counts the changes of its destination.
  Timestamp created;
  Timestamp updated;
  std::string source_stream;  ///< ARN of the Kinesis stream; empty for direct puts.
  std::string source_role;
  std::string destination;  ///< JSON: an ExtendedS3DestinationDescription.
  std::map<std::string, std::string> tags;

  std::string arn() const;
};

/// A record in the buffer.
struct BufferedRecord {
  BufferedRecord(Position a, std::string d) : at(a), data(std::move(d)) {}
  Position at;
  std::string data;
};

/// An object whose name and content are decided, and which may or may not have been put yet.
struct Delivery {
  std::string key;
  Position end = 0;  ///< It has all records that are buffered before this.
  std::string bucket;
  bool zipped = false;
  std::string failed_key;  ///< For the records that a function fails; empty: none is asked.
};

/// The keys. Layout, all below ("firehose"):
///   ("t", account, region, name)   delivery stream
///   ("b", id, position)            buffered record
///   ("m", id)                      how far the buffer was delivered
///   ("o", id)                      the object that is being delivered
///   ("k", id, shard)               the last record taken from that shard of the source
class Store {
 public:
  static Task<std::optional<DeliveryStream>> find(storage::Transaction& txn, std::string account, std::string region,
                                                  std::string name);
  static void put(storage::Transaction& txn, const DeliveryStream& stream);
  static Task<void> erase(storage::Transaction& txn, const DeliveryStream& stream);
  static Task<std::vector<DeliveryStream>> list(storage::Transaction& txn, std::string account, std::string region,
                                                std::string after, std::size_t limit);
  /// Of all accounts; at most `limit`.
  static Task<std::vector<DeliveryStream>> list_all(storage::Transaction& txn, std::size_t limit);

  static std::string record_key(const std::string& id, Position position);
  static storage::KeyRange records(const std::string& id, Position begin, Position end);
  /// The position in a record's key.
  static Position position_of(const std::string& id, const std::string& key);

  static Task<Position> delivered(storage::Transaction& txn, std::string id);
  static Task<std::optional<Delivery>> delivery(storage::Transaction& txn, std::string id);
  static void begin_delivery(storage::Transaction& txn, const std::string& id, const Delivery& delivery);
  static void end_delivery(storage::Transaction& txn, const std::string& id, const Delivery& delivery);

  static Task<std::optional<std::string>> checkpoint(storage::Transaction& txn, std::string id, std::string shard);
  static void put_checkpoint(storage::Transaction& txn, const std::string& id, const std::string& shard,
                             const std::string& sequence_number);
};

}  // namespace cumulet::firehose
