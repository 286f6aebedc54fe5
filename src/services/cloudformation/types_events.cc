#include <algorithm>

#include "services/cloudformation/bind.h"
#include "services/cloudformation/resource_type.h"
#include "services/cloudformation/template.h"
#include "wire/generated/events.h"

namespace cumulet::cloudformation {
namespace {

namespace api = wire::events;
constexpr std::string_view kService = "events";

template <typename Operation>
Task<typename Operation::Output> call(ResourceContext& context, typename Operation::Input input) {
  co_return co_await context.directory.call<Operation>(kService, context.call, std::move(input));
}

template <typename Operation>
Task<void> remove_by(ResourceContext& context, typename Operation::Input input) {
  co_await context.directory.call<Operation>(kService, context.call, std::move(input));
}

/// A property that templates write as an object and the API as text.
Value with_text(const Value& properties, const std::string& name) {
  Value adapted = properties;
  const Value* object = properties.find(name);
  if (object != nullptr && object->is_object()) adapted.set(name, Value::string(object->to_json()));
  return adapted;
}

Made made(const std::string& id, const std::optional<std::string>& arn) {
  Made result(id);
  result.attributes.set("Arn", Value::string(arn.value_or("")));
  return result;
}

/// AWS::Events::Rule. On a bus of one's own its id is "bus|rule".
class RuleType final : public ResourceType {
 public:
  const std::set<std::string>& replaced_by() const override {
    static const std::set<std::string> kNames{"Name", "EventBusName"};
    return kNames;
  }

  Task<Made> create(ResourceContext& context, const Value& properties) override {
    std::string name = properties.text_of("Name");
    if (name.empty()) name = context.generated_name;
    co_return co_await put(context, name, properties);
  }

  Task<Made> update(ResourceContext& context, std::string id, const Value& before, const Value& after) override {
    const std::string name = id.substr(id.find('|') + 1);
    const api::PutTargetsRequest then = co_await targets_of(before, name);
    const api::PutTargetsRequest now = co_await targets_of(after, name);
    api::RemoveTargetsRequest dropped;
    dropped.rule = name;
    dropped.event_bus_name = now.event_bus_name;
    for (const api::Target& target : then.targets) {
      const bool kept = std::any_of(now.targets.begin(), now.targets.end(),
                                    [&target](const api::Target& other) { return other.id == target.id; });
      if (!kept) dropped.ids.push_back(target.id);
    }
    if (!dropped.ids.empty()) co_await call<api::RemoveTargets>(context, std::move(dropped));
    co_return co_await put(context, name, after);
  }

  Task<void> remove(ResourceContext& context, std::string id, const Value& properties) override {
    const std::string name = id.substr(id.find('|') + 1);
    co_await gone_is_fine(remove_targets(context, name, properties));
    api::DeleteRuleRequest input;
    input.name = name;
    if (properties.find("EventBusName") != nullptr) input.event_bus_name = properties.text_of("EventBusName");
    co_await gone_is_fine(remove_by<api::DeleteRule>(context, std::move(input)));
  }

 private:
  static Task<api::PutTargetsRequest> targets_of(Value properties, std::string name) {
    api::PutTargetsRequest input = co_await input_from<api::PutTargets>(properties);
    input.rule = name;
    co_return input;
  }

  static Task<Made> put(ResourceContext& context, std::string name, const Value& properties) {
    const Value adapted = with_text(properties, "EventPattern");
    api::PutRuleRequest rule = co_await input_from<api::PutRule>(adapted);
    rule.name = name;
    const std::string bus = rule.event_bus_name.value_or("");
    const api::PutRuleResponse output = co_await call<api::PutRule>(context, std::move(rule));
    api::PutTargetsRequest targets = co_await targets_of(properties, name);
    if (!targets.targets.empty()) co_await call<api::PutTargets>(context, std::move(targets));
    const bool own_bus = !bus.empty() && bus != "default";
    co_return made(own_bus ? bus + "|" + name : name, output.rule_arn);
  }

