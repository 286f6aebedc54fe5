#include "services/dynamodb/keys.h"

#include <optional>
#include <utility>

#include "storage/key.h"

namespace cumulet::dynamodb::keys {
namespace {

using storage::Key;

constexpr std::string_view kSpace = "ddb";
constexpr std::string_view kJobs = "ddb-jobs";
constexpr std::string_view kTokens = "ddb-tokens";
constexpr std::string_view kShards = "ddb-shards";
constexpr std::string_view kChanges = "ddb-changes";

}  // namespace

std::string table_row(std::string_view account, std::string_view region, std::string_view name) {
  return Key(kSpace).text(account).text(region).text("table").text(name).bytes();
}

std::string table_rows(std::string_view account, std::string_view region) {
  return Key(kSpace).text(account).text(region).text("table").bytes();
}

std::string rows_prefix(std::string_view account, std::string_view region, std::uint64_t table) {
  return Key(kSpace).text(account).text(region).text("rows").number(table).bytes();
}

std::string rows_of(std::string_view rows_prefix, std::uint32_t index) {
  std::string key;
  key.reserve(rows_prefix.size() + 64);
  key += rows_prefix;
  for (int shift = 24; shift >= 0; shift -= 8) key += static_cast<char>(index >> shift);
  return key;
}

std::string expiry_row(std::string_view rows_prefix, std::uint64_t seconds, std::string_view item_key) {
  std::string key = rows_of(rows_prefix, kExpiry);
  for (int shift = 56; shift >= 0; shift -= 8) key += static_cast<char>(seconds >> shift);
  return key.append(item_key);
}

std::string collection_row(std::string_view rows_prefix, std::string_view partition_key) {
  return rows_of(rows_prefix, kCollections).append(partition_key);
}

storage::KeyRange expiring_between(std::string_view rows_prefix, std::uint64_t first, std::uint64_t last) {
  return storage::KeyRange(expiry_row(rows_prefix, first, {}), expiry_row(rows_prefix, last + 1, {}));
}

std::string token_row(std::string_view account, std::string_view region, std::string_view token) {
  return Key(kSpace).text(account).text(region).text("token").text(token).bytes();
}

std::string token_expiry_row(std::int64_t expires, std::string_view account, std::string_view region,
                             std::string_view token) {
  return Key(kTokens).signed_number(expires).text(account).text(region).text(token).bytes();
}

storage::KeyRange tokens_expiring_before(std::int64_t time) {
  return storage::KeyRange(Key(kTokens).bytes(), Key(kTokens).signed_number(time).bytes());
}

std::string token_row_of(std::string_view expiry_row) {
  storage::KeyReader reader(expiry_row);
  const std::optional<std::string> space = reader.text();
  if (space != kTokens || !reader.signed_number()) return {};
  const std::optional<std::string> account = reader.text();
  const std::optional<std::string> region = reader.text();
  const std::optional<std::string> token = reader.text();
  return account && region && token ? token_row(*account, *region, *token) : std::string();
}

std::string stream_row(std::string_view account, std::string_view region, std::string_view table,
                       std::string_view label) {
  return Key(kSpace).text(account).text(region).text("streams").text(table).text(label).bytes();
}

std::string stream_rows(std::string_view account, std::string_view region) {
  return Key(kSpace).text(account).text(region).text("streams").bytes();
}

std::string stream_rows(std::string_view account, std::string_view region, std::string_view table) {
  return Key(kSpace).text(account).text(region).text("streams").text(table).bytes();
}

std::string shard_rows(std::string_view account, std::string_view region, std::uint64_t stream,
                       std::string_view shard) {
  return Key(kShards).text(account).text(region).number(stream).text(shard).bytes();
}

std::string all_shard_rows() { return Key(kShards).bytes(); }

std::string shard_part(std::string_view shard_rows, ShardPart part) {
  std::string key(shard_rows);
  for (int shift = 56; shift >= 0; shift -= 8) key += static_cast<char>(static_cast<std::uint64_t>(part) >> shift);
  return key;
}

std::string backup_row(std::string_view account, std::string_view region, std::string_view table, std::string_view id) {
  return Key(kSpace).text(account).text(region).text("backup").text(table).text(id).bytes();
}

std::string backup_rows(std::string_view account, std::string_view region) {
  return Key(kSpace).text(account).text(region).text("backup").bytes();
}

std::string backup_rows(std::string_view account, std::string_view region, std::string_view table) {
  return Key(kSpace).text(account).text(region).text("backup").text(table).bytes();
}

std::string transfer_row(std::string_view account, std::string_view region, std::string_view kind,
                         std::string_view table, std::string_view id) {
  return Key(kSpace).text(account).text(region).text(kind).text(table).text(id).bytes();
}

std::string transfer_rows(std::string_view account, std::string_view region, std::string_view kind) {
  return Key(kSpace).text(account).text(region).text(kind).bytes();
}

std::string transfer_rows(std::string_view account, std::string_view region, std::string_view kind,
                          std::string_view table) {
  return Key(kSpace).text(account).text(region).text(kind).text(table).bytes();
}

std::string transfer_token_row(std::string_view account, std::string_view region, std::string_view kind,
                               std::string_view token) {
  return Key(kSpace).text(account).text(region).text("transfer-token").text(kind).text(token).bytes();
}

std::string change_log(std::string_view account, std::string_view region, std::uint64_t table) {
  return Key(kChanges).text(account).text(region).number(table).bytes();
}

std::string job_row(std::string_view account, std::string_view region, Job job, std::uint64_t table,
                    std::uint32_t index) {
  return Key(kJobs)
      .text(account)
      .text(region)
      .number(static_cast<std::uint64_t>(job))
      .number(table)
      .number(index)
      .bytes();
}

std::string job_rows() { return Key(kJobs).bytes(); }

bool parse_job(std::string_view bytes, JobKey& key) {
  storage::KeyReader reader(bytes);
  const std::optional<std::string> space = reader.text();
  if (space != kJobs) return false;
  std::optional<std::string> account = reader.text();
  std::optional<std::string> region = reader.text();
  const std::optional<std::uint64_t> job = reader.number();
  const std::optional<std::uint64_t> table = reader.number();
  const std::optional<std::uint64_t> index = reader.number();
  if (!account || !region || !job || !table || !index) return false;
  key.account = std::move(*account);
  key.region = std::move(*region);
  key.job = static_cast<Job>(*job);
  key.table = *table;
  key.index = static_cast<std::uint32_t>(*index);
  return true;
}

}  // namespace cumulet::dynamodb::keys
