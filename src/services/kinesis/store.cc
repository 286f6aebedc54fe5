#include "services/kinesis/store.h"

#include "storage/key.h"
#include "storage/row.h"

namespace cumulet::kinesis {
namespace {

using storage::Key;
using storage::KeyRange;
using storage::KeyReader;
using storage::KeyValue;
using storage::RowReader;
using storage::RowWriter;
using storage::ScanOptions;

constexpr std::string_view kSpace = "kinesis";
/// Streams whose rows are remembered.
constexpr std::size_t kCached = 4096;

Key space(std::string_view kind) { return Key(kSpace).text(kind); }

std::string stream_key(const std::string& account, const std::string& region, const std::string& name) {
  return space("t").text(account).text(region).text(name).bytes();
}
std::string shards_key(const std::string& id) { return space("s").text(id).bytes(); }
std::string extras_key(const std::string& id) { return space("x").text(id).bytes(); }
std::string consumer_key(const std::string& id, const std::string& name) {
  return space("c").text(id).text(name).bytes();
}
std::string erasure_key(const std::string& id) { return space("d").text(id).bytes(); }

KeyRange after(const std::string& prefix, const std::string& last) {
  return KeyRange(last.empty() ? prefix : storage::after_prefix(last), storage::after_prefix(prefix));
}

std::string encode(const Stream& stream) {
  RowWriter row;
  row.text(stream.id)
      .number(stream.generation)
      .signed_number(stream.created.time_since_epoch().count())
      .number(stream.retention_hours)
      .number(stream.trimmed)
      .boolean(stream.on_demand)
      .number(stream.max_record_kib)
      .number(stream.next_shard)
      .number(stream.open_shards)
      .texts(stream.shard_metrics)
      .texts(stream.scaled)
      .texts(stream.switched)
      .number(stream.peaks.size());
  for (const Peak& peak : stream.peaks) {
    row.signed_number(peak.day).number(peak.load.records).number(peak.load.bytes).number(peak.shards);
  }
  return std::move(row).bytes();
}

Stream decode_stream(std::string_view key, std::string_view bytes) {
  KeyReader parts(key);
  parts.text();
  parts.text();
  Stream stream;
  stream.account = parts.text().value_or("");
  stream.region = parts.text().value_or("");
  stream.name = parts.text().value_or("");
  RowReader row(bytes);
  stream.id = row.text();
  stream.generation = row.number();
  stream.created = Timestamp(std::chrono::microseconds(row.signed_number()));
  stream.retention_hours = static_cast<std::uint32_t>(row.number());
  stream.trimmed = row.number();
  stream.on_demand = row.boolean();
  stream.max_record_kib = static_cast<std::uint32_t>(row.number());
  stream.next_shard = static_cast<std::uint32_t>(row.number());
  stream.open_shards = static_cast<std::uint32_t>(row.number());
  stream.shard_metrics = row.texts();
  stream.scaled = row.texts();
  stream.switched = row.texts();
  for (std::size_t count = row.count(); count > 0 && row.ok(); --count) {
    Peak& peak = stream.peaks.emplace_back();
    peak.day = row.signed_number();
    peak.load.records = row.number();
    peak.load.bytes = row.number();
    peak.shards = static_cast<std::uint32_t>(row.number());
  }
  return stream;
}

void write_hash(RowWriter& row, HashKey key) {
  row.number(static_cast<std::uint64_t>(key >> 64)).number(static_cast<std::uint64_t>(key));
}

HashKey read_hash(RowReader& row) {
  const HashKey high = row.number();
  return (high << 64) | row.number();
}

std::string encode(const std::vector<Shard>& shards) {
  RowWriter row;
  row.number(shards.size());
  for (const Shard& shard : shards) {
    row.number(shard.number);
    write_hash(row, shard.first_hash);
    write_hash(row, shard.last_hash);
    row.number(shard.parents.size());
    for (const std::uint32_t parent : shard.parents) row.number(parent);
    row.number(shard.first).boolean(shard.last.has_value()).number(shard.last.value_or(0));
  }
  return std::move(row).bytes();
}

std::vector<Shard> decode_shards(std::string_view bytes) {
  RowReader row(bytes);
  std::vector<Shard> shards;
  for (std::size_t count = row.count(); count > 0 && row.ok(); --count) {
    Shard& shard = shards.emplace_back();
    shard.number = static_cast<std::uint32_t>(row.number());
    shard.first_hash = read_hash(row);
    shard.last_hash = read_hash(row);
    for (std::size_t parents = row.count(); parents > 0 && row.ok(); --parents) {
      shard.parents.push_back(static_cast<std::uint32_t>(row.number()));
    }
    shard.first = row.number();
    const bool closed = row.boolean();
    const Position last = row.number();
    if (closed) shard.last = last;
  }
  return shards;
}

std::string encode(const Consumer& consumer) {
  RowWriter row;
  row.text(consumer.arn)
      .signed_number(consumer.created.time_since_epoch().count())
      .text_map(consumer.tags)
      .text(consumer.policy);
  return std::move(row).bytes();
}

Consumer decode_consumer(std::string name, std::string_view bytes) {
  RowReader row(bytes);
  Consumer consumer;
  consumer.name = std::move(name);
  consumer.arn = row.text();
  consumer.created = Timestamp(std::chrono::microseconds(row.signed_number()));
  consumer.tags = row.text_map();
  consumer.policy = row.text();
  return consumer;
}

}  // namespace

Task<StreamPtr> Store::find(storage::Transaction& txn, std::string account, std::string region, std::string name) {
  const std::string key = stream_key(account, region, name);
  std::optional<std::string> row = co_await txn.get(key);
  if (!row) co_return StreamPtr();
  {
    std::lock_guard lock(mutex_);
    const auto cached = cache_.find(key);
    if (cached != cache_.end() && cached->second.row == *row) co_return cached->second.stream;
  }
  auto stream = std::make_shared<Stream>(decode_stream(key, *row));
  const std::optional<std::string> shards = co_await txn.get(shards_key(stream->id));
  stream->shards = decode_shards(shards.value_or(""));
  stream->index();
  std::lock_guard lock(mutex_);
  if (cache_.size() >= kCached) cache_.clear();
  cache_.insert_or_assign(key, Cached{std::move(*row), stream});
  co_return StreamPtr(stream);
}

void Store::put(storage::Transaction& txn, Stream stream) const {
  ++stream.generation;
  stream.index();
  txn.put(stream_key(stream.account, stream.region, stream.name), encode(stream));
  txn.put(shards_key(stream.id), encode(stream.shards));
}

void Store::erase(storage::Transaction& txn, const Stream& stream) const {
  txn.erase(stream_key(stream.account, stream.region, stream.name));
  txn.erase(shards_key(stream.id));
  txn.erase(extras_key(stream.id));
  txn.put(erasure_key(stream.id), "");
}

Task<std::vector<Stream>> Store::list(storage::Transaction& txn, std::string account, std::string region,
                                      std::string after_name, std::size_t limit) const {
  ScanOptions options;
  options.limit = limit;
  const std::string prefix = space("t").text(account).text(region).bytes();
  const KeyRange range = after(prefix, after_name.empty() ? "" : stream_key(account, region, after_name));
  const std::vector<KeyValue> rows = co_await txn.scan(range, options);
  std::vector<Stream> streams;
  for (const KeyValue& row : rows) streams.push_back(decode_stream(row.key, row.value));
  co_return streams;
}

Task<std::vector<Stream>> Store::list_all(storage::Transaction& txn, const Stream* last, std::size_t limit) const {
  ScanOptions options;
  options.limit = limit;
  const std::string last_key = last == nullptr ? "" : stream_key(last->account, last->region, last->name);
  const KeyRange range = after(space("t").bytes(), last_key);
  const std::vector<KeyValue> rows = co_await txn.scan(range, options);
  std::vector<Stream> streams;
  for (const KeyValue& row : rows) streams.push_back(decode_stream(row.key, row.value));
  co_return streams;
}

Task<StreamExtras> Store::extras(storage::Transaction& txn, std::string id) const {
  const std::optional<std::string> bytes = co_await txn.get(extras_key(id));
  RowReader row(bytes ? std::string_view(*bytes) : std::string_view());
  StreamExtras extras;
  extras.tags = row.text_map();
  extras.policy = row.text();
  co_return extras;
}

void Store::put_extras(storage::Transaction& txn, const std::string& id, const StreamExtras& extras) const {
  RowWriter row;
  row.text_map(extras.tags).text(extras.policy);
  txn.put(extras_key(id), std::move(row).bytes());
}

Task<std::optional<Consumer>> Store::find_consumer(storage::Transaction& txn, std::string id, std::string name) const {
  const std::optional<std::string> row = co_await txn.get(consumer_key(id, name));
  if (!row) co_return std::optional<Consumer>();
  co_return std::optional<Consumer>(decode_consumer(std::move(name), *row));
}

void Store::put_consumer(storage::Transaction& txn, const std::string& id, const Consumer& consumer) const {
  txn.put(consumer_key(id, consumer.name), encode(consumer));
}

void Store::erase_consumer(storage::Transaction& txn, const std::string& id, const Consumer& consumer) const {
  txn.erase(consumer_key(id, consumer.name));
}

Task<std::vector<Consumer>> Store::list_consumers(storage::Transaction& txn, std::string id, std::string after_name,
                                                  std::size_t limit) const {
  ScanOptions options;
  options.limit = limit;
  const KeyRange range = after(space("c").text(id).bytes(), after_name.empty() ? "" : consumer_key(id, after_name));
  const std::vector<KeyValue> rows = co_await txn.scan(range, options);
  std::vector<Consumer> consumers;
  for (const KeyValue& row : rows) {
    KeyReader key(row.key);
    std::string name;
    for (int part = 0; part < 4; ++part) name = key.text().value_or("");
    consumers.push_back(decode_consumer(std::move(name), row.value));
  }
  co_return consumers;
}

std::string Store::record_key(const std::string& id, std::uint32_t shard, Position position) {
  return space("r").text(id).number(shard).number(position).bytes();
}

std::string Store::record_value(std::string_view partition_key, std::string_view data) {
  RowWriter row;
  row.text(partition_key).text(data);
  return std::move(row).bytes();
}

Task<Store::Page> Store::read(storage::Transaction& txn, std::string id, std::uint32_t shard, Position from,
                              std::size_t limit, std::size_t bytes) const {
  ScanOptions options;
  options.limit = limit;
  options.byte_limit = bytes;
  const std::string stem = space("r").text(id).number(shard).bytes();
  const KeyRange range(record_key(id, shard, from), storage::after_prefix(stem));
  const std::vector<KeyValue> rows = co_await txn.scan(range, options);
  Page page;
  page.records.reserve(rows.size());
  std::size_t size = 0;
  for (const KeyValue& row : rows) {
    size += row.key.size() + row.value.size();
    StoredRecord& record = page.records.emplace_back();
    record.position = KeyReader(std::string_view(row.key).substr(stem.size())).number().value_or(0);
    RowReader value(row.value);
    record.partition_key = value.text();
    record.data = value.text();
  }
  page.at_end = rows.size() < limit && size < bytes;
  co_return page;
}

Task<Position> Store::last_position(storage::Transaction& txn, std::string id, std::uint32_t shard) const {
  ScanOptions options;
  options.limit = 1;
  options.reverse = true;
  const std::string stem = space("r").text(id).number(shard).bytes();
  const KeyRange range(stem, storage::after_prefix(stem));
  const std::vector<KeyValue> rows = co_await txn.scan(range, options);
  if (rows.empty()) co_return Position{0};
  co_return KeyReader(std::string_view(rows.front().key).substr(stem.size())).number().value_or(0);
}

KeyRange Store::records_before(const std::string& id, std::uint32_t shard, Position position) {
  return KeyRange(space("r").text(id).number(shard).bytes(), record_key(id, shard, position));
}

KeyRange Store::records_of(const std::string& id) {
  const std::string prefix = space("r").text(id).bytes();
  return KeyRange(prefix, storage::after_prefix(prefix));
}

Task<std::vector<std::string>> Store::list_erasures(storage::Transaction& txn, std::size_t limit) const {
  ScanOptions options;
  options.limit = limit;
  const std::string prefix = space("d").bytes();
  const KeyRange range(prefix, storage::after_prefix(prefix));
  const std::vector<KeyValue> rows = co_await txn.scan(range, options);
  std::vector<std::string> ids;
  for (const KeyValue& row : rows)
    ids.push_back(KeyReader(std::string_view(row.key).substr(prefix.size())).text().value_or(""));
  co_return ids;
}

void Store::erasure_done(storage::Transaction& txn, const std::string& id) const { txn.erase(erasure_key(id)); }

}  // namespace cumulet::kinesis
