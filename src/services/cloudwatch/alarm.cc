#include "services/cloudwatch/alarm.h"

#include "base/ids.h"
#include "storage/key.h"
#include "storage/row.h"
#include "wire/document.h"

namespace cumulet::cloudwatch {
namespace {

namespace api = wire::cloudwatch;

constexpr std::chrono::hours kHistoryKept{30 * 24};
constexpr std::size_t kPrunedAtOnce = 10;

std::string history_key(const Store& store, std::int64_t micros, const std::string& id) {
  return storage::Key("cw").text(store.account()).text(store.region()).text("h").signed_number(micros).text(id).bytes();
}

}  // namespace

std::string alarm_key(const Store& store, const std::string& name) {
  return storage::Key("cw").text(store.account()).text(store.region()).text("a").text(name).bytes();
}

std::string alarm_value(const Alarm& alarm) {
  api::DescribeAlarmsOutput document;
  if (alarm.metric) document.metric_alarms = std::vector<api::MetricAlarm>{*alarm.metric};
  if (alarm.composite) document.composite_alarms = std::vector<api::CompositeAlarm>{*alarm.composite};
  storage::RowWriter row;
  row.text(wire::output_document<api::DescribeAlarms>(document)).text_map(alarm.tags);
  return std::move(row).bytes();
}

std::optional<Alarm> parse_alarm(const std::string& value) {
  storage::RowReader row(value);
  Result<api::DescribeAlarmsOutput> document = wire::read_output<api::DescribeAlarms>(row.text());
  Alarm alarm;
  alarm.tags = row.text_map();
  if (!document.ok() || !row.ok()) return std::nullopt;
  if (document->metric_alarms && !document->metric_alarms->empty()) alarm.metric = document->metric_alarms->front();
  if (document->composite_alarms && !document->composite_alarms->empty()) {
    alarm.composite = document->composite_alarms->front();
  }
  if (!alarm.metric && !alarm.composite) return std::nullopt;
  return alarm;
}

Task<std::optional<Alarm>> find_alarm(storage::Transaction& txn, Store store, std::string name) {
  const std::optional<std::string> value = co_await txn.get(alarm_key(store, name));
  if (!value) co_return std::nullopt;
  co_return parse_alarm(*value);
}

Task<std::vector<Alarm>> list_alarms(storage::Transaction& txn, Store store, std::string prefix, std::string after,
                                     std::size_t limit) {
  const std::string end = storage::after_prefix(store.prefix("a"));
  const std::string begin = after.empty() || after < prefix ? alarm_key(store, prefix) : alarm_key(store, after) + '\0';
  // The end mark of a name is no part of its prefix.
  std::string from = begin;
  if (after.empty() || after < prefix) from.resize(from.size() - 2);
  storage::ScanOptions options;
  options.limit = limit;
  storage::KeyRange range(from, end);
  const std::vector<storage::KeyValue> rows = co_await txn.scan(std::move(range), options);
  std::vector<Alarm> alarms;
  for (const storage::KeyValue& row : rows) {
    std::optional<Alarm> alarm = parse_alarm(row.value);
    if (!alarm) continue;
    if (!alarm->name().starts_with(prefix)) break;
    alarms.push_back(std::move(*alarm));
  }
  co_return alarms;
}

Task<void> add_history(storage::Transaction& txn, Store store, api::AlarmHistoryItem item) {
  const std::int64_t micros = item.timestamp->time_since_epoch().count();
  storage::ScanOptions options;
  options.limit = kPrunedAtOnce;
  const std::int64_t kept = micros - std::chrono::microseconds(kHistoryKept).count();
  storage::KeyRange old(store.prefix("h"), history_key(store, kept, ""));
  const std::vector<storage::KeyValue> rows = co_await txn.scan(std::move(old), options);
  for (const storage::KeyValue& row : rows) txn.erase(row.key);
  api::DescribeAlarmHistoryOutput document;
  document.alarm_history_items = std::vector<api::AlarmHistoryItem>{std::move(item)};
  txn.put(history_key(store, micros, random_id(12)), wire::output_document<api::DescribeAlarmHistory>(document));
}

Task<std::vector<api::AlarmHistoryItem>> list_history(storage::Transaction& txn, Store store, std::string& after,
                                                      bool ascending, std::size_t limit) {
  storage::ScanOptions options;
  options.limit = limit;
  options.reverse = !ascending;
  const std::string begin = store.prefix("h");
  const std::string end = storage::after_prefix(begin);
  storage::KeyRange range(ascending && !after.empty() ? after + '\0' : begin,
                          !ascending && !after.empty() ? after : end);
  const std::vector<storage::KeyValue> rows = co_await txn.scan(std::move(range), options);
  std::vector<api::AlarmHistoryItem> items;
  for (const storage::KeyValue& row : rows) {
    Result<api::DescribeAlarmHistoryOutput> document = wire::read_output<api::DescribeAlarmHistory>(row.value);
    if (document.ok() && document->alarm_history_items && !document->alarm_history_items->empty()) {
      items.push_back(document->alarm_history_items->front());
    } else {
      items.emplace_back();
    }
  }
  after = rows.empty() ? std::string() : rows.back().key;
  co_return items;
}

}  // namespace cumulet::cloudwatch
