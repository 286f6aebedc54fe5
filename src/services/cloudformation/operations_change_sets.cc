#include <algorithm>

#include "base/ids.h"
#include "services/cloudformation/cloudformation.h"

namespace cumulet::cloudformation {
namespace api = wire::cloudformation;

namespace {

constexpr const char* kNoChanges =
    "The submitted information didn't contain changes. Submit different information to create a change set.";

Timestamp at(std::int64_t millis) { return Timestamp(std::chrono::milliseconds(millis)); }

Error no_such_change_set(const std::string& name) {
  return Error(api::errors::kChangeSetNotFoundException, "ChangeSet [" + name + "] does not exist");
}

/// "arn:aws:cloudformation:REGION:ACCOUNT:stack/NAME/…" or a name: the name.
std::string stack_name_of(const std::string& name) {
  if (!name.starts_with("arn:")) return name;
  const std::size_t begin = name.find('/');
  if (begin == std::string::npos) return name;
  return name.substr(begin + 1, name.find('/', begin + 1) - begin - 1);
}

Value change(const char* action, const std::string& id, const std::string& physical, const std::string& type,
             const char* replacement) {
  return Value::object({{"Action", Value::string(action)},
                        {"LogicalResourceId", Value::string(id)},
                        {"PhysicalResourceId", Value::string(physical)},
                        {"ResourceType", Value::string(type)},
                        {"Replacement", Value::string(replacement)}});
}

/// Whether an update needs a new resource, as far as the template tells.
bool replaces(const ResourceType& type, const Value& before, const Value& after) {
  const std::set<std::string>& names = type.replaced_by();
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    const Value* then = before.find(name);
    const Value* now = after.find(name);
    return then == nullptr || now == nullptr ? then != now : !(*then == *now);
  });
}

}  // namespace

void CloudFormation::register_change_sets() {
  service_.on<api::CreateChangeSet>([this](Call& c, const auto& in) { return create_change_set(c, in); });
  service_.on<api::DescribeChangeSet>([this](Call& c, const auto& in) { return describe_change_set(c, in); });
  service_.on<api::ExecuteChangeSet>([this](Call& c, const auto& in) { return execute_change_set(c, in); });
  service_.on<api::DeleteChangeSet>([this](Call& c, const auto& in) { return delete_change_set(c, in); });
  service_.on<api::ListChangeSets>([this](Call& c, const auto& in) { return list_change_sets(c, in); });
}

Task<ChangeSet> CloudFormation::require_change_set(storage::Transaction& txn, const Store& store, std::string name,
                                                   std::optional<std::string> stack) {
  // By id: arn:aws:cloudformation:REGION:ACCOUNT:changeSet/NAME/UUID; the stack is then found among all.
  if (name.starts_with("arn:")) {
    const std::vector<Stack> stacks = co_await store.list_stacks(txn, false);
    for (const Stack& each : stacks) {
      std::vector<ChangeSet> change_sets = co_await store.list_change_sets(txn, each.name);
      for (ChangeSet& change_set : change_sets) {
        if (change_set.id == name) co_return std::move(change_set);
      }
    }
    co_return no_such_change_set(name);
  }
  if (!stack) co_return validation_error("StackName must be specified if ChangeSetName is not specified as an ARN.");
  std::optional<ChangeSet> found = co_await store.find_change_set(txn, stack_name_of(*stack), name);
  if (!found) co_return no_such_change_set(name);
  co_return std::move(*found);
}

