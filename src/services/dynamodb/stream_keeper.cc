#include "services/dynamodb/stream_keeper.h"

#include <algorithm>
#include <utility>

#include "base/ids.h"
#include "storage/key.h"
#include "storage/row.h"

namespace cumulet::dynamodb {
namespace {

constexpr std::size_t kPieceRows = 500;
/// DynamoDB lets two readers of a shard at most; more shards than this help nobody on one machine.
constexpr std::size_t kMostOpenShards = 16;

storage::ScanOptions piece() {
  storage::ScanOptions options;
  options.limit = kPieceRows;
  return options;
}

std::uint64_t new_number() {
  std::uint64_t number = 0;
  for (const char c : random_bytes(8)) number = number << 8 | static_cast<std::uint8_t>(c);
  return number;
}

std::string iso_label(Timestamp now) {
  std::string label = iso8601(now, true);
  if (!label.empty() && label.back() == 'Z') label.pop_back();
  return label;
}

void begin_shard(storage::Transaction& transaction, Stream& stream, Shard shard) {
  storage::append(transaction, keys::shard_part(stream.shard_rows(shard.id), keys::ShardPart::kBegin), "");
  stream.shards.push_back(std::move(shard));
}

void end_shard(storage::Transaction& transaction, const Stream& stream, Shard& shard, Timestamp now) {
  storage::append(transaction, keys::shard_part(stream.shard_rows(shard.id), keys::ShardPart::kEnd), "");
  shard.closed = now;
}

/// What the table's row says of the open shards.
std::vector<OpenShard> open_shards(const Stream& stream) {
  std::vector<OpenShard> open;
  for (const Shard& shard : stream.shards) {
    if (shard.closed) continue;
    OpenShard& one = open.emplace_back();
    one.id = shard.id;
    one.first_place = shard.first_place;
    one.log = stream.log(shard.id);
  }
  std::sort(open.begin(), open.end(),
            [](const OpenShard& a, const OpenShard& b) { return a.first_place < b.first_place; });
  return open;
}

}  // namespace

void StreamKeeper::open(storage::Transaction& transaction, Table& table, const std::string& view) const {
  const Timestamp now = store_.clock().now();
  Stream stream;
  stream.account = table.account;
  stream.region = table.region;
  stream.table = table.name;
  // A table's streams have different labels, however quickly they follow each other.
  stream.label = iso_label(now);
  if (stream.label <= table.stream.label) stream.label = iso_label(now + std::chrono::milliseconds(1));
  stream.number = new_number();
  stream.table_number = table.number;
  stream.view = view;
  stream.keys = table.keys;
  stream.created = now;
  begin_shard(transaction, stream, new_shard(now, 0, 0xffffffff, ""));
  table.stream.enabled = true;
  table.stream.number = stream.number;
  table.stream.view = view;
  table.stream.label = stream.label;
  table.stream.shards = open_shards(stream);
  table.stream_policy.clear();
  table.stream_policy_revision.clear();
  transaction.put(stream.row_key(), stream.encode());
  storage::RowWriter job;
  job.text(stream.table).text(stream.label);
  transaction.put(keys::job_row(stream.account, stream.region, keys::Job::kStream, stream.number, 0),
                  std::move(job).bytes());
}

Task<void> StreamKeeper::close(storage::Transaction& transaction, Table& table) const {
  std::optional<Stream> stream =
      co_await find(transaction, table.account, table.region, table.name, table.stream.label);
  table.stream.enabled = false;
  table.stream.shards.clear();
  if (!stream) co_return;
  const Timestamp now = store_.clock().now();
  stream->disabled = now;
  for (Shard& shard : stream->shards) {
    if (!shard.closed) end_shard(transaction, *stream, shard, now);
  }
  transaction.put(stream->row_key(), stream->encode());
}

Task<std::optional<Stream>> StreamKeeper::find(storage::Transaction& transaction, std::string account,
                                               std::string region, std::string table, std::string label) {
  const std::optional<std::string> row = co_await transaction.get(keys::stream_row(account, region, table, label));
  if (!row) co_return std::optional<Stream>();
  Result<Stream> decoded =
      Stream::decode(std::move(account), std::move(region), std::move(table), std::move(label), *row);
  Stream stream = co_await std::move(decoded);
  co_return std::optional<Stream>(std::move(stream));
}

Task<bool> StreamKeeper::tend(storage::Transaction& transaction, const keys::JobKey& job,
                              const std::string& row) const {
  const std::optional<std::string> value = co_await transaction.get(row);
  if (!value) co_return true;
  storage::RowReader reader(*value);
  std::string table = reader.text();
  std::string label = reader.text();
  std::optional<Stream> stream =
      co_await find(transaction, job.account, job.region, std::move(table), std::move(label));
  if (!stream) {
    transaction.erase(row);
    co_return true;
  }
  const bool dropped = co_await drop_old_shard(transaction, *stream);
  if (dropped) co_return false;
  const Timestamp now = store_.clock().now();
  if (stream->disabled && *stream->disabled + kStreamRetention < now && stream->shards.empty()) {
    transaction.erase(stream->row_key());
    transaction.erase(row);
    co_return true;
  }
  bool more = false;
  for (Shard& shard : stream->shards) {
    const bool trimmed = co_await trim(transaction, *stream, shard);
    more = more || trimmed;
  }
  const bool rolled = co_await roll(transaction, *stream);
  if (more || rolled) transaction.put(stream->row_key(), stream->encode());
  co_return !more;
}

Task<bool> StreamKeeper::remove_rows(storage::Transaction& transaction, const Stream& stream,
                                     const Shard& shard) const {
  const std::string rows = stream.shard_rows(shard.id);
  storage::KeyRange range(rows, storage::after_prefix(rows));
  const std::vector<storage::KeyValue> found = co_await transaction.scan(range, piece());
  for (const storage::KeyValue& one : found) transaction.erase(one.key);
  co_return found.empty();
}

/// A closed shard goes when its last record is a day old. True: there was one, and there may be more to do.
Task<bool> StreamKeeper::drop_old_shard(storage::Transaction& transaction, Stream& stream) const {
  const Timestamp now = store_.clock().now();
  for (std::size_t i = 0; i < stream.shards.size(); ++i) {
    if (!stream.shards[i].closed || *stream.shards[i].closed + kStreamRetention >= now) continue;
    const bool gone = co_await remove_rows(transaction, stream, stream.shards[i]);
    if (gone) {
      stream.shards.erase(stream.shards.begin() + static_cast<std::ptrdiff_t>(i));
      transaction.put(stream.row_key(), stream.encode());
    }
    co_return true;
  }
  co_return false;
}

Task<bool> StreamKeeper::trim(storage::Transaction& transaction, Stream& stream, Shard& shard) const {
  const std::string log = stream.log(shard.id);
  const Timestamp cutoff = store_.clock().now() - kStreamRetention;
  if (shard.opened >= cutoff) co_return false;
  storage::KeyRange range(log, storage::after_prefix(log));
  const std::vector<storage::KeyValue> found = co_await transaction.scan(range, piece());
  bool trimmed = false;
  for (const storage::KeyValue& one : found) {
    std::string place = one.key.substr(log.size());
    const Result<Change> change = Change::decode(place, one.value);
    if (change.ok() && change->time >= cutoff) break;
    transaction.erase(one.key);
    shard.trimmed = std::move(place);
    trimmed = true;
  }
  co_return trimmed;
}

Task<bool> StreamKeeper::roll(storage::Transaction& transaction, Stream& stream) const {
  if (stream.disabled) co_return false;
  const TablePtr table = co_await store_.find_any_table(transaction, stream.account, stream.region, stream.table);
  if (!table || table->number != stream.table_number || table->stream.number != stream.number) co_return false;
  const Timestamp now = store_.clock().now();
  std::size_t open = table->stream.shards.size();
  bool rolled = false;
  const std::size_t count = stream.shards.size();
  for (std::size_t i = 0; i < count; ++i) {
    if (stream.shards[i].closed) continue;
    const std::string rows = stream.shard_rows(stream.shards[i].id);
    const bool splits = open < kMostOpenShards && signals_.is_busy(rows);
    if (!splits && stream.shards[i].opened + kShardLife > now) continue;
    end_shard(transaction, stream, stream.shards[i], now);
    const Shard parent = stream.shards[i];
    const std::uint32_t middle = parent.first_place + (parent.last_place - parent.first_place) / 2;
    if (splits) {
      begin_shard(transaction, stream, new_shard(now, parent.first_place, middle, parent.id));
      begin_shard(transaction, stream, new_shard(now, middle + 1, parent.last_place, parent.id));
      ++open;
    } else {
      begin_shard(transaction, stream, new_shard(now, parent.first_place, parent.last_place, parent.id));
    }
    signals_.ended(rows);
    rolled = true;
  }
  if (!rolled) co_return false;
  std::sort(stream.shards.begin(), stream.shards.end(), [](const Shard& a, const Shard& b) { return a.id < b.id; });
  Table changed = *table;
  changed.stream.shards = open_shards(stream);
  store_.put_table(transaction, changed);
  co_return true;
}

}  // namespace cumulet::dynamodb
