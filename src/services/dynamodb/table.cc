#include "services/dynamodb/table.h"

#include <algorithm>
#include <utility>

#include "base/ids.h"
#include "services/dynamodb/errors.h"
#include "services/dynamodb/keys.h"
#include "storage/row.h"

namespace cumulet::dynamodb {
namespace {

using storage::RowReader;
using storage::RowWriter;

std::int64_t micros(Timestamp time) { return time.time_since_epoch().count(); }
Timestamp timestamp(std::int64_t value) { return Timestamp(std::chrono::microseconds(value)); }

// Key types stand in rows by their letter.
Type key_type(const std::string& letter) {
  if (letter == "N") return Type::kNumber;
  return letter == "B" ? Type::kBinary : Type::kString;
}

void write(RowWriter& row, const Throughput& throughput) {
  row.signed_number(throughput.read).signed_number(throughput.write);
  row.signed_number(micros(throughput.last_increase)).signed_number(micros(throughput.last_decrease));
  row.signed_number(throughput.decreases);
}

Throughput read_throughput(RowReader& row) {
  Throughput throughput;
  throughput.read = row.signed_number();
  throughput.write = row.signed_number();
  throughput.last_increase = timestamp(row.signed_number());
  throughput.last_decrease = timestamp(row.signed_number());
  throughput.decreases = row.signed_number();
  return throughput;
}

void write(RowWriter& row, const Index& index) {
  row.number(index.number).text(index.name).boolean(index.global);
  write_key_schema(row, index.keys);
  row.number(static_cast<std::uint64_t>(index.projection)).texts(index.non_key_attributes);
  row.number(static_cast<std::uint64_t>(index.status));
  write(row, index.throughput);
}

Index read_index(RowReader& row) {
  Index index;
  index.number = static_cast<std::uint32_t>(row.number());
  index.name = row.text();
  index.global = row.boolean();
  index.keys = read_key_schema(row);
  index.projection = static_cast<ProjectionType>(row.number());
  index.non_key_attributes = row.texts();
  index.status = static_cast<IndexStatus>(row.number());
  index.throughput = read_throughput(row);
  return index;
}

void write(RowWriter& row, const std::optional<std::int64_t>& value) {
  row.boolean(value.has_value());
  if (value) row.signed_number(*value);
}

std::optional<std::int64_t> read_optional(RowReader& row) {
  if (!row.boolean()) return std::nullopt;
  return row.signed_number();
}

Warmth read_warmth(RowReader& row) {
  Warmth warmth;
  warmth.reads = row.signed_number();
  warmth.writes = row.signed_number();
  return warmth;
}

void write(RowWriter& row, const StreamSettings& stream) {
  row.boolean(stream.enabled).number(stream.number).text(stream.view).text(stream.label).number(stream.shards.size());
  for (const OpenShard& shard : stream.shards) row.text(shard.id).number(shard.first_place);
}

StreamSettings read_stream(RowReader& row, const Table& table) {
  StreamSettings stream;
  stream.enabled = row.boolean();
  stream.number = row.number();
  stream.view = row.text();
  stream.label = row.text();
  for (std::size_t count = row.count(); count > 0 && row.ok(); --count) {
    OpenShard& shard = stream.shards.emplace_back();
    shard.id = row.text();
    shard.first_place = static_cast<std::uint32_t>(row.number());
    const std::string rows = keys::shard_rows(table.account, table.region, stream.number, shard.id);
    shard.log = keys::shard_part(rows, keys::ShardPart::kRecords);
  }
  return stream;
}

}  // namespace

const OpenShard& StreamSettings::shard_for(std::uint32_t place) const {
  const auto next = std::upper_bound(shards.begin(), shards.end(), place,
                                     [](std::uint32_t p, const OpenShard& shard) { return p < shard.first_place; });
  return next == shards.begin() ? *next : *std::prev(next);
}

void write_key_schema(RowWriter& row, const KeySchema& keys) {
  row.text(keys.hash.name).text(wire::type_name(keys.hash.type)).boolean(keys.range.has_value());
  if (keys.range) row.text(keys.range->name).text(wire::type_name(keys.range->type));
}

KeySchema read_key_schema(RowReader& row) {
  KeySchema keys;
  keys.hash.name = row.text();
  keys.hash.type = key_type(row.text());
  if (row.boolean()) {
    keys.range.emplace();
    keys.range->name = row.text();
    keys.range->type = key_type(row.text());
  }
  return keys;
}

std::string Table::arn() const { return "arn:aws:dynamodb:" + region + ":" + account + ":table/" + name; }

std::int64_t Throughput::decreases_on(Timestamp day) const {
  using std::chrono::days;
  return std::chrono::floor<days>(last_decrease) == std::chrono::floor<days>(day) ? decreases : 0;
}

const KinesisDestination* Table::kinesis_destination() const {
  for (const KinesisDestination& one : kinesis) {
    if (one.status == KinesisDestination::Status::kActive) return &one;
  }
  return nullptr;
}

const Index* Table::find_index(std::string_view index_name) const {
  const auto found = std::find_if(indexes.begin(), indexes.end(), [&](const Index& i) { return i.name == index_name; });
  return found == indexes.end() ? nullptr : &*found;
}

Index* Table::find_index(std::string_view index_name) {
  return const_cast<Index*>(std::as_const(*this).find_index(index_name));
}

std::string Table::encode() const {
  RowWriter row;
  row.number(number).text(id).signed_number(micros(created));
  row.number(attribute_order.size());
  for (const std::string& attribute : attribute_order) {
    row.text(attribute).text(wire::type_name(attributes.at(attribute)));
  }
  write_key_schema(row, keys);
  row.number(indexes.size());
  for (const Index& index : indexes) write(row, index);
  row.number(next_index).boolean(on_demand);
  write(row, on_demand_since ? std::optional<std::int64_t>(micros(*on_demand_since)) : std::nullopt);
  write(row, throughput);
  write(row, max_reads);
  write(row, max_writes);
  row.text(table_class).boolean(deletion_protection).text(encryption).text(encryption_key);
  row.boolean(time_to_live.enabled).text(time_to_live.attribute).text_map(tags);
  write(row, stream);
  row.boolean(recovery.enabled).signed_number(recovery.days).signed_number(micros(recovery.since));
  row.number(recovery.copies).number(static_cast<std::uint64_t>(status));
  row.text(policy).text(policy_revision).text(stream_policy).text(stream_policy_revision);
  row.text(restored_from).text(restored_table).signed_number(micros(restored_to));
  row.number(kinesis.size());
  for (const KinesisDestination& one : kinesis) {
    row.text(one.stream_arn).number(static_cast<std::uint64_t>(one.status)).boolean(one.microseconds);
  }
  row.signed_number(warmth.reads).signed_number(warmth.writes);
  for (const Index& index : indexes) {
    write(row, index.max_reads);
    write(row, index.max_writes);
    row.signed_number(index.warmth.reads).signed_number(index.warmth.writes);
  }
  return std::move(row).bytes();
}

Result<Table> Table::decode(std::string account, std::string region, std::string name, std::string_view bytes) {
  RowReader row(bytes);
  Table table;
  table.account = std::move(account);
  table.region = std::move(region);
  table.name = std::move(name);
  table.number = row.number();
  table.id = row.text();
  table.created = timestamp(row.signed_number());
  for (std::size_t count = row.count(); count > 0 && row.ok(); --count) {
    std::string attribute = row.text();
    table.attributes[attribute] = key_type(row.text());
    table.attribute_order.push_back(std::move(attribute));
  }
  table.keys = read_key_schema(row);
  for (std::size_t count = row.count(); count > 0 && row.ok(); --count) {
    table.indexes.push_back(read_index(row));
  }
  table.next_index = static_cast<std::uint32_t>(row.number());
  table.on_demand = row.boolean();
  if (const std::optional<std::int64_t> since = read_optional(row)) table.on_demand_since = timestamp(*since);
  table.throughput = read_throughput(row);
  table.max_reads = read_optional(row);
  table.max_writes = read_optional(row);
  table.table_class = row.text();
  table.deletion_protection = row.boolean();
  table.encryption = row.text();
  table.encryption_key = row.text();
  table.time_to_live.enabled = row.boolean();
  table.time_to_live.attribute = row.text();
  table.tags = row.text_map();
  table.stream = read_stream(row, table);
  table.recovery.enabled = row.boolean();
  table.recovery.days = row.signed_number();
  table.recovery.since = timestamp(row.signed_number());
  table.recovery.copies = row.number();
  table.recovery.log = keys::change_log(table.account, table.region, table.number);
  table.status = static_cast<TableStatus>(row.number());
  table.policy = row.text();
  table.policy_revision = row.text();
  table.stream_policy = row.text();
  table.stream_policy_revision = row.text();
  table.restored_from = row.text();
  table.restored_table = row.text();
  table.restored_to = timestamp(row.signed_number());
  for (std::size_t count = row.count(); count > 0 && row.ok(); --count) {
    KinesisDestination& one = table.kinesis.emplace_back();
    one.stream_arn = row.text();
    one.status = static_cast<KinesisDestination::Status>(row.number());
    one.microseconds = row.boolean();
  }
  table.warmth = read_warmth(row);
  for (Index& index : table.indexes) {
    index.max_reads = read_optional(row);
    index.max_writes = read_optional(row);
    index.warmth = read_warmth(row);
  }
  table.rows = keys::rows_prefix(table.account, table.region, table.number);
  if (!row.ok()) return Error(errors::kInternalFailure, "The description of table " + table.name + " is damaged.");
  return table;
}

std::uint64_t new_table_number() {
  std::uint64_t number = 0;
  for (const char c : random_bytes(8)) number = number << 8 | static_cast<std::uint8_t>(c);
  return number;
}

void drop_unused_definitions(Table& table) {
  const auto used = [&table](const std::string& name) {
    if (table.keys.has(name)) return true;
    for (const Index& index : table.indexes) {
      if (index.keys.has(name)) return true;
    }
    return false;
  };
  std::erase_if(table.attribute_order, [&](const std::string& name) { return !used(name); });
  std::erase_if(table.attributes, [&](const auto& one) { return !used(one.first); });
}

// Items from before the index may have values that no key can have: they are not in it.
bool belongs_in(const Index& index, const Item& item) {
  const auto fits = [&](const KeyAttribute& attribute, std::size_t most) {
    const auto found = item.find(attribute.name);
    if (found == item.end() || !found->second.is(attribute.type)) return false;
    if (attribute.type == Type::kNumber) return true;
    const std::size_t size = found->second.text().size();
    return size > 0 && size <= most;
  };
  return fits(index.keys.hash, kMaxHashKeyBytes) && (!index.keys.range || fits(*index.keys.range, kMaxRangeKeyBytes));
}

Item entry_of(const Table& table, const Index& index, const Item& item) {
  if (index.projection == ProjectionType::kAll) return item;
  Item entry;
  for (const auto& [name, value] : item) {
    const bool wanted = table.keys.has(name) || index.keys.has(name) ||
                        (index.projection == ProjectionType::kInclude &&
                         std::find(index.non_key_attributes.begin(), index.non_key_attributes.end(), name) !=
                             index.non_key_attributes.end());
    if (wanted) entry.emplace_hint(entry.end(), name, value);
  }
  return entry;
}

}  // namespace cumulet::dynamodb
