#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/loop.h"
#include "events/directed.h"
#include "events/metric_sink.h"
#include "events/outbox.h"
#include "events/timetable.h"
#include "net/client.h"
#include "services/eventbridge/bus.h"
#include "services/eventbridge/names.h"
#include "services/eventbridge/store.h"
#include "storage/database.h"
#include "wire/directory.h"
#include "wire/document.h"
#include "wire/generated/events.h"
#include "wire/service.h"

namespace cumulet::eventbridge {

/// An event as it stands on a bus.
struct BusEvent {
  std::string id;
  std::string envelope;  ///< Compact JSON: what patterns see and targets get.
  std::string trace_header;
  Timestamp ingested;
  std::uint32_t hops = 0;      ///< Buses that it has come over.
  std::set<std::string> only;  ///< ARNs of the rules that may match; empty for all (replays).
  bool archive = true;
};

/// EventBridge: buses, rules and their targets, archives and replays, API destinations.
/// https://docs.aws.amazon.com/eventbridge/latest/APIReference/
///
/// PutEvents matches an event at once and writes what each matched target gets into the outbox, in one transaction.
/// What lies there comes back through `deliver`.
class EventBridge final : public events::Target {
 public:
  EventBridge(storage::Database& database, const Clock& clock, events::Outbox& outbox, const wire::Directory& directory,
              net::Client& client, events::MetricSink& metrics);

  const wire::Service& service() const { return service_; }

  /// For ARNs of buses (events of other services), of API destinations, and for events of its own that are on their way
  /// to a target.
  Task<events::Outcome> deliver(const events::Event& event) override;

  /// Begins scheduled rules, and goes on with replays, on that loop.
  void start(Loop& loop);
  void clock_moved();  ///< Any thread.
  void drain(SteadyTime deadline);

 private:
  using Call = wire::Call;
  template <typename Operation>
  using Out = Task<typename Operation::Output>;

  /// A page of a List operation's answer, made of the rows' documents: `member` is their list in it.
  template <typename Operation>
  Out<Operation> list_parts(Store store, Part part, std::string bus, std::optional<std::string> prefix,
                            std::optional<std::string> token, std::optional<std::int32_t> limit, std::string member);

  // operations_buses.cc
  void register_buses();
  Out<wire::events::CreateEventBus> create_event_bus(Call& call, const wire::events::CreateEventBusRequest& input);
  Out<wire::events::DeleteEventBus> delete_event_bus(Call& call, const wire::events::DeleteEventBusRequest& input);
  Out<wire::events::DescribeEventBus> describe_event_bus(Call& call,
                                                         const wire::events::DescribeEventBusRequest& input);
  Out<wire::events::ListEventBuses> list_event_buses(Call& call, const wire::events::ListEventBusesRequest& input);
  Out<wire::events::UpdateEventBus> update_event_bus(Call& call, const wire::events::UpdateEventBusRequest& input);
  Out<wire::events::PutPermission> put_permission(Call& call, const wire::events::PutPermissionRequest& input);
  Out<wire::events::RemovePermission> remove_permission(Call& call, const wire::events::RemovePermissionRequest& input);

  // operations_rules.cc
  void register_rules();
  Out<wire::events::PutRule> put_rule(Call& call, const wire::events::PutRuleRequest& input);
  Out<wire::events::DeleteRule> delete_rule(Call& call, const wire::events::DeleteRuleRequest& input);
  Out<wire::events::DescribeRule> describe_rule(Call& call, const wire::events::DescribeRuleRequest& input);
  Out<wire::events::ListRules> list_rules(Call& call, const wire::events::ListRulesRequest& input);
  Task<void> set_state(Call& call, std::string bus, std::string rule, std::string state);
  Task<void> schedule_rule(storage::Transaction& txn, Store store, std::string rule, std::string expression,
                           bool enabled);
  Task<void> rule_due(storage::Transaction& txn, Timestamp due, std::string id);

  // operations_targets.cc
  void register_targets();
  Out<wire::events::PutTargets> put_targets_of_rule(Call& call, const wire::events::PutTargetsRequest& input);
  Out<wire::events::RemoveTargets> remove_targets(Call& call, const wire::events::RemoveTargetsRequest& input);
  Out<wire::events::ListTargetsByRule> list_targets(Call& call, const wire::events::ListTargetsByRuleRequest& input);
  Out<wire::events::ListRuleNamesByTarget> list_rule_names(Call& call,
                                                           const wire::events::ListRuleNamesByTargetRequest& input);

  // operations_events.cc
  void register_events();
  Out<wire::events::PutEvents> put_events(Call& call, const wire::events::PutEventsRequest& input);
  Out<wire::events::TestEventPattern> test_event_pattern(Call& call,
                                                         const wire::events::TestEventPatternRequest& input);
  Task<bool> may_put(Call& call, Store store, std::string bus);

  // operations_tags.cc
  void register_tags();

  // operations_archives.cc
  void register_archives();
  Out<wire::events::CreateArchive> create_archive(Call& call, const wire::events::CreateArchiveRequest& input);
  Out<wire::events::UpdateArchive> update_archive(Call& call, const wire::events::UpdateArchiveRequest& input);
  Out<wire::events::DeleteArchive> delete_archive(Call& call, const wire::events::DeleteArchiveRequest& input);
  Out<wire::events::DescribeArchive> describe_archive(Call& call, const wire::events::DescribeArchiveRequest& input);
  Out<wire::events::ListArchives> list_archives(Call& call, const wire::events::ListArchivesRequest& input);
  Task<void> erase_expired(storage::Transaction& txn, Timestamp due, std::string id);

