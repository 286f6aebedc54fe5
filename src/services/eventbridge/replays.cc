#include "base/text.h"
#include "services/eventbridge/eventbridge.h"
#include "storage/row.h"
#include "wire/arn.h"

namespace cumulet::eventbridge {
namespace {

namespace api = wire::events;
using Replay = api::DescribeReplayResponse;

constexpr std::size_t kBatch = 50;
constexpr std::string_view kArchiveKind = "archive/";

Task<Replay> require_replay(Store store, storage::Transaction& txn, std::string name) {
  const std::optional<std::string> row = co_await store.find(txn, Part::kReplay, "", name);
  if (!row) co_return not_found("Replay " + name + " does not exist.");
  co_return co_await wire::read_output<api::DescribeReplay>(*row);
}

void put_replay(const Store& store, storage::Transaction& txn, const Replay& replay) {
  store.put(txn, Part::kReplay, "", *replay.replay_name, wire::output_document<api::DescribeReplay>(replay));
}

Result<std::string> archive_of(const std::string& arn) {
  const std::optional<wire::Arn> parsed = wire::parse_arn(arn);
  if (!parsed || !parsed->resource.starts_with(kArchiveKind)) {
    return invalid("Parameter EventSourceArn is not valid. Reason: Must contain an archive ARN.");
  }
  return parsed->resource.substr(kArchiveKind.size());
}

/// The event once more, saying so.
std::string replayed(const std::string& envelope, const std::string& replay) {
  return envelope.substr(0, envelope.size() - 1) + ",\"replay-name\":\"" + json_escape(replay) + "\"}";
}

std::int64_t micros(Timestamp time) { return time.time_since_epoch().count(); }

}  // namespace

void EventBridge::register_replays() {
  service_.on<api::StartReplay>([this](Call& c, const auto& in) { return start_replay(c, in); });
  service_.on<api::DescribeReplay>([this](Call& c, const auto& in) { return describe_replay(c, in); });
  service_.on<api::CancelReplay>([this](Call& c, const auto& in) { return cancel_replay(c, in); });
  service_.on<api::ListReplays>([this](Call& c, const auto& in) { return list_replays(c, in); });
}

Task<api::StartReplayResponse> EventBridge::start_replay(Call& call, const api::StartReplayRequest& input) {
  if (input.event_start_time >= input.event_end_time) {
    co_return invalid("Parameter EventEndTime is not valid. Reason: EventStartTime must be before EventEndTime.");
  }
  const std::string archive = co_await archive_of(input.event_source_arn);
  const Store store = store_of(call);
  Replay replay;
  replay.replay_name = input.replay_name;
  replay.replay_arn = make_arn(store, "replay/" + input.replay_name);
  replay.description = input.description;
  replay.state = "STARTING";
  replay.event_source_arn = input.event_source_arn;
  replay.destination = input.destination;
  replay.event_start_time = input.event_start_time;
  replay.event_end_time = input.event_end_time;
  replay.replay_start_time = clock_.now();
  const auto begin = [&](storage::Transaction& txn) -> Task<void> {
    const std::optional<std::string> row = co_await store.find(txn, Part::kArchive, "", archive);
    if (!row) co_await fail(not_found("Archive " + archive + " does not exist."));
    const api::DescribeArchiveResponse source = co_await wire::read_output<api::DescribeArchive>(*row);
    if (source.event_source_arn != input.destination.arn) {
      co_await fail(
          invalid("Parameter Destination.Arn is not valid. Reason: Cross event bus replay is not permitted."));
    }
    if (co_await store.find(txn, Part::kReplay, "", input.replay_name)) {
      co_await fail(exists("Replay " + input.replay_name + " already exists."));
    }
    put_replay(store, txn, replay);
    replays_.put(txn, clock_.now(), timetable_id(store, input.replay_name));
  };
  co_await storage::transact(database_, begin);
  co_return co_await wire::read_output<api::StartReplay>(wire::output_document<api::DescribeReplay>(replay));
}

/// The next events, and where it stands after them, in one transaction.
Task<void> EventBridge::replay_step(storage::Transaction& txn, Timestamp, std::string id) {
  const TimetableId which = parse_timetable_id(id);
  const Store& store = which.store;
  const std::optional<std::string> row = co_await store.find(txn, Part::kReplay, "", which.name);
  if (!row) co_return;
  Replay replay = co_await wire::read_output<api::DescribeReplay>(*row);
  const Result<std::string> archive = archive_of(replay.event_source_arn.value_or(""));
  if (!archive.ok() || !replay.destination) co_return;
  if (replay.state == "CANCELLING") {
    replay.state = "CANCELLED";
    replay.replay_end_time = clock_.now();
    put_replay(store, txn, replay);
    co_return;
  }
  std::int64_t time = micros(replay.event_start_time.value_or(Timestamp()));
  std::string last;
  if (const std::optional<std::string> position = co_await store.find(txn, Part::kPosition, "", which.name)) {
    storage::RowReader reader(*position);
    time = reader.signed_number();
    last = reader.text();
  }
  const std::int64_t until = micros(replay.event_end_time.value_or(Timestamp()));
  const std::vector<Archived> batch = co_await store.list_archived(txn, *archive, time, last, until, kBatch);
  const std::string bus = bus_of(replay.destination->arn);
  for (const Archived& archived : batch) {
    BusEvent event;
    event.id = archived.id;
    event.envelope = replayed(archived.envelope, which.name);
    event.ingested = clock_.now();
    event.archive = false;
    if (replay.destination->filter_arns) {
      event.only.insert(replay.destination->filter_arns->begin(), replay.destination->filter_arns->end());
    }
    co_await publish(txn, store, bus, std::move(event));
  }
  replay.state = "RUNNING";
  if (batch.empty()) {
    replay.state = "COMPLETED";
    replay.replay_end_time = clock_.now();
    store.erase(txn, Part::kPosition, "", which.name);
  } else {
    replay.event_last_replayed_time = Timestamp(std::chrono::microseconds(batch.back().time));
    storage::RowWriter position;
    position.signed_number(batch.back().time).text(batch.back().id);
    store.put(txn, Part::kPosition, "", which.name, std::move(position).bytes());
    replays_.put(txn, clock_.now(), id);
  }
  put_replay(store, txn, replay);
}

Task<Replay> EventBridge::describe_replay(Call& call, const api::DescribeReplayRequest& input) {
  const Store store = store_of(call);
  const auto read = [&](storage::Transaction& txn) -> Task<Replay> {
    co_return co_await require_replay(store, txn, input.replay_name);
  };
  co_return co_await storage::transact(database_, read);
}

Task<api::CancelReplayResponse> EventBridge::cancel_replay(Call& call, const api::CancelReplayRequest& input) {
  const Store store = store_of(call);
  const auto cancel = [&](storage::Transaction& txn) -> Task<Replay> {
    Replay replay = co_await require_replay(store, txn, input.replay_name);
    if (replay.state != "STARTING" && replay.state != "RUNNING") {
      co_return Error(api::errors::kIllegalStatusException,
                      "Replay " + input.replay_name + " is not in a valid state for this operation.");
    }
    replay.state = "CANCELLING";
    put_replay(store, txn, replay);
    co_return replay;
  };
  const Replay replay = co_await storage::transact(database_, cancel);
  co_return co_await wire::read_output<api::CancelReplay>(wire::output_document<api::DescribeReplay>(replay));
}

Task<api::ListReplaysResponse> EventBridge::list_replays(Call& call, const api::ListReplaysRequest& input) {
  const Store store = store_of(call);
  api::ListReplaysResponse output = co_await list_parts<api::ListReplays>(store, Part::kReplay, "", input.name_prefix,
                                                                          input.next_token, input.limit, "Replays");
  std::erase_if(*output.replays, [&input](const api::Replay& replay) {
    return (input.event_source_arn && replay.event_source_arn != input.event_source_arn) ||
           (input.state && replay.state != input.state);
  });
  co_return output;
}

}  // namespace cumulet::eventbridge
