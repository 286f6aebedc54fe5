#include "services/scheduler/store.h"

#include <algorithm>

#include "storage/key.h"
#include "storage/row.h"
#include "wire/document.h"

namespace cumulet::scheduler {
namespace {

namespace api = wire::scheduler;
using storage::Key;
using storage::KeyRange;
using storage::KeyValue;

Key space(const Store& store, std::string_view kind) {
  return Key("scheduler").text(store.account()).text(store.region()).text(kind);
}

Task<Schedule> decode(std::string bytes) {
  storage::RowReader row(bytes);
  Schedule schedule;
  schedule.shown = co_await wire::read_output<api::GetSchedule>(row.text());
  schedule.client_token = row.text();
  const bool has_tick = row.boolean();
  const Timestamp tick{std::chrono::microseconds(row.signed_number())};
  if (has_tick) schedule.tick = tick;
  schedule.due = Timestamp(std::chrono::microseconds(row.signed_number()));
  co_return schedule;
}

/// What the keys of all texts that start with `prefix` start with.
std::string open_prefix(std::string stem, const std::string& prefix) {
  for (const char c : prefix) {
    stem += c;
    if (c == '\0') stem += '\xff';
  }
  return stem;
}

}  // namespace

Task<std::optional<Schedule>> Store::find(storage::Transaction& txn, std::string group, std::string name) const {
  const std::optional<std::string> row = co_await txn.get(space(*this, "schedule").text(group).text(name).bytes());
  if (!row) co_return std::optional<Schedule>();
  co_return std::optional(co_await decode(*row));
}

void Store::put(storage::Transaction& txn, const Schedule& schedule) const {
  storage::RowWriter row;
  row.text(wire::output_document<api::GetSchedule>(schedule.shown)).text(schedule.client_token);
  row.boolean(schedule.tick.has_value());
  row.signed_number(schedule.tick.value_or(Timestamp()).time_since_epoch().count());
  row.signed_number(schedule.due.time_since_epoch().count());
  txn.put(space(*this, "schedule").text(*schedule.shown.group_name).text(*schedule.shown.name).bytes(),
          std::move(row).bytes());
}

void Store::erase(storage::Transaction& txn, const std::string& group, const std::string& name) const {
  txn.erase(space(*this, "schedule").text(group).text(name).bytes());
}

Task<std::vector<Schedule>> Store::list(storage::Transaction& txn, std::optional<std::string> group, std::string prefix,
                                        std::pair<std::string, std::string> after, std::size_t limit) const {
  std::string stem = space(*this, "schedule").bytes();
  if (group) stem = open_prefix(space(*this, "schedule").text(*group).bytes(), prefix);
  KeyRange range(stem, storage::after_prefix(stem));
  if (!after.second.empty()) {
    range.begin = std::max(
        range.begin, space(*this, "schedule").text(after.first).text(after.second).bytes() + std::string(1, '\0'));
  }
  std::vector<Schedule> schedules;
  storage::ScanOptions options;
  options.limit = limit;
  while (schedules.size() < limit) {
    const std::vector<KeyValue> rows = co_await txn.scan(range, options);
    for (const KeyValue& row : rows) {
      Schedule schedule = co_await decode(row.value);
      if (schedule.shown.name->starts_with(prefix) && schedules.size() < limit) {
        schedules.push_back(std::move(schedule));
      }
    }
    if (rows.size() < limit) break;
    range.begin = rows.back().key + std::string(1, '\0');
  }
  co_return schedules;
}

Task<std::optional<Group>> Store::find_group(storage::Transaction& txn, std::string name) const {
  const std::optional<std::string> row = co_await txn.get(space(*this, "group").text(name).bytes());
  if (!row) co_return std::optional<Group>();
  Group group;
  group.shown = co_await wire::read_output<api::GetScheduleGroup>(*row);
  co_return std::optional(std::move(group));
}

void Store::put_group(storage::Transaction& txn, const Group& group) const {
  txn.put(space(*this, "group").text(*group.shown.name).bytes(),
          wire::output_document<api::GetScheduleGroup>(group.shown));
}

void Store::erase_group(storage::Transaction& txn, const std::string& name) const {
  txn.erase(space(*this, "group").text(name).bytes());
}

Task<std::vector<Group>> Store::list_groups(storage::Transaction& txn, std::string prefix, std::string after,
                                            std::size_t limit) const {
  const std::string stem = open_prefix(space(*this, "group").bytes(), prefix);
  KeyRange range(stem, storage::after_prefix(stem));
  if (!after.empty()) {
    range.begin = std::max(range.begin, space(*this, "group").text(after).bytes() + std::string(1, '\0'));
  }
  storage::ScanOptions options;
  options.limit = limit;
  const std::vector<KeyValue> rows = co_await txn.scan(range, options);
  std::vector<Group> groups;
  for (const KeyValue& row : rows) {
    groups.emplace_back().shown = co_await wire::read_output<api::GetScheduleGroup>(row.value);
  }
  co_return groups;
}

Task<std::map<std::string, std::string>> Store::tags(storage::Transaction& txn, std::string arn) const {
  const std::optional<std::string> row = co_await txn.get(space(*this, "tags").text(arn).bytes());
  if (!row) co_return std::map<std::string, std::string>();
  storage::RowReader reader(*row);
  co_return reader.text_map();
}

void Store::put_tags(storage::Transaction& txn, const std::string& arn,
                     const std::map<std::string, std::string>& tags) const {
  const std::string key = space(*this, "tags").text(arn).bytes();
  if (tags.empty()) {
    txn.erase(key);
    return;
  }
  storage::RowWriter row;
  row.text_map(tags);
  txn.put(key, std::move(row).bytes());
}

}  // namespace cumulet::scheduler