  static Task<void> remove_targets(ResourceContext& context, std::string name, const Value& properties) {
    const api::PutTargetsRequest there = co_await targets_of(properties, name);
    if (there.targets.empty()) co_return;
    api::RemoveTargetsRequest input;
    input.rule = name;
    input.event_bus_name = there.event_bus_name;
    for (const api::Target& target : there.targets) input.ids.push_back(target.id);
    co_await call<api::RemoveTargets>(context, std::move(input));
  }
};

/// AWS::Events::EventBus
class EventBusType final : public ResourceType {
 public:
  const std::set<std::string>& replaced_by() const override {
    static const std::set<std::string> kNames{"Name", "EventSourceName", "Tags"};
    return kNames;
  }
  Task<Made> create(ResourceContext& context, const Value& properties) override {
    api::CreateEventBusRequest input = co_await input_from<api::CreateEventBus>(properties);
    const std::string name = input.name;
    const api::CreateEventBusResponse output = co_await call<api::CreateEventBus>(context, std::move(input));
    co_await put_policy(context, name, properties);
    co_return bus(name, output.event_bus_arn);
  }
  Task<Made> update(ResourceContext& context, std::string id, const Value&, const Value& after) override {
    api::UpdateEventBusRequest input = co_await input_from<api::UpdateEventBus>(after);
    const api::UpdateEventBusResponse output = co_await call<api::UpdateEventBus>(context, std::move(input));
    co_await put_policy(context, id, after);
    co_return bus(id, output.arn);
  }
  Task<void> remove(ResourceContext& context, std::string id, const Value&) override {
    api::DeleteEventBusRequest input;
    input.name = std::move(id);
    co_await gone_is_fine(remove_by<api::DeleteEventBus>(context, std::move(input)));
  }

 private:
  static Task<void> put_policy(ResourceContext& context, std::string name, const Value& properties) {
    const Value* policy = properties.find("Policy");
    if (policy == nullptr) co_return;
    api::PutPermissionRequest input;
    input.event_bus_name = name;
    input.policy = policy->is_object() ? policy->to_json() : policy->text();
    co_await call<api::PutPermission>(context, std::move(input));
  }
  static Made bus(const std::string& name, const std::optional<std::string>& arn) {
    Made result = made(name, arn);
    result.attributes.set("Name", Value::string(name));
    return result;
  }
};

/// AWS::Events::EventBusPolicy: one statement of a bus's policy.
class EventBusPolicyType final : public ResourceType {
 public:
  const std::set<std::string>& replaced_by() const override {
    static const std::set<std::string> kNames{"StatementId", "EventBusName"};
    return kNames;
  }
  Task<Made> create(ResourceContext& context, const Value& properties) override {
    const Value* statement = properties.find("Statement");
    api::PutPermissionRequest input = co_await input_from<api::PutPermission>(properties);
    if (statement != nullptr) input.policy = co_await policy_with(context, properties, *statement);
    co_await call<api::PutPermission>(context, std::move(input));
    co_return Made(properties.text_of("StatementId"));
  }
  Task<Made> update(ResourceContext& context, std::string, const Value&, const Value& after) override {
    co_return co_await create(context, after);
  }
  Task<void> remove(ResourceContext& context, std::string id, const Value& properties) override {
    api::RemovePermissionRequest input;
    input.statement_id = std::move(id);
    if (properties.find("EventBusName") != nullptr) input.event_bus_name = properties.text_of("EventBusName");
    co_await gone_is_fine(remove_by<api::RemovePermission>(context, std::move(input)));
  }

 private:
  static Task<std::string> policy_with(ResourceContext& context, const Value& properties, Value statement) {
    api::DescribeEventBusRequest input;
    if (properties.find("EventBusName") != nullptr) input.name = properties.text_of("EventBusName");
    const api::DescribeEventBusResponse bus = co_await call<api::DescribeEventBus>(context, std::move(input));
    const std::string sid = properties.text_of("StatementId");
    statement.set("Sid", Value::string(sid));
    Value statements = Value::list();
    if (bus.policy) {
      const Value policy = co_await parse_json_document(*bus.policy);
      const Value* there = policy.find("Statement");
      if (there != nullptr && there->is_list()) {
        for (const Value& one : there->items()) {
          if (one.text_of("Sid") != sid) statements.items().push_back(one);
        }
      }
    }
    statements.items().push_back(std::move(statement));
    const Value policy =
        Value::object({{"Version", Value::string("2012-10-17")}, {"Statement", std::move(statements)}});
    co_return policy.to_json();
  }
};

/// AWS::Events::Archive
class ArchiveType final : public ResourceType {
 public:
  const std::set<std::string>& replaced_by() const override {
    static const std::set<std::string> kNames{"ArchiveName", "SourceArn"};
    return kNames;
  }
  Task<Made> create(ResourceContext& context, const Value& properties) override {
    const Value adapted = with_text(properties, "EventPattern");
    api::CreateArchiveRequest input = co_await input_from<api::CreateArchive>(adapted);
    if (input.archive_name.empty()) input.archive_name = context.generated_name.substr(0, 48);
    input.event_source_arn = properties.text_of("SourceArn");
    const std::string name = input.archive_name;
    const api::CreateArchiveResponse output = co_await call<api::CreateArchive>(context, std::move(input));
    co_return archive(name, output.archive_arn);
  }
  Task<Made> update(ResourceContext& context, std::string id, const Value&, const Value& after) override {
    const Value adapted = with_text(after, "EventPattern");
    api::UpdateArchiveRequest input = co_await input_from<api::UpdateArchive>(adapted);
    input.archive_name = id;
    const api::UpdateArchiveResponse output = co_await call<api::UpdateArchive>(context, std::move(input));
    co_return archive(id, output.archive_arn);
  }
  Task<void> remove(ResourceContext& context, std::string id, const Value&) override {
    api::DeleteArchiveRequest input;
    input.archive_name = std::move(id);
    co_await gone_is_fine(remove_by<api::DeleteArchive>(context, std::move(input)));
  }