  // replays.cc
  void register_replays();
  Out<wire::events::StartReplay> start_replay(Call& call, const wire::events::StartReplayRequest& input);
  Out<wire::events::DescribeReplay> describe_replay(Call& call, const wire::events::DescribeReplayRequest& input);
  Out<wire::events::CancelReplay> cancel_replay(Call& call, const wire::events::CancelReplayRequest& input);
  Out<wire::events::ListReplays> list_replays(Call& call, const wire::events::ListReplaysRequest& input);
  Task<void> replay_step(storage::Transaction& txn, Timestamp due, std::string id);

  // operations_connections.cc
  void register_connections();
  Out<wire::events::CreateConnection> create_connection(Call& call, const wire::events::CreateConnectionRequest& input);
  Out<wire::events::UpdateConnection> update_connection(Call& call, const wire::events::UpdateConnectionRequest& input);
  Out<wire::events::DeleteConnection> delete_connection(Call& call, const wire::events::DeleteConnectionRequest& input);
  Out<wire::events::DeauthorizeConnection> deauthorize_connection(
      Call& call, const wire::events::DeauthorizeConnectionRequest& input);
  Out<wire::events::DescribeConnection> describe_connection(Call& call,
                                                            const wire::events::DescribeConnectionRequest& input);
  Out<wire::events::ListConnections> list_connections(Call& call, const wire::events::ListConnectionsRequest& input);

  // operations_api_destinations.cc
  void register_api_destinations();
  Out<wire::events::CreateApiDestination> create_api_destination(
      Call& call, const wire::events::CreateApiDestinationRequest& input);
  Out<wire::events::UpdateApiDestination> update_api_destination(
      Call& call, const wire::events::UpdateApiDestinationRequest& input);
  Out<wire::events::DeleteApiDestination> delete_api_destination(
      Call& call, const wire::events::DeleteApiDestinationRequest& input);
  Out<wire::events::DescribeApiDestination> describe_api_destination(
      Call& call, const wire::events::DescribeApiDestinationRequest& input);
  Out<wire::events::ListApiDestinations> list_api_destinations(Call& call,
                                                               const wire::events::ListApiDestinationsRequest& input);

  // publish.cc
  /// Matches an event on a bus and records what its targets get.
  Task<void> publish(storage::Transaction& txn, Store store, std::string bus, BusEvent event);
  void record_target(storage::Transaction& txn, const Store& store, const std::string& bus,
                     const CompiledBus::Rule& rule, const wire::events::Target& target, const BusEvent& event);

  // delivery.cc
  Task<events::Outcome> deliver_to_bus(const events::Event& event, std::string bus);
  Task<events::Outcome> deliver_in_lane(const events::Event& event);
  void count(const Store& store, const std::string& bus, const std::string& rule, std::string_view metric) const;

  // api_destination_call.cc
  Task<events::Outcome> call_api_destination(const events::Event& event, std::string name);
  Task<std::string> access_token(std::string key, wire::events::CreateConnectionOAuthRequestParameters parameters);
  milliseconds wait_for_turn(const std::string& arn, std::int32_t per_second);

  storage::Database& database_;
  const Clock& clock_;
  events::Outbox& outbox_;
  net::Client& client_;
  events::MetricSink& metrics_;
  wire::Service service_;
  events::DirectedDelivery directed_;
  BusCache buses_;
  events::Timetable schedules_;  ///< Ids: account, region, rule.
  events::Timetable replays_;    ///< Ids: account, region, replay.
  events::Timetable expiry_;     ///< Ids: account, region, archive.

  struct Token {
    std::string value;
    Timestamp until;
  };
  std::mutex mutex_;
  std::map<std::string, Token> tokens_;      ///< By connection's ARN and secret.
  std::map<std::string, SteadyTime> turns_;  ///< By destination's ARN: when its next call may go out.
};

template <typename Operation>
Task<typename Operation::Output> EventBridge::list_parts(Store store, Part part, std::string bus,
                                                         std::optional<std::string> prefix,
                                                         std::optional<std::string> token,
                                                         std::optional<std::int32_t> limit, std::string member) {
  const auto count = static_cast<std::size_t>(limit.value_or(static_cast<std::int32_t>(kPageLimit)));
  const std::string after = co_await page_start(std::move(token));
  const auto read = [&](storage::Transaction& txn) -> Task<std::vector<Named>> {
    if (part == Part::kRule) co_await require_bus(store, txn, bus);
    co_return co_await store.list(txn, part, bus, prefix.value_or(""), after, count + 1);
  };
  std::vector<Named> rows = co_await storage::transact(database_, read);
  const bool more = rows.size() > count;
  if (more) rows.pop_back();
  std::string document = "{\"" + member + "\":[";
  for (const Named& row : rows) document += (&row == &rows.front() ? "" : ",") + row.document;
  typename Operation::Output output = co_await wire::read_output<Operation>(document + "]}");
  if (more) output.next_token = page_token(rows.back().name);
  co_return output;
}

/// What the ids of the timetables are made of.
std::string timetable_id(const Store& store, const std::string& name);
struct TimetableId {
  TimetableId(Store s, std::string n) : store(std::move(s)), name(std::move(n)) {}
  Store store;
  std::string name;
};
TimetableId parse_timetable_id(const std::string& id);

}  // namespace cumulet::eventbridge