Task<void> CloudFormation::compare(Call& call, const Store& store, const std::optional<Stack>& stack,
                                   ChangeSet& change_set) {
  const std::unique_ptr<Plan> plan = co_await make_plan(
      change_set.body, change_set.parameters,
      pseudo_parameters(call.account(), call.region, change_set.stack_name, change_set.stack_id), types_);
  change_set.parameters = plan->scope.parameters;
  std::map<std::string, StackResource> resources;
  if (stack) {
    const auto read = [&](storage::Transaction& txn) { return store.list_resources(txn, stack->id); };
    std::vector<StackResource> existing = co_await storage::transact(database_, read);
    for (StackResource& resource : existing) resources[resource.logical_id] = std::move(resource);
  }
  plan->scope.ref = [&resources](const std::string& id) -> std::optional<std::string> {
    const auto found = resources.find(id);
    return found == resources.end() || !found->second.exists() ? std::nullopt
                                                               : std::optional(found->second.physical_id);
  };
  plan->scope.get_att = [&resources](const std::string& id, const std::string& attribute) -> std::optional<Value> {
    const auto found = resources.find(id);
    const Value* value = found == resources.end() ? nullptr : found->second.attributes.find(attribute);
    return value == nullptr ? std::nullopt : std::optional<Value>(*value);
  };
  for (const std::string& id : plan->order) {
    const Resource& wanted = plan->definition.resources.at(id);
    const auto found = resources.find(id);
    if (found == resources.end() || !found->second.exists()) {
      change_set.changes.items().push_back(change("Add", id, "", wanted.type, ""));
      continue;
    }
    // What refers to a resource that does not exist yet cannot be told before: it may change.
    const Result<Value> properties = evaluate(wanted.properties, plan->scope);
    if (properties.ok() && *properties == found->second.properties && wanted.type == found->second.type) continue;
    const bool replaced =
        wanted.type != found->second.type ||
        (properties.ok() && replaces(*types_.find(wanted.type), found->second.properties, *properties));
    const char* replacement = !properties.ok() ? "Conditional" : replaced ? "True" : "False";
    change_set.changes.items().push_back(change("Modify", id, found->second.physical_id, wanted.type, replacement));
  }
  for (const auto& [id, resource] : resources) {
    if (plan->active.contains(id)) continue;
    change_set.changes.items().push_back(change("Remove", id, resource.physical_id, resource.type, ""));
  }
  const bool same_words = stack && stack->body == change_set.body && stack->parameters == change_set.parameters &&
                          stack->tags == change_set.tags;
  bool same_outputs = same_words;
  if (stack && !same_words && !stack->body.empty()) {
    const auto old = make_plan(stack->body, stack->parameters, plan->scope.pseudo, types_);
    same_outputs = old.ok() && (*old)->definition.outputs.size() == plan->definition.outputs.size();
    for (std::size_t i = 0; same_outputs && i < plan->definition.outputs.size(); ++i) {
      same_outputs = (*old)->definition.outputs[i].value == plan->definition.outputs[i].value &&
                     (*old)->definition.outputs[i].name == plan->definition.outputs[i].name;
    }
    same_outputs = same_outputs && stack->tags == change_set.tags;
  }
  const bool nothing = change_set.changes.items().empty() && stack && same_outputs;
  change_set.status = nothing ? "FAILED" : "CREATE_COMPLETE";
  change_set.execution_status = nothing ? "UNAVAILABLE" : "AVAILABLE";
  if (nothing) change_set.reason = kNoChanges;
}