 private:
  static Made archive(const std::string& name, const std::optional<std::string>& arn) {
    Made result = made(name, arn);
    result.attributes.set("ArchiveName", Value::string(name));
    return result;
  }
};

/// AWS::Events::Connection
class ConnectionType final : public ResourceType {
 public:
  const std::set<std::string>& replaced_by() const override {
    static const std::set<std::string> kNames{"Name"};
    return kNames;
  }
  Task<Made> create(ResourceContext& context, const Value& properties) override {
    api::CreateConnectionRequest input = co_await input_from<api::CreateConnection>(properties);
    if (input.name.empty()) input.name = context.generated_name.substr(0, 64);
    const std::string name = input.name;
    co_await call<api::CreateConnection>(context, std::move(input));
    co_return co_await described(context, name);
  }
  Task<Made> update(ResourceContext& context, std::string id, const Value&, const Value& after) override {
    api::UpdateConnectionRequest input = co_await input_from<api::UpdateConnection>(after);
    input.name = id;
    co_await call<api::UpdateConnection>(context, std::move(input));
    co_return co_await described(context, id);
  }
  Task<void> remove(ResourceContext& context, std::string id, const Value&) override {
    api::DeleteConnectionRequest input;
    input.name = std::move(id);
    co_await gone_is_fine(remove_by<api::DeleteConnection>(context, std::move(input)));
  }

 private:
  static Task<Made> described(ResourceContext& context, std::string name) {
    api::DescribeConnectionRequest input;
    input.name = name;
    const api::DescribeConnectionResponse found = co_await call<api::DescribeConnection>(context, std::move(input));
    Made result = made(name, found.connection_arn);
    result.attributes.set("SecretArn", Value::string(found.secret_arn.value_or("")));
    co_return result;
  }
};

/// AWS::Events::ApiDestination
class ApiDestinationType final : public ResourceType {
 public:
  const std::set<std::string>& replaced_by() const override {
    static const std::set<std::string> kNames{"Name"};
    return kNames;
  }
  Task<Made> create(ResourceContext& context, const Value& properties) override {
    api::CreateApiDestinationRequest input = co_await input_from<api::CreateApiDestination>(properties);
    if (input.name.empty()) input.name = context.generated_name.substr(0, 64);
    const std::string name = input.name;
    const api::CreateApiDestinationResponse output =
        co_await call<api::CreateApiDestination>(context, std::move(input));
    co_return destination(name, output.api_destination_arn);
  }
  Task<Made> update(ResourceContext& context, std::string id, const Value&, const Value& after) override {
    api::UpdateApiDestinationRequest input = co_await input_from<api::UpdateApiDestination>(after);
    input.name = id;
    const api::UpdateApiDestinationResponse output =
        co_await call<api::UpdateApiDestination>(context, std::move(input));
    co_return destination(id, output.api_destination_arn);
  }
  Task<void> remove(ResourceContext& context, std::string id, const Value&) override {
    api::DeleteApiDestinationRequest input;
    input.name = std::move(id);
    co_await gone_is_fine(remove_by<api::DeleteApiDestination>(context, std::move(input)));
  }

 private:
  static Made destination(const std::string& name, const std::optional<std::string>& arn) {
    Made result = made(name, arn);
    const std::string text = arn.value_or("");
    result.attributes.set("ArnForPolicy", Value::string(text.substr(0, text.rfind('/'))));
    return result;
  }
};

}  // namespace

void add_events_types(ResourceTypes& types) {
  types.add("AWS::Events::Rule", std::make_unique<RuleType>());
  types.add("AWS::Events::EventBus", std::make_unique<EventBusType>());
  types.add("AWS::Events::EventBusPolicy", std::make_unique<EventBusPolicyType>());
  types.add("AWS::Events::Archive", std::make_unique<ArchiveType>());
  types.add("AWS::Events::Connection", std::make_unique<ConnectionType>());
  types.add("AWS::Events::ApiDestination", std::make_unique<ApiDestinationType>());
}

}  // namespace cumulet::cloudformation
