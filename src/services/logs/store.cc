#include "services/logs/store.h"

#include "storage/key.h"
#include "storage/row.h"

namespace cumulet::logs {
namespace {

using storage::Key;
using storage::KeyRange;
using storage::KeyReader;
using storage::KeyValue;
using storage::RowReader;
using storage::RowWriter;
using storage::ScanOptions;

constexpr std::string_view kSpace = "logs";

std::string encode(const LogGroup& group) {
  RowWriter row;
  row.signed_number(group.created).number(group.retention_days.value_or(0)).text_map(group.tags);
  return std::move(row).bytes();
}

LogGroup decode_group(std::string name, std::string_view bytes) {
  RowReader row(bytes);
  LogGroup group;
  group.name = std::move(name);
  group.created = row.signed_number();
  const auto days = static_cast<std::uint32_t>(row.number());
  if (days != 0) group.retention_days = days;
  group.tags = row.text_map();
  return group;
}

void write_time(RowWriter& row, const std::optional<std::int64_t>& time) {
  row.boolean(time.has_value()).signed_number(time.value_or(0));
}

std::optional<std::int64_t> read_time(RowReader& row) {
  const bool present = row.boolean();
  const std::int64_t time = row.signed_number();
  return present ? std::optional<std::int64_t>(time) : std::nullopt;
}

std::string encode(const LogStream& stream) {
  RowWriter row;
  row.signed_number(stream.created);
  write_time(row, stream.first_event);
  write_time(row, stream.last_event);
  write_time(row, stream.last_ingestion);
  return std::move(row).bytes();
}

LogStream decode_stream(std::string name, std::string_view bytes) {
  RowReader row(bytes);
  LogStream stream;
  stream.name = std::move(name);
  stream.created = row.signed_number();
  stream.first_event = read_time(row);
  stream.last_event = read_time(row);
  stream.last_ingestion = read_time(row);
  return stream;
}

/// The last text part of a key: the name of what it holds.
std::string last_name(std::string_view key, int parts) {
  KeyReader reader(key);
  std::string name;
  for (int i = 0; i < parts; ++i) name = reader.text().value_or("");
  return name;
}

/// The part of an ordered name space that starts with `prefix` and comes after `after`. `base` is the key before the
/// name.
KeyRange name_range(const Key& base, const std::string& prefix, const std::string& after) {
  const std::string everything = base.bytes();
  std::string begin = everything;
  if (!prefix.empty()) {
    begin = Key(base).text(prefix).bytes();
    begin.resize(begin.size() - 2);  // Without the end mark, so that it is a prefix of longer names.
  }
  std::string end = storage::after_prefix(begin);
  if (!after.empty()) {
    std::string next = storage::after_prefix(Key(base).text(after).bytes());
    if (next > begin) begin = std::move(next);
  }
  return {std::move(begin), std::move(end)};
}

Key space(const std::string& account, const std::string& region, std::string_view kind) {
  Key key(kSpace);
  key.text(account).text(region).text(kind);
  return key;
}

}  // namespace

std::string Store::group_key(const std::string& group) const {
  return space(account_, region_, "g").text(group).bytes();
}

std::string Store::stream_key(const std::string& group, const std::string& stream) const {
  return space(account_, region_, "s").text(group).text(stream).bytes();
}

std::string Store::filters_key(const std::string& group) const {
  return space(account_, region_, "f").text(group).bytes();
}

std::string Store::event_key(const std::string& group, const std::string& stream, Position position) const {
  Key key = space(account_, region_, "e");
  key.text(group).text(stream).signed_number(position.time).number(position.sequence);
  return std::move(key).bytes();
}

Task<std::optional<LogGroup>> Store::find_group(storage::Transaction& txn, std::string name) const {
  const std::optional<std::string> row = co_await txn.get(group_key(name));
  if (!row) co_return std::optional<LogGroup>();
  co_return std::optional<LogGroup>(decode_group(std::move(name), *row));
}

void Store::put_group(storage::Transaction& txn, const LogGroup& group) const {
  txn.put(group_key(group.name), encode(group));
}

void Store::erase_group(storage::Transaction& txn, const std::string& name) const { txn.erase(group_key(name)); }

Task<std::vector<LogGroup>> Store::list_groups(storage::Transaction& txn, std::string prefix, std::string after,
                                               std::size_t limit) const {
  ScanOptions options;
  options.limit = limit;
  const KeyRange range = name_range(space(account_, region_, "g"), prefix, after);
  const std::vector<KeyValue> rows = co_await txn.scan(range, options);
  std::vector<LogGroup> groups;
  for (const KeyValue& row : rows) groups.push_back(decode_group(last_name(row.key, 5), row.value));
  co_return groups;
}

Task<std::optional<LogStream>> Store::find_stream(storage::Transaction& txn, std::string group,
                                                  std::string name) const {
  const std::optional<std::string> row = co_await txn.get(stream_key(group, name));
  if (!row) co_return std::optional<LogStream>();
  co_return std::optional<LogStream>(decode_stream(std::move(name), *row));
}

void Store::put_stream(storage::Transaction& txn, const std::string& group, const LogStream& stream) const {
  txn.put(stream_key(group, stream.name), encode(stream));
}

void Store::erase_stream(storage::Transaction& txn, const std::string& group, const std::string& name) const {
  txn.erase(stream_key(group, name));
}

Task<std::vector<LogStream>> Store::list_streams(storage::Transaction& txn, std::string group, std::string prefix,
                                                 std::string after, std::size_t limit) const {
  ScanOptions options;
  options.limit = limit;
  const KeyRange range = name_range(space(account_, region_, "s").text(group), prefix, after);
  const std::vector<KeyValue> rows = co_await txn.scan(range, options);
  std::vector<LogStream> streams;
  for (const KeyValue& row : rows) streams.push_back(decode_stream(last_name(row.key, 6), row.value));
  co_return streams;
}

void Store::put_event(storage::Transaction& txn, const std::string& group, const std::string& stream,
                      const LogEvent& event) const {
  RowWriter row;
  row.signed_number(event.ingested).text(event.message);
  txn.put(event_key(group, stream, event.position), std::move(row).bytes());
}

Task<std::vector<LogEvent>> Store::list_events(storage::Transaction& txn, std::string group, std::string stream,
                                               Position from, Position to, std::size_t limit, bool newest) const {
  std::vector<LogEvent> events;
  if (to <= from) co_return events;
  ScanOptions options;
  options.limit = limit;
  options.byte_limit = 1u << 20;
  options.reverse = newest;
  const KeyRange range(event_key(group, stream, from), event_key(group, stream, to));
  const std::vector<KeyValue> rows = co_await txn.scan(range, options);
  const std::size_t stem = space(account_, region_, "e").text(group).text(stream).bytes().size();
  for (const KeyValue& row : rows) {
    KeyReader key(std::string_view(row.key).substr(stem));
    RowReader value(row.value);
    LogEvent event;
    event.position.time = key.signed_number().value_or(0);
    event.position.sequence = key.number().value_or(0);
    event.ingested = value.signed_number();
    event.message = value.text();
    events.push_back(std::move(event));
  }
  co_return events;
}

Task<bool> Store::erase_events(storage::Transaction& txn, std::string group, std::string stream, Position before,
                               std::size_t limit) const {
  ScanOptions options;
  options.limit = limit;
  const KeyRange range(event_key(group, stream, Position(INT64_MIN, 0)), event_key(group, stream, before));
  const std::vector<KeyValue> rows = co_await txn.scan(range, options);
  for (const KeyValue& row : rows) txn.erase(row.key);
  co_return !rows.empty();
}

Task<std::vector<std::pair<std::string, std::string>>> list_spaces(storage::Transaction& txn) {
  std::vector<std::pair<std::string, std::string>> spaces;
  const std::string base = Key(kSpace).bytes();
  KeyRange range(base, storage::after_prefix(base));
  ScanOptions one;
  one.limit = 1;
  while (true) {
    const std::vector<KeyValue> rows = co_await txn.scan(range, one);
    if (rows.empty()) co_return spaces;
    KeyReader reader(rows.front().key);
    reader.text();
    std::string account = reader.text().value_or("");
    std::string region = reader.text().value_or("");
    Key key(kSpace);
    key.text(account).text(region);
    range.begin = storage::after_prefix(key.bytes());
    spaces.emplace_back(std::move(account), std::move(region));
  }
}

}  // namespace cumulet::logs