Task<api::CreateChangeSetOutput> CloudFormation::create_change_set(Call& call, const api::CreateChangeSetInput& input) {
  const std::string name = stack_name_of(input.stack_name);
  co_await check_stack_name(name);
  co_await refuse_deployment_mode(input.deployment_config);
  const Store store(call.account(), call.region);
  const auto read = [&](storage::Transaction& txn) { return store.find_stack(txn, name); };
  std::optional<Stack> stack = co_await storage::transact(database_, read);
  ChangeSet change_set;
  change_set.name = input.change_set_name;
  change_set.stack_name = name;
  change_set.type = input.change_set_type.value_or("UPDATE");
  change_set.description = input.description.value_or("");
  change_set.on_failure = input.on_stack_failure.value_or("");
  change_set.created = clock_.now_millis();
  change_set.id =
      "arn:aws:cloudformation:" + call.region + ":" + call.account() + ":changeSet/" + change_set.name + "/" + uuid();
  if (change_set.type == "IMPORT") co_return validation_error("Resource import is not supported by this server");
  const bool in_review = stack && stack->status == "REVIEW_IN_PROGRESS";
  if (change_set.type == "CREATE" && stack && !in_review) {
    co_return validation_error("Stack [" + name + "] already exists and cannot be created again with the changeSet [" +
                               change_set.name + "].");
  }
  if (change_set.type == "UPDATE" && (!stack || in_review)) {
    co_return validation_error("Stack [" + name + "] does not exist");
  }
  change_set.stack_id =
      stack ? stack->id
            : "arn:aws:cloudformation:" + call.region + ":" + call.account() + ":stack/" + name + "/" + uuid();
  const bool previous = input.use_previous_template.value_or(false);
  if (previous && !stack) co_return validation_error("There is no previous template");
  change_set.body = previous ? stack->body : co_await template_body(call, input.template_body, input.template_url);
  const std::map<std::string, std::string> none;
  change_set.parameters = co_await given_parameters(input.parameters, stack ? stack->parameters : none);
  change_set.tags = input.tags || !stack ? given_tags(input.tags) : stack->tags;
  change_set.capabilities = input.capabilities.value_or(std::vector<std::string>());
  co_await check_capabilities(change_set.body, change_set.capabilities, true);
  co_await compare(call, store, in_review ? std::optional<Stack>() : stack, change_set);

  const auto write = [&](storage::Transaction& txn) -> Task<void> {
    // The tools name change sets by the second in which they run, and here two deployments fit into one: a change set
    // that was executed, or that has nothing to execute, gives its name free.
    const std::optional<ChangeSet> namesake = co_await store.find_change_set(txn, name, change_set.name);
    if (namesake && namesake->execution_status == "AVAILABLE") {
      co_await fail(api::errors::kAlreadyExistsException, "ChangeSet " + change_set.name + " already exists");
    }
    if (!stack) {
      Stack review;
      review.id = change_set.stack_id;
      review.name = name;
      review.status = "REVIEW_IN_PROGRESS";
      review.created = clock_.now_millis();
      review.caller_arn = call.caller.arn;
      review.tags = change_set.tags;
      record_work(txn, store, review);
    }
    store.put_change_set(txn, change_set);
  };
  co_await storage::transact(database_, write);
  api::CreateChangeSetOutput output;
  output.id = change_set.id;
  output.stack_id = change_set.stack_id;
  co_return output;
}

Task<api::DescribeChangeSetOutput> CloudFormation::describe_change_set(Call& call,
                                                                       const api::DescribeChangeSetInput& input) {
  const Store store(call.account(), call.region);
  const auto read = [&](storage::Transaction& txn) {
    return require_change_set(txn, store, input.change_set_name, input.stack_name);
  };
  const ChangeSet change_set = co_await storage::transact(database_, read);
  api::DescribeChangeSetOutput output;
  output.change_set_name = change_set.name;
  output.change_set_id = change_set.id;
  output.stack_id = change_set.stack_id;
  output.stack_name = change_set.stack_name;
  if (!change_set.description.empty()) output.description = change_set.description;
  output.creation_time = at(change_set.created);
  output.status = change_set.status;
  output.execution_status = change_set.execution_status;
  if (!change_set.reason.empty()) output.status_reason = change_set.reason;
  output.capabilities = change_set.capabilities;
  output.include_nested_stacks = false;
  output.parameters.emplace();
  for (const auto& [key, value] : change_set.parameters) {
    api::Parameter& parameter = output.parameters->emplace_back();
    parameter.parameter_key = key;
    parameter.parameter_value = value;
  }
  output.tags.emplace();
  for (const auto& [key, value] : change_set.tags) {
    api::Tag& tag = output.tags->emplace_back();
    tag.key = key;
    tag.value = value;
  }
  output.changes.emplace();
  for (const Value& each : change_set.changes.items()) {
    api::Change& shown = output.changes->emplace_back();
    shown.type = "Resource";
    api::ResourceChange& resource = shown.resource_change.emplace();
    resource.action = each.text_of("Action");
    resource.logical_resource_id = each.text_of("LogicalResourceId");
    resource.resource_type = each.text_of("ResourceType");
    if (!each.text_of("PhysicalResourceId").empty()) resource.physical_resource_id = each.text_of("PhysicalResourceId");
    if (!each.text_of("Replacement").empty()) resource.replacement = each.text_of("Replacement");
    resource.scope.emplace();
    if (resource.action == "Modify") resource.scope->push_back("Properties");
    resource.details.emplace();
  }
  co_return output;
}

