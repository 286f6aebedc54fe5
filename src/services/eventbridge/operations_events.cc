#include "access/policy.h"
#include "base/ids.h"
#include "events/event_pattern.h"
#include "events/json_text.h"
#include "services/eventbridge/eventbridge.h"
#include "wire/arn.h"
#include "wire/json_writer.h"

namespace cumulet::eventbridge {
namespace {

namespace api = wire::events;
using Entry = api::PutEventsRequestEntry;
using Outcome = api::PutEventsResultEntry;

constexpr std::size_t kRequestLimit = 1 << 20;
constexpr std::size_t kTimeSize = 14;

/// As AWS counts it.
std::size_t size_of(const Entry& entry) {
  std::size_t size = entry.time ? kTimeSize : 0;
  for (const auto* text : {&entry.source, &entry.detail_type, &entry.detail}) size += *text ? (*text)->size() : 0;
  if (entry.resources) {
    for (const std::string& resource : *entry.resources) size += resource.size();
  }
  return size;
}

Outcome refused(std::string code, std::string message) {
  Outcome outcome;
  outcome.error_code = std::move(code);
  outcome.error_message = std::move(message);
  return outcome;
}

Outcome missing(const std::string& name) {
  return refused("InvalidArgument",
                 "Parameter " + name + " is not valid. Reason: " + name + " is a required argument.");
}

/// What is wrong with an entry by itself; `detail` gets its detail, compact.
std::optional<Outcome> check(const Entry& entry, std::string& detail) {
  if (!entry.source || entry.source->empty()) return missing("Source");
  if (!entry.detail_type || entry.detail_type->empty()) return missing("DetailType");
  if (!entry.detail || entry.detail->empty()) return missing("Detail");
  if (entry.source->starts_with("aws.")) {
    return refused("NotAuthorizedForSourceException", "Not authorized for the source.");
  }
  std::optional<std::string> compact = events::compact_json(*entry.detail);
  if (!compact || !compact->starts_with('{')) return refused("MalformedDetail", "Detail is malformed.");
  detail = std::move(*compact);
  return std::nullopt;
}

std::string envelope(const Entry& entry, const std::string& detail, const std::string& id, const std::string& account,
                     const std::string& region, Timestamp time) {
  wire::JsonWriter json(detail.size() + 512);
  json.begin_object().key("version").string("0").key("id").string(id).key("detail-type").string(*entry.detail_type);
  json.key("source").string(*entry.source).key("account").string(account).key("time").string(iso8601(time));
  json.key("region").string(region).key("resources").begin_array();
  if (entry.resources) {
    for (const std::string& resource : *entry.resources) json.string(resource);
  }
  return json.end_array().key("detail").raw(detail).end_object().take();
}

struct Placed {
  Placed(Store s, std::string b, BusEvent e) : store(std::move(s)), bus(std::move(b)), event(std::move(e)) {}
  Store store;
  std::string bus;
  BusEvent event;
};

}  // namespace

void EventBridge::register_events() {
  service_.on<api::PutEvents>([this](Call& c, const auto& in) { return put_events(c, in); });
  service_.on<api::TestEventPattern>([this](Call& c, const auto& in) { return test_event_pattern(c, in); });
}

/// Into another account's bus: only what its policy allows.
Task<bool> EventBridge::may_put(Call& call, Store store, std::string bus) {
  if (store.account() == call.account()) co_return true;
  const auto read = [&](storage::Transaction& txn) -> Task<std::optional<std::string>> {
    co_return co_await store.find(txn, Part::kBus, "", bus);
  };
  const std::optional<std::string> row = co_await storage::transact(database_, read);
  if (!row) co_return false;
  const api::DescribeEventBusResponse found = co_await wire::read_output<api::DescribeEventBus>(*row);
  if (!found.policy) co_return false;
  const Result<access::Policy> policy = access::parse_policy(*found.policy, access::PolicyKind::kResource);
  if (!policy.ok()) co_return false;
  access::Question question;
  question.caller = call.caller;
  question.action = "events:PutEvents";
  question.resource = found.arn.value_or("");
  co_return access::evaluate(*policy, question) == access::Decision::kAllow;
}

Task<api::PutEventsResponse> EventBridge::put_events(Call& call, const api::PutEventsRequest& input) {
  std::size_t size = 0;
  for (const Entry& entry : input.entries) size += size_of(entry);
  if (size > kRequestLimit) co_return invalid("Total size of the entries in the request is over the limit.");

  api::PutEventsResponse output;
  output.failed_entry_count = 0;
  output.entries.emplace();
  std::vector<Placed> placed;
  const Timestamp now = clock_.now();
  for (const Entry& entry : input.entries) {
    std::string detail;
    std::optional<Outcome> wrong = check(entry, detail);
    const std::optional<wire::Arn> arn = wire::parse_arn(entry.event_bus_name.value_or(""));
    const Store store = arn ? Store(arn->account, arn->region) : store_of(call);
    const std::string bus = bus_of(entry.event_bus_name);
    if (!wrong) {
      const bool allowed = co_await may_put(call, store, bus);
      if (!allowed) wrong = refused("AccessDenied", "Not authorized to put events on event bus " + bus + ".");
    }
    if (wrong) {
      ++*output.failed_entry_count;
      output.entries->push_back(std::move(*wrong));
      continue;
    }
    BusEvent event;
    event.id = uuid();
    event.ingested = now;
    event.trace_header = entry.trace_header.value_or("");
    event.envelope = envelope(entry, detail, event.id, call.account(), call.region, entry.time.value_or(now));
    output.entries->emplace_back().event_id = event.id;
    placed.emplace_back(store, bus, std::move(event));
  }
  if (placed.empty()) co_return output;
  const auto put = [this, &placed](storage::Transaction& txn) -> Task<void> {
    for (const Placed& one : placed) co_await publish(txn, one.store, one.bus, one.event);
  };
  co_await storage::transact(database_, put);
  co_return output;
}

Task<api::TestEventPatternResponse> EventBridge::test_event_pattern(Call&, const api::TestEventPatternRequest& input) {
  const events::EventPattern pattern = co_await events::EventPattern::parse(input.event_pattern);
  const std::optional<events::EventDocument> event = events::EventDocument::parse(input.event);
  if (!event) co_return invalid("Parameter Event is not valid.");
  for (const char* name : {"id", "account", "source", "time", "region", "detail-type"}) {
    if (!event->find({name})) co_return invalid("Parameter Event is not valid.");
  }
  api::TestEventPatternResponse output;
  output.result = pattern.matches(*event);
  co_return output;
}

}  // namespace cumulet::eventbridge
