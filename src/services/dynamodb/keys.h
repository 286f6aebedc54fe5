#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "storage/database.h"

/// The rows of this service. README.md has the layout.
namespace cumulet::dynamodb::keys {

/// The number that an item's own row has in place of an index's.
constexpr std::uint32_t kItems = 0;
/// The number of the rows that say when items expire (time to live).
constexpr std::uint32_t kExpiry = 0xffffffff;
/// The number of the rows that say how large item collections are.
constexpr std::uint32_t kCollections = 0xfffffffe;

/// A table's description.
std::string table_row(std::string_view account, std::string_view region, std::string_view name);
/// What the descriptions of all tables of a region begin with.
std::string table_rows(std::string_view account, std::string_view region);
/// What all rows of a table's items and index entries begin with.
std::string rows_prefix(std::string_view account, std::string_view region, std::uint64_t table);
/// What the rows of the items (kItems) or of one index's entries begin with.
std::string rows_of(std::string_view rows_prefix, std::uint32_t index);
/// The answer to a ClientRequestToken.
std::string token_row(std::string_view account, std::string_view region, std::string_view token);
/// The same in the order in which tokens expire (microseconds), of all accounts and regions.
std::string token_expiry_row(std::int64_t expires, std::string_view account, std::string_view region,
                             std::string_view token);
/// Those that expire before then.
storage::KeyRange tokens_expiring_before(std::int64_t time);
/// The token's row that an expiry row belongs to; empty when the bytes are none.
std::string token_row_of(std::string_view expiry_row);

/// The row that says when an item expires: seconds since 1970, then the item's key.
std::string expiry_row(std::string_view rows_prefix, std::uint64_t seconds, std::string_view item_key);
/// Those between the two seconds, both included.
storage::KeyRange expiring_between(std::string_view rows_prefix, std::uint64_t first, std::uint64_t last);

/// The row that says how large an item collection is.
std::string collection_row(std::string_view rows_prefix, std::string_view partition_key);

/// The description of a table's stream, and what those of a table's or a region's begin with.
std::string stream_row(std::string_view account, std::string_view region, std::string_view table,
                       std::string_view label);
std::string stream_rows(std::string_view account, std::string_view region);
std::string stream_rows(std::string_view account, std::string_view region, std::string_view table);
/// What all rows of a shard begin with, and those of all shards of all streams.
std::string shard_rows(std::string_view account, std::string_view region, std::uint64_t stream, std::string_view shard);
std::string all_shard_rows();
/// A shard's logs: one row that is written when it begins, one when it is closed, and the records between.
enum class ShardPart : std::uint64_t { kBegin = 0, kRecords = 1, kEnd = 2 };
std::string shard_part(std::string_view shard_rows, ShardPart part);
/// The log of a table's changes, for recovery to a point in time and for consistent copies.
std::string change_log(std::string_view account, std::string_view region, std::uint64_t table);

/// A backup's description, and what those of a table's or a region's begin with.
std::string backup_row(std::string_view account, std::string_view region, std::string_view table, std::string_view id);
std::string backup_rows(std::string_view account, std::string_view region);
std::string backup_rows(std::string_view account, std::string_view region, std::string_view table);

/// An export's or import's description (`kind` says which), what those of a table's or a region's begin with, and which
/// one a client token belongs to.
std::string transfer_row(std::string_view account, std::string_view region, std::string_view kind,
                         std::string_view table, std::string_view id);
std::string transfer_rows(std::string_view account, std::string_view region, std::string_view kind);
std::string transfer_rows(std::string_view account, std::string_view region, std::string_view kind,
                          std::string_view table);
std::string transfer_token_row(std::string_view account, std::string_view region, std::string_view kind,
                               std::string_view token);

/// Work that outlives the request that began it, of all accounts and regions.
enum class Job : std::uint64_t {
  kPurge = 1,
  kBackfill = 2,
  kExpire = 3,
  kStream = 4,
  kCopy = 5,
  kChanges = 6,
  kExpireBackup = 7,
  kExport = 8,
  kImport = 9
};
std::string job_row(std::string_view account, std::string_view region, Job job, std::uint64_t table,
                    std::uint32_t index);
std::string job_rows();

struct JobKey {
  std::string account;
  std::string region;
  Job job = Job::kPurge;
  std::uint64_t table = 0;
  std::uint32_t index = 0;
};
/// False when the bytes are no job's key.
bool parse_job(std::string_view bytes, JobKey& key);

}  // namespace cumulet::dynamodb::keys
