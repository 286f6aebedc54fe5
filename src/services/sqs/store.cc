#include "services/sqs/store.h"

#include "storage/key.h"
#include "storage/row.h"

namespace cumulet::sqs::store {
namespace {

using storage::Key;
using storage::KeyRange;
using storage::KeyReader;
using storage::KeyValue;
using storage::RowReader;
using storage::RowWriter;
using storage::ScanOptions;

constexpr std::string_view kSpace = "sqs";
constexpr std::size_t kPage = 200;

Key space(const std::string& account, const std::string& region, std::string_view kind) {
  Key key(kSpace);
  key.text(account).text(region).text(kind);
  return key;
}

std::string message_key(std::string_view space, std::uint64_t queue, Position position) {
  Key key(space);
  key.number(queue).signed_number(position.time).number(position.sequence);
  return std::move(key).bytes();
}

KeyRange rows_of(std::string_view space, std::uint64_t queue) {
  Key key(space);
  key.number(queue);
  const std::string& prefix = key.bytes();
  return KeyRange(prefix, storage::after_prefix(prefix));
}

void write(RowWriter& row, const QueueSettings& s) {
  row.number(s.delay_seconds)
      .number(s.maximum_message_size)
      .number(s.retention_seconds)
      .number(s.receive_wait_seconds)
      .number(s.visibility_seconds)
      .text(s.policy);
  row.boolean(s.redrive.has_value());
  row.text(s.redrive ? s.redrive->target_arn : "").number(s.redrive ? s.redrive->max_receive_count : 0);
  row.text(s.redrive_text);
  row.boolean(s.redrive_allow.has_value());
  row.number(s.redrive_allow ? static_cast<std::uint64_t>(s.redrive_allow->permission) : 0);
  row.texts(s.redrive_allow ? s.redrive_allow->source_arns : std::vector<std::string>());
  row.text(s.redrive_allow_text);
  row.text(s.kms_key_id).number(s.kms_reuse_seconds).boolean(s.managed_sse);
  row.boolean(s.fifo).boolean(s.content_based_deduplication);
  row.text(s.deduplication_scope).text(s.throughput_limit);
}

std::uint32_t number32(RowReader& row) { return static_cast<std::uint32_t>(row.number()); }

QueueSettings read_settings(RowReader& row) {
  QueueSettings s;
  s.delay_seconds = number32(row);
  s.maximum_message_size = number32(row);
  s.retention_seconds = number32(row);
  s.receive_wait_seconds = number32(row);
  s.visibility_seconds = number32(row);
  s.policy = row.text();
  RedrivePolicy redrive;
  const bool has_redrive = row.boolean();
  redrive.target_arn = row.text();
  redrive.max_receive_count = number32(row);
  if (has_redrive) s.redrive = redrive;
  s.redrive_text = row.text();
  RedriveAllowPolicy allow;
  const bool has_allow = row.boolean();
  allow.permission = static_cast<RedriveAllowPolicy::Permission>(row.number());
  allow.source_arns = row.texts();
  if (has_allow) s.redrive_allow = allow;
  s.redrive_allow_text = row.text();
  s.kms_key_id = row.text();
  s.kms_reuse_seconds = number32(row);
  s.managed_sse = row.boolean();
  s.fifo = row.boolean();
  s.content_based_deduplication = row.boolean();
  s.deduplication_scope = row.text();
  s.throughput_limit = row.text();
  return s;
}

std::string name_in(std::string_view key) {
  KeyReader reader(key);
  std::string name;
  for (int part = 0; part < 5; ++part) name = reader.text().value_or("");
  return name;
}

}  // namespace

std::string queue_key(const QueueName& name) { return space(name.account, name.region, "q").text(name.name).bytes(); }

std::string queue_prefix(const std::string& account, const std::string& region) {
  return space(account, region, "q").bytes();
}

std::string encode(const QueueRow& queue) {
  RowWriter row;
  row.number(queue.id).signed_number(queue.created_seconds).signed_number(queue.modified_seconds);
  row.number(queue.purged_through);
  write(row, queue.settings);
  row.text_map(queue.tags).number(queue.version);
  return std::move(row).bytes();
}

QueueRow decode_queue(const QueueName& name, std::string_view bytes) {
  RowReader row(bytes);
  QueueRow queue;
  queue.name = name.name;
  queue.id = row.number();
  queue.created_seconds = row.signed_number();
  queue.modified_seconds = row.signed_number();
  queue.purged_through = row.number();
  queue.settings = read_settings(row);
  queue.tags = row.text_map();
  queue.version = row.number();
  return queue;
}

Task<std::optional<QueueRow>> find_queue(storage::Transaction& txn, QueueName name) {
  const std::optional<std::string> row = co_await txn.get(queue_key(name));
  if (!row) co_return std::optional<QueueRow>();
  co_return std::optional<QueueRow>(decode_queue(name, *row));
}

Task<std::vector<QueueRow>> list_queues(storage::Transaction& txn, std::string account, std::string region,
                                        std::string prefix, std::string after, std::size_t limit) {
  const Key base = space(account, region, "q");
  std::string begin = base.bytes();
  if (!prefix.empty()) {
    begin = Key(base).text(prefix).bytes();
    begin.resize(begin.size() - 2);  // Without the end mark, so that it is a prefix of longer names.
  }
  std::string end = storage::after_prefix(begin);
  if (!after.empty()) begin = std::max(begin, storage::after_prefix(Key(base).text(after).bytes()));
  ScanOptions options;
  options.limit = limit;
  KeyRange range(std::move(begin), std::move(end));
  const std::vector<KeyValue> rows = co_await txn.scan(range, options);
  std::vector<QueueRow> queues;
  queues.reserve(rows.size());
  for (const KeyValue& row : rows) {
    queues.push_back(decode_queue(QueueName(account, region, name_in(row.key)), row.value));
  }
  co_return queues;
}

Task<std::vector<std::pair<QueueName, QueueRow>>> list_all(storage::Transaction& txn, std::string& after) {
  const Key base(kSpace);
  KeyRange range(after.empty() ? base.bytes() : after + '\0', storage::after_prefix(base.bytes()));
  ScanOptions options;
  options.limit = kPage;
  const std::vector<KeyValue> rows = co_await txn.scan(range, options);
  std::vector<std::pair<QueueName, QueueRow>> queues;
  after = rows.empty() ? std::string() : rows.back().key;
  for (const KeyValue& row : rows) {
    KeyReader reader(row.key);
    reader.text();
    QueueName name;
    name.account = reader.text().value_or("");
    name.region = reader.text().value_or("");
    if (reader.text() != "q") continue;
    name.name = reader.text().value_or("");
    queues.emplace_back(name, decode_queue(name, row.value));
  }
  co_return queues;
}

std::string trash_key(std::uint64_t queue) { return Key("sqs-trash").number(queue).bytes(); }

Task<std::vector<std::uint64_t>> list_trash(storage::Transaction& txn) {
  const Key base("sqs-trash");
  KeyRange range(base.bytes(), storage::after_prefix(base.bytes()));
  ScanOptions options;
  options.limit = kPage;
  const std::vector<KeyValue> rows = co_await txn.scan(range, options);
  std::vector<std::uint64_t> queues;
  for (const KeyValue& row : rows) {
    KeyReader reader(row.key);
    reader.text();
    queues.push_back(reader.number().value_or(0));
  }
  co_return queues;
}

std::string state_key(std::uint64_t queue, Position position) { return message_key("sqs-state", queue, position); }

std::string body_key(std::uint64_t queue, Position position) { return message_key("sqs-body", queue, position); }

Position position_of(std::string_view key) {
  KeyReader reader(key);
  reader.text();
  reader.number();
  Position position;
  position.time = reader.signed_number().value_or(0);
  position.sequence = reader.number().value_or(0);
  return position;
}

std::string encode(const MessageState& state) {
  RowWriter row;
  row.signed_number(state.visible_at).number(state.receives).number(state.earlier_queues);
  row.signed_number(state.first_received).signed_number(state.sent).text(state.group);
  return std::move(row).bytes();
}

MessageState decode_state(std::string_view bytes) {
  RowReader row(bytes);
  MessageState state;
  state.visible_at = row.signed_number();
  state.receives = number32(row);
  state.earlier_queues = number32(row);
  state.first_received = row.signed_number();
  state.sent = row.signed_number();
  state.group = row.text();
  return state;
}

std::string encode(const MessageContent& content) {
  RowWriter row;
  row.text(content.id).text(content.body).text(content.sender_id).text(content.group);
  row.text(content.deduplication_id).text(content.trace_header).text(content.dead_letter_source);
  row.number(content.attributes.size());
  for (const auto& [name, attribute] : content.attributes) {
    row.text(name).text(attribute.data_type).text(attribute.value);
  }
  return std::move(row).bytes();
}

MessageContent decode_content(std::string_view bytes) {
  RowReader row(bytes);
  MessageContent content;
  content.id = row.text();
  content.body = row.text();
  content.sender_id = row.text();
  content.group = row.text();
  content.deduplication_id = row.text();
  content.trace_header = row.text();
  content.dead_letter_source = row.text();
  for (std::size_t count = row.count(); count > 0 && row.ok(); --count) {
    std::string name = row.text();
    Attribute attribute;
    attribute.data_type = row.text();
    attribute.value = row.text();
    content.attributes.emplace(std::move(name), std::move(attribute));
  }
  return content;
}

std::string deduplication_key(std::uint64_t queue, const std::string& key) {
  return Key("sqs-dedup").number(queue).text(key).bytes();
}

std::string encode(const DeduplicationRow& row) {
  RowWriter out;
  out.signed_number(row.expires).text(row.message_id).number(row.sequence);
  return std::move(out).bytes();
}

DeduplicationRow decode_deduplication(std::string_view bytes) {
  RowReader reader(bytes);
  DeduplicationRow row;
  row.expires = reader.signed_number();
  row.message_id = reader.text();
  row.sequence = reader.number();
  return row;
}

void put_deduplication(storage::Transaction& txn, std::uint64_t queue, const std::string& key,
                       const DeduplicationRow& row) {
  txn.put(deduplication_key(queue, key), encode(row));
  txn.put(Key("sqs-due").number(queue).signed_number(row.expires).text(key).bytes(), "");
}

Task<bool> forget_deduplication(storage::Transaction& txn, std::uint64_t queue, Micros& from, Micros now,
                                std::size_t limit) {
  KeyRange range(Key("sqs-due").number(queue).signed_number(from).bytes(),
                 Key("sqs-due").number(queue).signed_number(now).bytes());
  ScanOptions options;
  options.limit = limit;
  const std::vector<KeyValue> rows = co_await txn.scan(range, options);
  Micros reached = now;
  for (const KeyValue& row : rows) {
    KeyReader reader(row.key);
    reader.text();
    reader.number();
    reached = reader.signed_number().value_or(now);
    const std::string key = deduplication_key(queue, reader.text().value_or(""));
    const std::optional<std::string> known = co_await txn.get(key);
    if (known && decode_deduplication(*known).expires <= now) txn.erase(key);
    txn.erase(row.key);
  }
  const bool more = rows.size() == limit;
  from = more ? reached : now;
  co_return more;
}

Task<bool> erase_messages(storage::Transaction& txn, std::uint64_t queue, Position& from, std::uint64_t through,
                          std::size_t limit) {
  KeyRange range = rows_of("sqs-state", queue);
  range.begin = std::max(range.begin, state_key(queue, from));
  ScanOptions options;
  options.limit = limit;
  const std::vector<KeyValue> rows = co_await txn.scan(range, options);
  for (const KeyValue& row : rows) {
    const Position position = position_of(row.key);
    from = Position(position.time, position.sequence + 1);
    if (position.sequence > through) continue;
    txn.erase(row.key);
    txn.erase(body_key(queue, position));
  }
  co_return rows.size() < limit;
}

Task<bool> erase_deduplication(storage::Transaction& txn, std::uint64_t queue, std::size_t limit) {
  ScanOptions options;
  options.limit = limit;
  const KeyRange due = rows_of("sqs-due", queue);
  const std::vector<KeyValue> dues = co_await txn.scan(due, options);
  for (const KeyValue& row : dues) txn.erase(row.key);
  const KeyRange ids = rows_of("sqs-dedup", queue);
  const std::vector<KeyValue> rows = co_await txn.scan(ids, options);
  for (const KeyValue& row : rows) txn.erase(row.key);
  co_return dues.size() < limit&& rows.size() < limit;
}

std::string task_key(const std::string& account, const std::string& region, const std::string& id) {
  return space(account, region, "t").text(id).bytes();
}

std::string encode(const MoveTaskRow& task) {
  RowWriter row;
  row.text(task.id).text(task.source).text(task.destination).number(task.per_second).text(task.status);
  row.signed_number(task.started_millis).number(task.moved).number(task.to_move).number(task.through);
  row.text(task.failure);
  return std::move(row).bytes();
}

MoveTaskRow decode_task(std::string_view bytes) {
  RowReader row(bytes);
  MoveTaskRow task;
  task.id = row.text();
  task.source = row.text();
  task.destination = row.text();
  task.per_second = number32(row);
  task.status = row.text();
  task.started_millis = row.signed_number();
  task.moved = row.number();
  task.to_move = row.number();
  task.through = row.number();
  task.failure = row.text();
  return task;
}

Task<std::vector<MoveTaskRow>> list_tasks(storage::Transaction& txn, std::string account, std::string region) {
  const Key base = space(account, region, "t");
  KeyRange range(base.bytes(), storage::after_prefix(base.bytes()));
  ScanOptions options;
  options.limit = 1000;
  const std::vector<KeyValue> rows = co_await txn.scan(range, options);
  std::vector<MoveTaskRow> tasks;
  for (const KeyValue& row : rows) tasks.push_back(decode_task(row.value));
  co_return tasks;
}

Task<std::vector<std::pair<QueueName, MoveTaskRow>>> list_all_tasks(storage::Transaction& txn) {
  const Key base(kSpace);
  KeyRange range(base.bytes(), storage::after_prefix(base.bytes()));
  ScanOptions options;
  options.limit = kPage;
  std::vector<std::pair<QueueName, MoveTaskRow>> tasks;
  while (true) {
    const std::vector<KeyValue> rows = co_await txn.scan(range, options);
    for (const KeyValue& row : rows) {
      KeyReader reader(row.key);
      reader.text();
      QueueName source;
      source.account = reader.text().value_or("");
      source.region = reader.text().value_or("");
      if (reader.text() != "t") continue;
      MoveTaskRow task = decode_task(row.value);
      source.name = task.source;
      tasks.emplace_back(std::move(source), std::move(task));
    }
    if (rows.size() < kPage) co_return tasks;
    range.begin = rows.back().key + '\0';
  }
}

}  // namespace cumulet::sqs::store
