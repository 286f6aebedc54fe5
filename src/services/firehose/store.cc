#include "services/firehose/store.h"

#include "storage/key.h"
#include "storage/row.h"
#include "wire/arn.h"

namespace cumulet::firehose {
namespace {

using storage::Key;
using storage::KeyRange;
using storage::KeyReader;
using storage::KeyValue;
using storage::RowReader;
using storage::RowWriter;

constexpr std::size_t kCheckpoints = 10'000;

Key space(std::string_view kind) { return Key("firehose").text(kind); }
std::string stream_key(const std::string& account, const std::string& region, const std::string& name) {
  return space("t").text(account).text(region).text(name).bytes();
}
std::string mark_key(const std::string& id) { return space("m").text(id).bytes(); }
std::string delivery_key(const std::string& id) { return space("o").text(id).bytes(); }

std::string encode(const DeliveryStream& stream) {
  RowWriter row;
  row.text(stream.id)
      .number(stream.version)
      .signed_number(stream.created.time_since_epoch().count())
      .signed_number(stream.updated.time_since_epoch().count())
      .text(stream.source_stream)
      .text(stream.source_role)
      .text(stream.destination)
      .text_map(stream.tags);
  return std::move(row).bytes();
}

DeliveryStream decode(std::string_view key, std::string_view bytes) {
  DeliveryStream stream;
  KeyReader parts(key);
  parts.text();
  parts.text();
  stream.account = parts.text().value_or("");
  stream.region = parts.text().value_or("");
  stream.name = parts.text().value_or("");
  RowReader row(bytes);
  stream.id = row.text();
  stream.version = row.number();
  stream.created = Timestamp(std::chrono::microseconds(row.signed_number()));
  stream.updated = Timestamp(std::chrono::microseconds(row.signed_number()));
  stream.source_stream = row.text();
  stream.source_role = row.text();
  stream.destination = row.text();
  stream.tags = row.text_map();
  return stream;
}

Task<std::vector<DeliveryStream>> scan(storage::Transaction& txn, KeyRange range, std::size_t limit) {
  storage::ScanOptions options;
  options.limit = limit;
  const std::vector<KeyValue> rows = co_await txn.scan(range, options);
  std::vector<DeliveryStream> streams;
  for (const KeyValue& row : rows) streams.push_back(decode(row.key, row.value));
  co_return streams;
}

}  // namespace

std::string DeliveryStream::arn() const {
  return wire::make_arn("firehose", region, account, "deliverystream/" + name);
}

Task<std::optional<DeliveryStream>> Store::find(storage::Transaction& txn, std::string account, std::string region,
                                                std::string name) {
  const std::string key = stream_key(account, region, name);
  const std::optional<std::string> row = co_await txn.get(key);
  if (!row) co_return std::optional<DeliveryStream>();
  co_return std::optional<DeliveryStream>(decode(key, *row));
}

void Store::put(storage::Transaction& txn, const DeliveryStream& stream) {
  txn.put(stream_key(stream.account, stream.region, stream.name), encode(stream));
}

Task<void> Store::erase(storage::Transaction& txn, const DeliveryStream& stream) {
  txn.erase(stream_key(stream.account, stream.region, stream.name));
  txn.erase(mark_key(stream.id));
  txn.erase(delivery_key(stream.id));
  const std::string checkpoints = space("k").text(stream.id).bytes();
  storage::ScanOptions options;
  options.limit = kCheckpoints;
  const KeyRange range(checkpoints, storage::after_prefix(checkpoints));
  const std::vector<KeyValue> rows = co_await txn.scan(range, options);
  for (const KeyValue& row : rows) txn.erase(row.key);
}

Task<std::vector<DeliveryStream>> Store::list(storage::Transaction& txn, std::string account, std::string region,
                                              std::string after, std::size_t limit) {
  const std::string prefix = space("t").text(account).text(region).bytes();
  KeyRange range(prefix, storage::after_prefix(prefix));
  if (!after.empty()) range.begin = storage::after_prefix(stream_key(account, region, after));
  co_return co_await scan(txn, range, limit);
}

Task<std::vector<DeliveryStream>> Store::list_all(storage::Transaction& txn, std::size_t limit) {
  const std::string prefix = space("t").bytes();
  const KeyRange range(prefix, storage::after_prefix(prefix));
  co_return co_await scan(txn, range, limit);
}

std::string Store::record_key(const std::string& id, Position position) {
  return space("b").text(id).number(position).bytes();
}

KeyRange Store::records(const std::string& id, Position begin, Position end) {
  return KeyRange(record_key(id, begin), record_key(id, end));
}

Position Store::position_of(const std::string& id, const std::string& key) {
  const std::size_t stem = space("b").text(id).bytes().size();
  return KeyReader(std::string_view(key).substr(stem)).number().value_or(0);
}

Task<Position> Store::delivered(storage::Transaction& txn, std::string id) {
  const std::optional<std::string> row = co_await txn.get(mark_key(id));
  co_return row ? RowReader(*row).number() : Position{0};
}

Task<std::optional<Delivery>> Store::delivery(storage::Transaction& txn, std::string id) {
  const std::optional<std::string> bytes = co_await txn.get(delivery_key(id));
  if (!bytes) co_return std::optional<Delivery>();
  RowReader row(*bytes);
  Delivery delivery;
  delivery.key = row.text();
  delivery.end = row.number();
  delivery.bucket = row.text();
  delivery.zipped = row.boolean();
  delivery.failed_key = row.text();
  co_return std::optional<Delivery>(std::move(delivery));
}

void Store::begin_delivery(storage::Transaction& txn, const std::string& id, const Delivery& delivery) {
  RowWriter row;
  row.text(delivery.key).number(delivery.end).text(delivery.bucket).boolean(delivery.zipped).text(delivery.failed_key);
  txn.put(delivery_key(id), std::move(row).bytes());
}

void Store::end_delivery(storage::Transaction& txn, const std::string& id, const Delivery& delivery) {
  txn.erase(delivery_key(id));
  RowWriter row;
  row.number(delivery.end);
  txn.put(mark_key(id), std::move(row).bytes());
}

Task<std::optional<std::string>> Store::checkpoint(storage::Transaction& txn, std::string id, std::string shard) {
  return txn.get(space("k").text(id).text(shard).bytes());
}

void Store::put_checkpoint(storage::Transaction& txn, const std::string& id, const std::string& shard,
                           const std::string& sequence_number) {
  txn.put(space("k").text(id).text(shard).bytes(), sequence_number);
}

}  // namespace cumulet::firehose
