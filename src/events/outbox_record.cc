#include "events/outbox_record.h"

#include "storage/key.h"
#include "storage/row.h"

namespace cumulet::events {
namespace {

constexpr std::string_view kOutboxSpace = "outbox";

std::int64_t micros(Timestamp time) { return time.time_since_epoch().count(); }
Timestamp timestamp(std::int64_t micros) { return Timestamp(std::chrono::microseconds(micros)); }

}  // namespace

std::string outbox_prefix() { return storage::Key(kOutboxSpace).bytes(); }

std::string lane_prefix(std::string_view target_arn) { return storage::Key(kOutboxSpace).text(target_arn).bytes(); }

std::string record_key(const Event& event, Timestamp due) {
  return storage::Key(kOutboxSpace).text(event.target_arn).signed_number(micros(due)).text(event.id).bytes();
}

std::string record_value(const Event& event) {
  storage::RowWriter row;
  row.text(event.account).text(event.region).text(event.source_arn).text(event.payload).text_map(event.attributes);
  row.number(event.attempt).signed_number(micros(event.recorded));
  return std::move(row).bytes();
}

std::optional<RecordKey> parse_record_key(std::string_view key) {
  storage::KeyReader reader(key);
  if (reader.text() != kOutboxSpace) return std::nullopt;
  std::optional<std::string> target = reader.text();
  const std::optional<std::int64_t> due = reader.signed_number();
  std::optional<std::string> id = reader.text();
  if (!target || !due || !id) return std::nullopt;
  return RecordKey(std::move(*target), timestamp(*due), std::move(*id));
}

std::optional<Event> parse_record(const RecordKey& key, std::string_view value) {
  storage::RowReader row(value);
  Event event;
  event.id = key.id;
  event.target_arn = key.target_arn;
  event.account = row.text();
  event.region = row.text();
  event.source_arn = row.text();
  event.payload = row.text();
  event.attributes = row.text_map();
  event.attempt = static_cast<std::uint32_t>(row.number());
  event.recorded = timestamp(row.signed_number());
  if (!row.ok()) return std::nullopt;
  return event;
}

}  // namespace cumulet::events
