#include "base/ids.h"
#include "base/text.h"
#include "events/json_text.h"
#include "services/eventbridge/eventbridge.h"
#include "wire/arn.h"
#include "wire/json_writer.h"

namespace cumulet::eventbridge {
namespace {

namespace api = wire::events;
using events::DirectedOutcome;

/// Rules that send a bus's events round in a circle end here.
constexpr std::int64_t kHopLimit = 8;

std::string attribute(const events::Event& event, const std::string& name) {
  const auto found = event.attributes.find(name);
  return found == event.attributes.end() ? std::string() : found->second;
}

/// An event of another service, as it stands on a bus.
std::string envelope(const events::Event& event, const std::string& detail) {
  wire::JsonWriter json(detail.size() + 512);
  json.begin_object().key("version").string("0").key("id").string(event.id);
  json.key("detail-type").string(attribute(event, "@DetailType")).key("source").string(attribute(event, "@Source"));
  json.key("account").string(event.account).key("time").string(iso8601(event.recorded));
  json.key("region").string(event.region);
  const std::optional<std::string> resources = events::compact_json(attribute(event, "@Resources"));
  json.key("resources").raw(resources && resources->starts_with('[') ? *resources : "[]");
  return json.key("detail").raw(detail).end_object().take();
}

}  // namespace

Task<events::Outcome> EventBridge::deliver(const events::Event& event) {
  const std::optional<wire::Arn> arn = wire::parse_arn(event.target_arn);
  const std::string type(arn ? arn->resource_type() : "");
  const std::string id(arn ? arn->resource_id() : "");
  if (type == "lane") co_return co_await deliver_in_lane(event);
  if (type == "event-bus") co_return co_await deliver_to_bus(event, id);
  if (type == "api-destination") {
    co_return co_await call_api_destination(event, id.substr(0, id.find('/')));
  }
  co_return events::Outcome::dropped("EventBridge has no target of this kind: " + event.target_arn);
}

Task<events::Outcome> EventBridge::deliver_to_bus(const events::Event& event, std::string bus) {
  const std::optional<wire::Arn> arn = wire::parse_arn(event.target_arn);
  const Store store(arn->account, arn->region);
  const std::optional<std::string> payload = events::compact_json(event.payload);
  if (!payload || !payload->starts_with('{')) co_return events::Outcome::dropped("the detail is no JSON object");
  const std::int64_t hops = parse_int(attribute(event, "@Hops")).value_or(0);
  if (hops > kHopLimit) co_return events::Outcome::dropped("the event has passed too many event buses");
  BusEvent placed;
  placed.id = event.id;
  placed.ingested = clock_.now();
  placed.hops = static_cast<std::uint32_t>(hops);
  // A rule hands the whole event on; what another service says is its detail.
  placed.envelope = hops > 0 ? *payload : envelope(event, *payload);
  const auto put = [&](storage::Transaction& txn) -> Task<bool> {
    const Result<void> there = co_await attempt(require_bus(store, txn, bus));
    if (!there.ok() && !there.error().is(api::errors::kResourceNotFoundException)) co_await fail(there.error());
    if (there.ok()) co_await publish(txn, store, bus, placed);
    co_return there.ok();
  };
  const bool there = co_await storage::transact(database_, put);
  if (!there) co_return events::Outcome::dropped("Event bus " + bus + " does not exist.");
  co_return events::Outcome::delivered();
}

Task<events::Outcome> EventBridge::deliver_in_lane(const events::Event& event) {
  const std::optional<wire::Arn> lane = wire::parse_arn(event.target_arn);
  const Store store(lane->account, lane->region);
  const std::vector<std::string_view> parts = split(lane->resource, '/');
  const std::string bus(parts.size() > 1 ? parts[1] : "");
  const std::string rule(parts.size() > 2 ? parts[2] : "");
  DirectedOutcome result = co_await directed_.deliver(event);
  if (event.attempt == 0) count(store, bus, rule, "Invocations");
  if (event.attempt > 0) count(store, bus, rule, "RetryInvocationAttempts");
  if (result.kind == DirectedOutcome::Kind::kGivenUp) count(store, bus, rule, "FailedInvocations");
  if (result.dead_letter) count(store, bus, rule, "InvocationsSentToDlq");
  co_return std::move(result.outcome);
}

void EventBridge::count(const Store& store, const std::string& bus, const std::string& rule,
                        std::string_view metric) const {
  events::MetricSample sample(store.account(), store.region(), "AWS/Events", metric);
  if (bus != kDefaultBus) sample.dimensions.emplace_back("EventBusName", bus);
  sample.dimensions.emplace_back("RuleName", rule);
  metrics_.record(std::move(sample));
}

}  // namespace cumulet::eventbridge