Task<api::ExecuteChangeSetOutput> CloudFormation::execute_change_set(Call& call,
                                                                     const api::ExecuteChangeSetInput& input) {
  const Store store(call.account(), call.region);
  Stack stack;
  const auto write = [&](storage::Transaction& txn) -> Task<void> {
    const ChangeSet change_set = co_await require_change_set(txn, store, input.change_set_name, input.stack_name);
    if (change_set.execution_status != "AVAILABLE") {
      co_await fail(Error(
          "InvalidChangeSetStatus", 400,
          "ChangeSet [" + change_set.id + "] cannot be executed in its current status of [" + change_set.status + "]"));
    }
    stack = co_await require_stack(txn, store, change_set.stack_name);
    const bool creation = stack.status == "REVIEW_IN_PROGRESS";
    if (!creation && !stack.status.ends_with("_COMPLETE")) {
      co_await fail(
          validation_error("Stack:" + stack.id + " is in " + stack.status + " state and can not be updated."));
    }
    stack.previous_body = stack.body;
    stack.previous_parameters = stack.parameters;
    stack.body = change_set.body;
    stack.parameters = change_set.parameters;
    stack.tags = change_set.tags;
    stack.capabilities = change_set.capabilities;
    stack.change_set_id = change_set.id;
    stack.caller_arn = call.caller.arn;
    stack.endpoint = call.endpoint;
    if (!change_set.on_failure.empty()) stack.on_failure = change_set.on_failure;
    if (input.disable_rollback.value_or(false)) stack.on_failure = "DO_NOTHING";
    stack.status = creation ? "CREATE_IN_PROGRESS" : "UPDATE_IN_PROGRESS";
    stack.reason.clear();
    if (!creation) stack.updated = clock_.now_millis();
    // The other change sets of this stack were made against what it was: as on AWS they go.
    const std::vector<ChangeSet> others = co_await store.list_change_sets(txn, stack.name);
    for (const ChangeSet& other : others) {
      if (other.name != change_set.name) store.erase_change_set(txn, stack.name, other.name);
    }
    ChangeSet executed = change_set;
    executed.execution_status = "EXECUTE_COMPLETE";
    store.put_change_set(txn, executed);
    record_work(txn, store, stack);
  };
  co_await storage::transact(database_, write);
  Job job;
  job.account = call.account();
  job.region = call.region;
  job.stack_name = stack.name;
  job.stack_id = stack.id;
  begin(std::move(job));
  co_return api::ExecuteChangeSetOutput();
}

Task<api::DeleteChangeSetOutput> CloudFormation::delete_change_set(Call& call, const api::DeleteChangeSetInput& input) {
  const Store store(call.account(), call.region);
  const auto write = [&](storage::Transaction& txn) -> Task<void> {
    const Result<ChangeSet> found =
        co_await attempt(require_change_set(txn, store, input.change_set_name, input.stack_name));
    if (found.ok()) store.erase_change_set(txn, found->stack_name, found->name);
  };
  co_await storage::transact(database_, write);
  co_return api::DeleteChangeSetOutput();
}

Task<api::ListChangeSetsOutput> CloudFormation::list_change_sets(Call& call, const api::ListChangeSetsInput& input) {
  const Store store(call.account(), call.region);
  const auto read = [&](storage::Transaction& txn) -> Task<std::vector<ChangeSet>> {
    const Stack stack = co_await require_stack(txn, store, input.stack_name);
    co_return co_await store.list_change_sets(txn, stack.name);
  };
  const std::vector<ChangeSet> change_sets = co_await storage::transact(database_, read);
  api::ListChangeSetsOutput output;
  output.summaries.emplace();
  for (const ChangeSet& change_set : change_sets) {
    api::ChangeSetSummary& shown = output.summaries->emplace_back();
    shown.stack_id = change_set.stack_id;
    shown.stack_name = change_set.stack_name;
    shown.change_set_id = change_set.id;
    shown.change_set_name = change_set.name;
    shown.execution_status = change_set.execution_status;
    shown.status = change_set.status;
    if (!change_set.reason.empty()) shown.status_reason = change_set.reason;
    shown.creation_time = at(change_set.created);
  }
  co_return output;
}

}  // namespace cumulet::cloudformation
