#include "services/lambda/durable/store.h"

#include "storage/key.h"
#include "storage/row.h"
#include "wire/json.h"

namespace cumulet::lambda::durable {
namespace {

namespace api = wire::lambda;
using storage::after_prefix;
using storage::Key;
using storage::KeyRange;
using storage::KeyReader;
using storage::KeyValue;
using storage::RowReader;
using storage::RowWriter;
using storage::ScanOptions;
using storage::Transaction;

constexpr std::string_view kSpace = "lambda-durable";
constexpr std::string_view kEndings = "lambda-durable-end";
constexpr std::size_t kPageBytes = 4u << 20;

Key base(const Store& store, std::string_view kind) {
  return Key(kSpace).text(store.account()).text(store.region()).text(kind);
}

std::string ending_key(const Store& store, const std::string& id) {
  return Key(kEndings).text(store.account()).text(store.region()).text(id).bytes();
}

/// The shape of what a list of an answer holds.
const wire::Shape& element_of(const wire::Shape& answer, std::string_view list) {
  for (const wire::Member& member : answer.members) {
    if (member.name == list) return *member.shape->element;
  }
  return answer;
}

const wire::Shape& operation_shape() {
  return element_of(*api::GetDurableExecutionState::model().output, "Operations");
}

const wire::Shape& event_shape() { return element_of(*api::GetDurableExecutionHistory::model().output, "Events"); }

template <typename T>
std::optional<T> decode(const wire::Shape& shape, std::string_view text) {
  std::optional<T> value(std::in_place);
  wire::Findings findings;
  wire::decode_json(text, shape, &*value, false, findings);
  if (findings.fatal) return std::nullopt;
  return value;
}

void put_time(RowWriter& row, const std::optional<Timestamp>& time) {
  row.signed_number(time ? time->time_since_epoch().count() : 0);
}

Timestamp time_of(std::int64_t micros) { return Timestamp(std::chrono::microseconds(micros)); }

std::optional<Timestamp> read_time(RowReader& row) {
  const std::int64_t micros = row.signed_number();
  if (micros == 0) return std::nullopt;
  return time_of(micros);
}

/// 366 days.
constexpr std::chrono::seconds kLongestExecution{31'622'400};

std::optional<OperationPlace> decode_place(std::string_view bytes) {
  RowReader row(bytes);
  OperationPlace place;
  place.sequence = row.number();
  place.parent = row.text();
  place.is_context = row.boolean();
  place.hides_children = row.boolean();
  if (!row.ok()) return std::nullopt;
  return place;
}

}  // namespace

Timestamp Execution::deadline() const {
  // However long it is paused: as long as an execution may be given.
  const Timestamp last = start + kLongestExecution;
  if (is_paused() && pause->stops_timeout) return last;
  return std::min(last, start + std::chrono::seconds(timeout_seconds) + extension);
}

bool Operation::is_over() const {
  return shown.status != "STARTED" && shown.status != "PENDING" && shown.status != "READY";
}

std::string encode_execution(const Execution& e) {
  RowWriter row;
  row.text(e.id).text(e.name).text(e.function).text(e.version).text(e.invoked_arn).text(e.status);
  put_time(row, e.start);
  put_time(row, e.end);
  row.signed_number(e.timeout_seconds).signed_number(e.retention_days).text(e.payload_digest).text(e.trace);
  row.boolean(e.asynchronous).text(e.token).text(e.last_token).text(e.last_client_token);
  put_time(row, e.last_checkpoint);
  row.number(e.next_operation).number(e.next_event).number(e.bytes).number(e.pending);
  row.boolean(e.due).boolean(e.wake).text(e.invocation).texts(e.finished);
  row.text(e.parent.execution).text(e.parent.operation);
  row.boolean(e.pause.has_value());
  if (e.pause) {
    put_time(row, e.pause->requested);
    put_time(row, e.pause->began);
    row.text(e.pause->reason).boolean(e.pause->stops_timeout);
  }
  row.signed_number(e.extension.count());
  for (const Repeatable* each : {&e.last_pause, &e.last_resumption}) {
    row.text(each->token);
    put_time(row, each->at);
  }
  return std::move(row).bytes();
}

std::optional<Execution> decode_execution(std::string_view bytes) {
  RowReader row(bytes);
  Execution e;
  e.id = row.text();
  e.name = row.text();
  e.function = row.text();
  e.version = row.text();
  e.invoked_arn = row.text();
  e.status = row.text();
  e.start = time_of(row.signed_number());
  e.end = read_time(row);
  e.timeout_seconds = row.signed_number();
  e.retention_days = row.signed_number();
  e.payload_digest = row.text();
  e.trace = row.text();
  e.asynchronous = row.boolean();
  e.token = row.text();
  e.last_token = row.text();
  e.last_client_token = row.text();
  e.last_checkpoint = time_of(row.signed_number());
  e.next_operation = row.number();
  e.next_event = row.number();
  e.bytes = row.number();
  e.pending = row.number();
  e.due = row.boolean();
  e.wake = row.boolean();
  e.invocation = row.text();
  e.finished = row.texts();
  e.parent.execution = row.text();
  e.parent.operation = row.text();
  if (row.at_end() && row.ok()) return e;  // Of before there were pauses.
  if (row.boolean()) {
    Pause& pause = e.pause.emplace();
    pause.requested = time_of(row.signed_number());
    pause.began = read_time(row);
    pause.reason = row.text();
    pause.stops_timeout = row.boolean();
  }
  e.extension = std::chrono::milliseconds(row.signed_number());
  for (Repeatable* each : {&e.last_pause, &e.last_resumption}) {
    each->token = row.text();
    each->at = time_of(row.signed_number());
  }
  if (!row.ok()) return std::nullopt;
  return e;
}

std::string encode_operation(const Operation& operation) {
  wire::JsonWriter json;
  wire::encode_json(operation_shape(), &operation.shown, json);
  RowWriter row;
  row.number(operation.sequence).text(json.text()).signed_number(operation.seconds);
  put_time(row, operation.due);
  row.signed_number(operation.heartbeat_seconds);
  put_time(row, operation.next_beat);
  return std::move(row).bytes();
}

std::optional<Operation> decode_operation(std::string_view bytes) {
  RowReader row(bytes);
  Operation operation;
  operation.sequence = row.number();
  std::optional<api::Operation> shown = decode<api::Operation>(operation_shape(), row.text());
  operation.seconds = row.signed_number();
  operation.due = read_time(row);
  operation.heartbeat_seconds = row.signed_number();
  operation.next_beat = read_time(row);
  if (!row.ok() || !shown) return std::nullopt;
  operation.shown = std::move(*shown);
  return operation;
}

Task<std::optional<Execution>> Store::find(Transaction& txn, std::string id) const {
  const std::optional<std::string> bytes = co_await txn.get(base(*this, "x").text(id).bytes());
  std::optional<Execution> execution;
  if (bytes) execution = decode_execution(*bytes);
  co_return execution;
}

void Store::put(Transaction& txn, const Execution& execution) const {
  txn.put(base(*this, "x").text(execution.id).bytes(), encode_execution(execution));
}

void Store::add(Transaction& txn, const Execution& e) const {
  put(txn, e);
  txn.put(base(*this, "n").text(e.function).text(e.name).bytes(), e.id);
  txn.put(base(*this, "l").text(e.function).signed_number(e.start.time_since_epoch().count()).text(e.id).bytes(), "");
}

Task<void> Store::erase(Transaction& txn, const Execution& e) const {
  for (const char* kind : {"o", "i", "h"}) {
    const std::string prefix = base(*this, kind).text(e.id).bytes();
    std::string from = prefix;
    while (true) {
      const KeyRange range(from, after_prefix(prefix));
      const std::vector<KeyValue> rows = co_await txn.scan(range);
      if (rows.empty()) break;
      for (const KeyValue& row : rows) txn.erase(row.key);
      from = rows.back().key + '\0';
    }
  }
  txn.erase(base(*this, "x").text(e.id).bytes());
  txn.erase(base(*this, "n").text(e.function).text(e.name).bytes());
  txn.erase(base(*this, "l").text(e.function).signed_number(e.start.time_since_epoch().count()).text(e.id).bytes());
  txn.erase(ending_key(*this, e.id));
}

Task<std::optional<std::string>> Store::find_name(Transaction& txn, std::string function, std::string name) const {
  co_return co_await txn.get(base(*this, "n").text(function).text(name).bytes());
}

Task<std::vector<std::pair<std::string, std::string>>> Store::list(Transaction& txn, std::string function,
                                                                   std::string after, bool oldest_first,
                                                                   std::size_t limit) const {
  const std::string prefix = base(*this, "l").text(function).bytes();
  std::string begin = prefix;
  std::string end = after_prefix(prefix);
  if (!after.empty() && oldest_first) begin = prefix + after + '\0';
  if (!after.empty() && !oldest_first) end = prefix + after;
  ScanOptions options;
  options.limit = limit;
  options.reverse = !oldest_first;
  const KeyRange range(begin, end);
  const std::vector<KeyValue> rows = co_await txn.scan(range, options);
  std::vector<std::pair<std::string, std::string>> found;
  for (const KeyValue& row : rows) {
    const std::string place = row.key.substr(prefix.size());
    KeyReader reader(place);
    reader.signed_number();
    found.emplace_back(reader.text().value_or(""), place);
  }
  co_return found;
}

Task<std::optional<Operation>> Store::find_operation(Transaction& txn, std::string id, std::string operation) const {
  std::optional<Operation> found;
  const std::optional<std::string> place = co_await txn.get(base(*this, "i").text(id).text(operation).bytes());
  if (!place) co_return found;
  const std::optional<OperationPlace> read = decode_place(*place);
  if (!read) co_return found;
  const std::optional<std::string> row = co_await txn.get(base(*this, "o").text(id).number(read->sequence).bytes());
  if (row) found = decode_operation(*row);
  co_return found;
}

Task<std::vector<Operation>> Store::operations(Transaction& txn, std::string id, std::uint64_t from, std::size_t limit,
                                               std::size_t bytes) const {
  const std::string prefix = base(*this, "o").text(id).bytes();
  const KeyRange range(base(*this, "o").text(id).number(from).bytes(), after_prefix(prefix));
  ScanOptions options;
  options.limit = limit;
  options.byte_limit = bytes;
  const std::vector<KeyValue> rows = co_await txn.scan(range, options);
  std::vector<Operation> operations;
  for (const KeyValue& row : rows) {
    std::optional<Operation> operation = decode_operation(row.value);
    if (operation) operations.push_back(std::move(*operation));
  }
  co_return operations;
}

std::size_t Store::put_operation(Transaction& txn, const std::string& id, const Operation& operation) const {
  std::string row = encode_operation(operation);
  const std::size_t size = row.size();
  txn.put(base(*this, "o").text(id).number(operation.sequence).bytes(), std::move(row));
  const api::Operation& shown = operation.shown;
  const bool is_context = shown.type == "CONTEXT";
  const bool replays = shown.context_details && shown.context_details->replay_children.value_or(false);
  RowWriter place;
  place.number(operation.sequence).text(shown.parent_id.value_or("")).boolean(is_context);
  place.boolean(is_context && operation.is_over() && !replays);
  txn.put(base(*this, "i").text(id).text(shown.id).bytes(), std::move(place).bytes());
  return size;
}

Task<std::map<std::string, OperationPlace>> Store::places(Transaction& txn, std::string id) const {
  const std::string prefix = base(*this, "i").text(id).bytes();
  std::map<std::string, OperationPlace> places;
  std::string from = prefix;
  while (true) {
    const KeyRange range(from, after_prefix(prefix));
    const std::vector<KeyValue> rows = co_await txn.scan(range);
    if (rows.empty()) break;
    for (const KeyValue& row : rows) {
      KeyReader reader(std::string_view(row.key).substr(prefix.size()));
      std::optional<OperationPlace> place = decode_place(row.value);
      if (place) places.emplace(reader.text().value_or(""), std::move(*place));
    }
    from = rows.back().key + '\0';
  }
  co_return places;
}

std::size_t Store::put_event(Transaction& txn, const std::string& id, const api::Event& event) const {
  wire::JsonWriter json;
  wire::encode_json(event_shape(), &event, json);
  const std::size_t size = json.text().size();
  const auto number = static_cast<std::uint64_t>(event.event_id.value_or(0));
  txn.put(base(*this, "h").text(id).number(number).bytes(), json.take());
  return size;
}

Task<std::vector<api::Event>> Store::events(Transaction& txn, std::string id, std::uint64_t from, bool reverse,
                                            std::size_t limit) const {
  const std::string prefix = base(*this, "h").text(id).bytes();
  std::string begin = prefix;
  std::string end = after_prefix(prefix);
  if (from != 0 && !reverse) begin = base(*this, "h").text(id).number(from).bytes();
  if (from != 0 && reverse) end = base(*this, "h").text(id).number(from + 1).bytes();
  ScanOptions options;
  options.limit = limit;
  options.byte_limit = kPageBytes;
  options.reverse = reverse;
  const KeyRange range(begin, end);
  const std::vector<KeyValue> rows = co_await txn.scan(range, options);
  std::vector<api::Event> events;
  for (const KeyValue& row : rows) {
    std::optional<api::Event> event = decode<api::Event>(event_shape(), row.value);
    if (event) events.push_back(std::move(*event));
  }
  co_return events;
}

void Store::put_ending(Transaction& txn, const std::string& id, const Ending& ending) const {
  // An error travels as the answer that shows it.
  api::GetDurableExecutionResponse shown;
  shown.status = ending.status;
  shown.result = ending.result;
  shown.error = ending.error;
  txn.put(ending_key(*this, id), wire::encode_json(*api::GetDurableExecution::model().output, &shown));
}

Task<std::optional<Ending>> Store::find_ending(Transaction& txn, std::string id) const {
  std::optional<Ending> ending;
  const std::optional<std::string> row = co_await txn.get(ending_key(*this, id));
  if (!row) co_return ending;
  std::optional<api::GetDurableExecutionResponse> shown =
      decode<api::GetDurableExecutionResponse>(*api::GetDurableExecution::model().output, *row);
  if (!shown) co_return ending;
  ending.emplace();
  ending->status = std::move(shown->status);
  ending->result = std::move(shown->result);
  ending->error = std::move(shown->error);
  co_return ending;
}

std::string endings_prefix() { return Key(kEndings).bytes(); }

std::optional<std::string> id_of_ending(std::string_view key) {
  KeyReader reader(key);
  for (int part = 0; part < 3; ++part) reader.text();
  return reader.text();
}

}  // namespace cumulet::lambda::durable
