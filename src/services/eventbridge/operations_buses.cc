#include "access/policy.h"
#include "base/text.h"
#include "events/json_text.h"
#include "services/eventbridge/eventbridge.h"
#include "wire/json_writer.h"

namespace cumulet::eventbridge {
namespace {

namespace api = wire::events;
using Bus = api::DescribeEventBusResponse;

constexpr std::size_t kBusLimit = 100;
constexpr std::size_t kPolicyLimit = 10240;

Bus default_bus(const Store& store) {
  Bus bus;
  bus.name = std::string(kDefaultBus);
  bus.arn = make_arn(store, "event-bus/default");
  return bus;
}

Task<Bus> find_bus(Store store, storage::Transaction& txn, std::string name) {
  const std::optional<std::string> row = co_await store.find(txn, Part::kBus, "", name);
  if (row) co_return co_await wire::read_output<api::DescribeEventBus>(*row);
  if (name != kDefaultBus) co_return not_found("Event bus " + name + " does not exist.");
  co_return default_bus(store);
}

void put_bus(const Store& store, storage::Transaction& txn, const Bus& bus) {
  store.put(txn, Part::kBus, "", *bus.name, wire::output_document<api::DescribeEventBus>(bus));
}

std::string principal_json(const std::string& principal) {
  if (principal == "*") return "\"*\"";
  const std::string arn = principal.starts_with("arn:") ? principal : "arn:aws:iam::" + principal + ":root";
  return "{\"AWS\":\"" + json_escape(arn) + "\"}";
}

/// The statement that PutPermission's parameters ask for.
std::string statement(const api::PutPermissionRequest& input, const std::string& bus_arn) {
  wire::JsonWriter json;
  json.begin_object().key("Sid").string(*input.statement_id).key("Effect").string("Allow");
  json.key("Principal").raw(principal_json(*input.principal)).key("Action").string(*input.action);
  json.key("Resource").string(bus_arn);
  if (input.condition) {
    json.key("Condition").begin_object().key(input.condition->type).begin_object();
    json.key(input.condition->key).string(input.condition->value).end_object().end_object();
  }
  return json.end_object().take();
}

/// The statements of a policy of ours, as texts, without the one of that name.
Task<std::vector<std::string>> other_statements(std::optional<std::string> policy, std::string sid, bool& found) {
  std::vector<std::string> others;
  found = false;
  if (!policy) co_return others;
  const std::optional<std::string> compact = events::compact_json(*policy);
  const std::optional<events::JsonPath> sid_path = events::JsonPath::parse("$.Sid");
  for (std::size_t i = 0; compact; ++i) {
    const auto path = events::JsonPath::parse("$.Statement[" + std::to_string(i) + "]");
    const std::optional<std::string> one = path->select(*compact);
    if (!one) break;
    const std::optional<std::string> name = sid_path->select(*one);
    if (name && events::json_string_value(*name) == sid) {
      found = true;
    } else {
      others.push_back(*one);
    }
  }
  co_return others;
}

std::string policy_of(const std::vector<std::string>& statements) {
  return R"({"Version":"2012-10-17","Statement":[)" + join(statements, ",") + "]}";
}

}  // namespace

void EventBridge::register_buses() {
  service_.on<api::CreateEventBus>([this](Call& c, const auto& in) { return create_event_bus(c, in); });
  service_.on<api::DeleteEventBus>([this](Call& c, const auto& in) { return delete_event_bus(c, in); });
  service_.on<api::DescribeEventBus>([this](Call& c, const auto& in) { return describe_event_bus(c, in); });
  service_.on<api::ListEventBuses>([this](Call& c, const auto& in) { return list_event_buses(c, in); });
  service_.on<api::UpdateEventBus>([this](Call& c, const auto& in) { return update_event_bus(c, in); });
  service_.on<api::PutPermission>([this](Call& c, const auto& in) { return put_permission(c, in); });
  service_.on<api::RemovePermission>([this](Call& c, const auto& in) { return remove_permission(c, in); });
}

Task<api::CreateEventBusResponse> EventBridge::create_event_bus(Call& call, const api::CreateEventBusRequest& input) {
  if (input.event_source_name) {
    co_return invalid("Partner event sources are not available on this server.");
  }
  if (input.name.find('/') != std::string::npos) co_return invalid("Event bus name must not contain '/'.");
  const Store store = store_of(call);
  Bus bus;
  bus.name = input.name;
  bus.arn = make_arn(store, "event-bus/" + input.name);
  bus.description = input.description;
  bus.kms_key_identifier = input.kms_key_identifier;
  bus.dead_letter_config = input.dead_letter_config;
  bus.log_config = input.log_config;
  bus.creation_time = bus.last_modified_time = clock_.now();
  const auto create = [&](storage::Transaction& txn) -> Task<void> {
    const std::optional<std::string> there = co_await store.find(txn, Part::kBus, "", input.name);
    if (there || input.name == kDefaultBus) co_await fail(exists("Event bus " + input.name + " already exists."));
    const std::vector<Named> all = co_await store.list(txn, Part::kBus, "", "", "", kBusLimit);
    if (all.size() == kBusLimit) co_await fail(too_many());
    put_bus(store, txn, bus);
    co_await add_tags(store, txn, *bus.arn, input.tags);
  };
  co_await storage::transact(database_, create);
  api::CreateEventBusResponse output;
  output.event_bus_arn = bus.arn;
  output.description = bus.description;
  output.kms_key_identifier = bus.kms_key_identifier;
  output.dead_letter_config = bus.dead_letter_config;
  output.log_config = bus.log_config;
  co_return output;
}

Task<wire::events::DeleteEventBus::Output> EventBridge::delete_event_bus(Call& call,
                                                                         const api::DeleteEventBusRequest& input) {
  const std::string name = bus_of(input.name);
  if (name == kDefaultBus) co_return invalid("Cannot delete event bus default.");
  const Store store = store_of(call);
  const auto erase = [&](storage::Transaction& txn) -> Task<void> {
    if (!co_await store.find(txn, Part::kBus, "", name)) co_return;
    const std::vector<Named> rules = co_await store.list(txn, Part::kRule, name, "", "", 1);
    if (!rules.empty()) co_await fail(invalid("Event bus " + name + " can't be deleted since it has rules."));
    store.erase(txn, Part::kBus, "", name);
    store.put_tags(txn, make_arn(store, "event-bus/" + name), {});
    co_await store.bump_revision(txn, name);
  };
  co_await storage::transact(database_, erase);
  co_return api::DeleteEventBus::Output();
}

Task<Bus> EventBridge::describe_event_bus(Call& call, const api::DescribeEventBusRequest& input) {
  const Store store = store_of(call);
  const auto read = [&](storage::Transaction& txn) -> Task<Bus> {
    co_return co_await find_bus(store, txn, bus_of(input.name));
  };
  co_return co_await storage::transact(database_, read);
}

Task<api::ListEventBusesResponse> EventBridge::list_event_buses(Call& call, const api::ListEventBusesRequest& input) {
  const Store store = store_of(call);
  api::ListEventBusesResponse output = co_await list_parts<api::ListEventBuses>(
      store, Part::kBus, "", input.name_prefix, input.next_token, input.limit, "EventBuses");
  // The default bus has a row only when something about it was changed.
  const bool first_page = !input.next_token;
  const bool wanted = kDefaultBus.starts_with(input.name_prefix.value_or("").substr(0, kDefaultBus.size())) &&
                      input.name_prefix.value_or("").size() <= kDefaultBus.size();
  bool there = false;
  for (const api::EventBus& bus : *output.event_buses) there = there || bus.name == kDefaultBus;
  if (first_page && wanted && !there) {
    api::EventBus bus;
    bus.name = std::string(kDefaultBus);
    bus.arn = make_arn(store, "event-bus/default");
    output.event_buses->insert(output.event_buses->begin(), std::move(bus));
  }
  co_return output;
}

Task<api::UpdateEventBusResponse> EventBridge::update_event_bus(Call& call, const api::UpdateEventBusRequest& input) {
  const Store store = store_of(call);
  const auto change = [&](storage::Transaction& txn) -> Task<Bus> {
    Bus bus = co_await find_bus(store, txn, bus_of(input.name));
    if (input.description) bus.description = input.description;
    if (input.kms_key_identifier) bus.kms_key_identifier = input.kms_key_identifier;
    if (input.dead_letter_config) bus.dead_letter_config = input.dead_letter_config;
    if (input.log_config) bus.log_config = input.log_config;
    bus.last_modified_time = clock_.now();
    put_bus(store, txn, bus);
    co_return bus;
  };
  const Bus bus = co_await storage::transact(database_, change);
  co_return co_await wire::read_output<api::UpdateEventBus>(wire::output_document<api::DescribeEventBus>(bus));
}

Task<wire::events::PutPermission::Output> EventBridge::put_permission(Call& call,
                                                                      const api::PutPermissionRequest& input) {
  if (input.policy) {
    const Result<access::Policy> parsed = access::parse_policy(*input.policy, access::PolicyKind::kResource);
    if (!parsed.ok()) co_return invalid("Invalid policy: " + parsed.error().message());
  } else if (!input.statement_id || !input.principal || !input.action) {
    co_return invalid("Parameter Policy, or Action, Principal and StatementId, must be specified.");
  } else if (*input.action != "events:PutEvents") {
    co_return invalid("Provided value in parameter 'action' is not supported.");
  }
  const Store store = store_of(call);
  const auto change = [&](storage::Transaction& txn) -> Task<void> {
    Bus bus = co_await find_bus(store, txn, bus_of(input.event_bus_name));
    if (input.policy) {
      bus.policy = events::compact_json(*input.policy);
    } else {
      bool found = false;
      std::vector<std::string> statements = co_await other_statements(bus.policy, *input.statement_id, found);
      statements.push_back(statement(input, *bus.arn));
      bus.policy = policy_of(statements);
    }
    if (bus.policy->size() > kPolicyLimit) {
      co_await fail(api::errors::kPolicyLengthExceededException, "Policy document is too long.");
    }
    put_bus(store, txn, bus);
  };
  co_await storage::transact(database_, change);
  co_return api::PutPermission::Output();
}

Task<wire::events::RemovePermission::Output> EventBridge::remove_permission(Call& call,
                                                                            const api::RemovePermissionRequest& input) {
  const Store store = store_of(call);
  const auto change = [&](storage::Transaction& txn) -> Task<void> {
    Bus bus = co_await find_bus(store, txn, bus_of(input.event_bus_name));
    if (input.remove_all_permissions.value_or(false)) {
      bus.policy.reset();
      put_bus(store, txn, bus);
      co_return;
    }
    if (!bus.policy) co_await fail(not_found("EventBus does not have a policy."));
    bool found = false;
    const std::vector<std::string> statements =
        co_await other_statements(bus.policy, input.statement_id.value_or(""), found);
    if (!found) co_await fail(not_found("Statement with the provided id does not exist."));
    bus.policy = policy_of(statements);
    if (statements.empty()) bus.policy.reset();
    put_bus(store, txn, bus);
  };
  co_await storage::transact(database_, change);
  co_return api::RemovePermission::Output();
}

}  // namespace cumulet::eventbridge
