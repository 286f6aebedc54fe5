#include "base/text.h"
#include "events/event_pattern.h"
#include "services/eventbridge/eventbridge.h"
#include "wire/arn.h"

namespace cumulet::eventbridge {
namespace {

namespace api = wire::events;
using Archive = api::DescribeArchiveResponse;

constexpr std::size_t kPageOfEvents = 500;
constexpr std::size_t kCountedEvents = 100'000;
constexpr std::chrono::hours kSweepPause{24};
constexpr std::int64_t kEver = INT64_MAX;

Task<Archive> require_archive(Store store, storage::Transaction& txn, std::string name) {
  const std::optional<std::string> row = co_await store.find(txn, Part::kArchive, "", name);
  if (!row) co_return not_found("Archive " + name + " does not exist.");
  co_return co_await wire::read_output<api::DescribeArchive>(*row);
}

void put_archive(const Store& store, storage::Transaction& txn, const Archive& archive) {
  store.put(txn, Part::kArchive, "", *archive.archive_name, wire::output_document<api::DescribeArchive>(archive));
}

}  // namespace

void EventBridge::register_archives() {
  service_.on<api::CreateArchive>([this](Call& c, const auto& in) { return create_archive(c, in); });
  service_.on<api::UpdateArchive>([this](Call& c, const auto& in) { return update_archive(c, in); });
  service_.on<api::DeleteArchive>([this](Call& c, const auto& in) { return delete_archive(c, in); });
  service_.on<api::DescribeArchive>([this](Call& c, const auto& in) { return describe_archive(c, in); });
  service_.on<api::ListArchives>([this](Call& c, const auto& in) { return list_archives(c, in); });
}

Task<api::CreateArchiveResponse> EventBridge::create_archive(Call& call, const api::CreateArchiveRequest& input) {
  if (input.event_pattern) co_await events::EventPattern::parse(*input.event_pattern);
  const Store store = store_of(call);
  const std::string bus = bus_of(input.event_source_arn);
  Archive archive;
  archive.archive_name = input.archive_name;
  archive.archive_arn = make_arn(store, "archive/" + input.archive_name);
  archive.event_source_arn = input.event_source_arn;
  archive.description = input.description;
  archive.event_pattern = input.event_pattern;
  archive.retention_days = input.retention_days.value_or(0);
  archive.kms_key_identifier = input.kms_key_identifier;
  archive.state = "ENABLED";
  archive.creation_time = clock_.now();
  const auto create = [&](storage::Transaction& txn) -> Task<void> {
    co_await require_bus(store, txn, bus);
    if (co_await store.find(txn, Part::kArchive, "", input.archive_name)) {
      co_await fail(exists("Archive " + input.archive_name + " already exists."));
    }
    const std::vector<Named> all = co_await store.list(txn, Part::kArchive, "", "", "", kArchiveLimit);
    if (all.size() == kArchiveLimit) co_await fail(too_many());
    put_archive(store, txn, archive);
    expiry_.put(txn, clock_.now() + kSweepPause, timetable_id(store, input.archive_name));
    co_await store.bump_revision(txn, bus);
  };
  co_await storage::transact(database_, create);
  co_return co_await wire::read_output<api::CreateArchive>(wire::output_document<api::DescribeArchive>(archive));
}

Task<api::UpdateArchiveResponse> EventBridge::update_archive(Call& call, const api::UpdateArchiveRequest& input) {
  if (input.event_pattern) co_await events::EventPattern::parse(*input.event_pattern);
  const Store store = store_of(call);
  const auto change = [&](storage::Transaction& txn) -> Task<Archive> {
    Archive archive = co_await require_archive(store, txn, input.archive_name);
    if (input.description) archive.description = input.description;
    if (input.event_pattern) archive.event_pattern = input.event_pattern;
    if (input.retention_days) archive.retention_days = input.retention_days;
    if (input.kms_key_identifier) archive.kms_key_identifier = input.kms_key_identifier;
    put_archive(store, txn, archive);
    co_await store.bump_revision(txn, bus_of(*archive.event_source_arn));
    co_return archive;
  };
  const Archive archive = co_await storage::transact(database_, change);
  co_return co_await wire::read_output<api::UpdateArchive>(wire::output_document<api::DescribeArchive>(archive));
}

Task<wire::events::DeleteArchive::Output> EventBridge::delete_archive(Call& call,
                                                                      const api::DeleteArchiveRequest& input) {
  const Store store = store_of(call);
  const auto erase = [&](storage::Transaction& txn) -> Task<void> {
    const Archive archive = co_await require_archive(store, txn, input.archive_name);
    store.erase(txn, Part::kArchive, "", input.archive_name);
    co_await store.bump_revision(txn, bus_of(*archive.event_source_arn));
    // Its events go in bounded steps.
    expiry_.put(txn, clock_.now(), timetable_id(store, input.archive_name));
  };
  co_await storage::transact(database_, erase);
  co_return api::DeleteArchive::Output();
}

/// Takes out what retention no longer keeps, and everything where the archive is gone.
Task<void> EventBridge::erase_expired(storage::Transaction& txn, Timestamp, std::string id) {
  const TimetableId which = parse_timetable_id(id);
  const std::optional<std::string> row = co_await which.store.find(txn, Part::kArchive, "", which.name);
  std::int64_t until = kEver;
  if (row) {
    const Archive archive = co_await wire::read_output<api::DescribeArchive>(*row);
    const std::int32_t days = archive.retention_days.value_or(0);
    until = days == 0 ? 0 : (clock_.now() - std::chrono::hours(24) * days).time_since_epoch().count();
  }
  const std::vector<Archived> old = co_await which.store.list_archived(txn, which.name, 0, "", until, kPageOfEvents);
  for (const Archived& event : old) which.store.erase_archived(txn, which.name, event);
  if (!old.empty()) {
    expiry_.put(txn, clock_.now(), id);
  } else if (row) {
    expiry_.put(txn, clock_.now() + kSweepPause, id);
  }
}

Task<Archive> EventBridge::describe_archive(Call& call, const api::DescribeArchiveRequest& input) {
  const Store store = store_of(call);
  const auto read = [&](storage::Transaction& txn) -> Task<Archive> {
    co_return co_await require_archive(store, txn, input.archive_name);
  };
  Archive archive = co_await storage::transact(database_, read);
  std::int64_t time = 0;
  std::string last;
  std::size_t count = 0;
  std::int64_t bytes = 0;
  while (count < kCountedEvents) {
    const auto page = [&](storage::Transaction& txn) -> Task<std::vector<Archived>> {
      co_return co_await store.list_archived(txn, input.archive_name, time, last, kEver, kPageOfEvents);
    };
    const std::vector<Archived> events = co_await storage::transact(database_, page);
    if (events.empty()) break;
    for (const Archived& event : events) bytes += static_cast<std::int64_t>(event.envelope.size());
    count += events.size();
    time = events.back().time;
    last = events.back().id;
  }
  archive.event_count = static_cast<std::int64_t>(count);
  archive.size_bytes = bytes;
  co_return archive;
}

Task<api::ListArchivesResponse> EventBridge::list_archives(Call& call, const api::ListArchivesRequest& input) {
  const Store store = store_of(call);
  api::ListArchivesResponse output = co_await list_parts<api::ListArchives>(
      store, Part::kArchive, "", input.name_prefix, input.next_token, input.limit, "Archives");
  std::erase_if(*output.archives, [&input](const api::Archive& archive) {
    return (input.event_source_arn && archive.event_source_arn != input.event_source_arn) ||
           (input.state && archive.state != input.state);
  });
  co_return output;
}

}  // namespace cumulet::eventbridge
