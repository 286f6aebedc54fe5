#include "services/cloudformation/deployment.h"

#include <algorithm>

#include "base/ids.h"
#include "base/log.h"
#include "base/text.h"

namespace cumulet::cloudformation {
namespace {

/// Stack-LogicalId-SUFFIX. Short enough for every service, and with no dash in the suffix: code takes it apart.
std::string generate_name(const std::string& stack, const std::string& logical_id) {
  constexpr std::size_t kPart = 24;
  return stack.substr(0, kPart) + "-" + logical_id.substr(0, kPart) + "-" +
         random_text(12, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
}

bool changed(const Value& before, const Value& after, const std::string& name) {
  const Value* then = before.find(name);
  const Value* now = after.find(name);
  if (then == nullptr || now == nullptr) return then != now;
  return !(*then == *now);
}

bool exists_already(const Error& error) {
  return error.code().find("AlreadyExists") != std::string::npos ||
         error.code().find("AlreadyOwned") != std::string::npos || error.code() == "ResourceInUseException" ||
         error.code() == "ResourceConflictException";
}

}  // namespace

Deployment::Deployment(storage::Database& database, const Clock& clock, const wire::Directory& directory,
                       events::Outbox& outbox, const ResourceTypes& types, std::atomic<std::uint64_t>& sequence,
                       Job job)
    : database_(database),
      clock_(clock),
      directory_(directory),
      outbox_(outbox),
      types_(types),
      sequence_(sequence),
      job_(std::move(job)),
      store_(job_.account, job_.region),
      call_(request_) {
  request_.method = "POST";
  request_.body = std::make_unique<StringBody>("");
}

Task<void> Deployment::load() {
  const auto read = [this](storage::Transaction& txn) -> Task<void> {
    std::optional<Stack> stack = co_await store_.find_stack(txn, job_.stack_name);
    resources_.clear();
    imports_.clear();
    if (!stack || stack->id != job_.stack_id) {
      co_await fail(validation_error("Stack " + job_.stack_name + " does not exist"));
    }
    stack_ = std::move(*stack);
    std::vector<StackResource> resources = co_await store_.list_resources(txn, stack_.id);
    for (StackResource& resource : resources) resources_[resource.logical_id] = std::move(resource);
    const std::vector<Store::Export> exports = co_await store_.list_exports(txn);
    for (const Store::Export& each : exports) imports_[each.name] = each.value;
  };
  co_await storage::transact(database_, read);
  call_.request_id = uuid();
  call_.region = job_.region;
  call_.caller.account = job_.account;
  call_.caller.arn = stack_.caller_arn;
  call_.caller.unique_id = job_.account;
  call_.endpoint = stack_.endpoint;
  call_.time = clock_.now();
}

Task<void> Deployment::run() {
  co_await load();
  // One status leads to the next; the last one has no step.
  while (stack_.status.ends_with("_IN_PROGRESS")) co_await step();
  co_await finish();
}

Task<void> Deployment::step() {
  call_.time = clock_.now();
  if (stack_.status == "CREATE_IN_PROGRESS") co_return co_await create_stack();
  if (stack_.status == "ROLLBACK_IN_PROGRESS") co_return co_await roll_creation_back();
  if (stack_.status == "UPDATE_IN_PROGRESS") co_return co_await update_stack();
  if (stack_.status == "UPDATE_ROLLBACK_IN_PROGRESS") co_return co_await roll_update_back();
  if (stack_.status == "DELETE_IN_PROGRESS") co_return co_await delete_stack();
  if (stack_.status == "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS") {
    co_await clean_up();
    co_return co_await set_status("UPDATE_COMPLETE");
  }
  if (stack_.status == "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS") {
    co_await clean_up();
    co_return co_await set_status("UPDATE_ROLLBACK_COMPLETE");
  }
  co_await fail(errors::kInternalFailure, "a stack has the unknown status " + stack_.status);
}

Task<void> Deployment::create_stack() {
  const std::string failure = co_await apply(stack_.body, stack_.parameters);
  if (failure.empty()) co_return co_await set_status("CREATE_COMPLETE");
  if (stack_.on_failure == "DO_NOTHING") co_return co_await set_status("CREATE_FAILED", failure);
  if (stack_.on_failure == "DELETE") co_return co_await set_status("DELETE_IN_PROGRESS", failure);
  co_await set_status("ROLLBACK_IN_PROGRESS", failure + " Rollback requested by user.");
}

Task<void> Deployment::roll_creation_back() {
  const std::vector<std::string> failed = co_await remove_all(true);
  if (failed.empty()) co_return co_await set_status("ROLLBACK_COMPLETE");
  co_await set_status("ROLLBACK_FAILED", "The following resource(s) failed to delete: [" + join(failed, ", ") + "]. ");
}

Task<void> Deployment::update_stack() {
  const std::string failure = co_await apply(stack_.body, stack_.parameters);
  if (failure.empty()) co_return co_await set_status("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS");
  co_await set_status("UPDATE_ROLLBACK_IN_PROGRESS", failure);
}

Task<void> Deployment::roll_update_back() {
  stack_.body = stack_.previous_body;
  stack_.parameters = stack_.previous_parameters;
  const std::string failure = co_await apply(stack_.body, stack_.parameters);
  if (failure.empty()) co_return co_await set_status("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS");
  co_await set_status("UPDATE_ROLLBACK_FAILED", failure);
}

Task<void> Deployment::delete_stack() {
  co_await clean_up();
  const std::vector<std::string> failed = co_await remove_all(false);
  if (!failed.empty()) {
    co_return co_await set_status("DELETE_FAILED",
                                  "The following resource(s) failed to delete: [" + join(failed, ", ") + "]. ");
  }
  co_await set_status("DELETE_COMPLETE");
}

Task<std::string> Deployment::apply(std::string body, std::map<std::string, std::string> parameters) {
  Result<std::unique_ptr<Plan>> plan =
      make_plan(body, parameters, pseudo_parameters(job_.account, job_.region, stack_.name, stack_.id), types_);
  if (!plan.ok()) co_return plan.error().message();
  Scope& scope = (*plan)->scope;
  scope.ref = [this](const std::string& id) -> std::optional<std::string> {
    const auto found = resources_.find(id);
    return found == resources_.end() || !found->second.exists() ? std::nullopt
                                                                : std::optional(found->second.physical_id);
  };
  scope.get_att = [this](const std::string& id, const std::string& attribute) -> std::optional<Value> {
    const auto found = resources_.find(id);
    const Value* value = found == resources_.end() ? nullptr : found->second.attributes.find(attribute);
    return value == nullptr ? std::nullopt : std::optional<Value>(*value);
  };
  imported_.clear();
  scope.import_value = [this](const std::string& name) -> std::optional<std::string> {
    const auto found = imports_.find(name);
    if (found == imports_.end()) return std::nullopt;
    imported_.insert(name);
    return found->second;
  };
  for (const std::string& id : (*plan)->order) {
    const Result<void> deployed = co_await attempt(deploy_resource(**plan, id));
    if (deployed.ok()) continue;
    const bool was_there = resources_.contains(id) && resources_[id].exists();
    co_return "The following resource(s) failed to " + std::string(was_there ? "update" : "create") + ": [" + id + "].";
  }
  const Result<void> filled = co_await attempt(fill_outputs(**plan));
  if (!filled.ok()) co_return filled.error().message();
  co_await drop_unwanted(**plan);
  co_return std::string();
}

Task<void> Deployment::deploy_resource(const Plan& plan, std::string logical_id) {
  const Resource& wanted = plan.definition.resources.at(logical_id);
  StackResource resource;
  const auto found = resources_.find(logical_id);
  if (found != resources_.end()) resource = found->second;
  resource.logical_id = logical_id;
  Result<Value> properties = evaluate(wanted.properties, plan.scope);
  if (!properties.ok()) {
    resource.type = wanted.type;
    co_await save(resource, resource.exists() ? "UPDATE_FAILED" : "CREATE_FAILED", properties.error().message());
    co_await fail(properties.error());
  }
  const std::set<std::string> needed = dependencies_of(wanted, plan.definition);
  resource.depends_on.assign(needed.begin(), needed.end());
  resource.deletion_policy = wanted.deletion_policy;
  if (stack_.status == "UPDATE_ROLLBACK_IN_PROGRESS") {
    const bool taken_back = co_await take_back(wanted, resource, *properties);
    if (taken_back) co_return;
  }
  if (!resource.exists()) co_return co_await create_resource(wanted, std::move(resource), std::move(*properties));
  if (resource.type == wanted.type && resource.properties == *properties && !resource.status.ends_with("_FAILED") &&
      !resource.status.ends_with("_IN_PROGRESS")) {
    resources_[logical_id] = std::move(resource);
    co_return;
  }
  co_await update_resource(wanted, std::move(resource), std::move(*properties));
}

Task<Made> Deployment::make(ResourceType& type, const StackResource& resource, const Value& properties, bool again) {
  ResourceContext context = context_for(resource);
  Result<Made> made = co_await attempt(type.create(context, properties));
  // Only a resource with the name that this stack generated can be the one an interrupted run has left.
  if (!made.ok() && again && exists_already(made.error())) {
    co_await type.remove(context, resource.generated_name, properties);
    made = co_await attempt(type.create(context, properties));
  }
  co_return co_await std::move(made);
}

Task<void> Deployment::create_resource(const Resource& wanted, StackResource resource, Value properties) {
  const bool again = resource.status == "CREATE_IN_PROGRESS" && resource.type == wanted.type;
  resource.type = wanted.type;
  if (!again) resource.generated_name = generate_name(stack_.name, resource.logical_id);
  resource.properties = properties;
  co_await save(resource, "CREATE_IN_PROGRESS");
  ResourceType& type = *types_.find(resource.type);
  Result<Made> made = co_await attempt(make(type, resource, properties, again));
  if (!made.ok()) {
    co_await save(resource, "CREATE_FAILED", made.error().message());
    co_await fail(made.error());
  }
  resource.physical_id = made->physical_id;
  resource.attributes = made->attributes;
  co_await save(resource, "CREATE_COMPLETE");
}

Task<void> Deployment::update_resource(const Resource& wanted, StackResource resource, Value properties) {
  ResourceType& type = *types_.find(wanted.type);
  const std::set<std::string>& replaced_by = type.replaced_by();
  const bool replace =
      resource.type != wanted.type || std::any_of(replaced_by.begin(), replaced_by.end(), [&](const std::string& name) {
        return changed(resource.properties, properties, name);
      });
  if (replace) co_return co_await replace_resource(wanted, std::move(resource), std::move(properties));
  const Value before = resource.properties;
  co_await save(resource, "UPDATE_IN_PROGRESS");
  ResourceContext context = context_for(resource);
  Result<Made> made = co_await attempt(type.update(context, resource.physical_id, before, properties));
  if (!made.ok()) {
    co_await save(resource, "UPDATE_FAILED", made.error().message());
    co_await fail(made.error());
  }
  resource.properties = std::move(properties);
  resource.physical_id = made->physical_id;
  if (!made->attributes.members().empty()) resource.attributes = made->attributes;
  co_await save(resource, "UPDATE_COMPLETE");
}

Task<void> Deployment::replace_resource(const Resource& wanted, StackResource resource, Value properties) {
  // What is replaced is written down first: a crash in between does not lose it.
  Leftover leftover(resource);
  leftover.retained = wanted.update_replace_policy == "Retain";
  const auto keep = [&](storage::Transaction& txn) -> Task<void> {
    store_.put_leftover(txn, stack_.id, leftover);
    co_return;
  };
  co_await storage::transact(database_, keep);
  const StackResource before = resource;
  resource.physical_id.clear();
  resource.status = "UPDATE_IN_PROGRESS";
  const Result<void> created = co_await attempt(create_resource(wanted, resource, std::move(properties)));
  if (created.ok()) co_return;
  // The old one is still what the stack has.
  co_await save(before, "UPDATE_FAILED", created.error().message());
  const auto forget = [&](storage::Transaction& txn) -> Task<void> {
    store_.erase_leftover(txn, stack_.id, before.physical_id);
    co_return;
  };
  co_await storage::transact(database_, forget);
  co_await fail(created.error());
}

Task<bool> Deployment::take_back(const Resource& wanted, StackResource resource, const Value& properties) {
  if (resource.exists() && resource.type == wanted.type && resource.properties == properties) co_return false;
  const auto read = [this](storage::Transaction& txn) { return store_.list_leftovers(txn, stack_.id); };
  const std::vector<Leftover> leftovers = co_await storage::transact(database_, read);
  const auto old = std::find_if(leftovers.begin(), leftovers.end(), [&](const Leftover& each) {
    return each.logical_id == resource.logical_id && each.physical_id != resource.physical_id &&
           each.type == wanted.type && each.properties == properties;
  });
  if (old == leftovers.end()) co_return false;
  const std::optional<Leftover> unwanted = resource.exists() ? std::optional<Leftover>(resource) : std::nullopt;
  resource.physical_id = old->physical_id;
  resource.type = old->type;
  resource.properties = old->properties;
  resource.attributes = old->attributes;
  resource.generated_name = old->generated_name;
  resource.status = "UPDATE_COMPLETE";
  resource.reason.clear();
  resource.changed = clock_.now_millis();
  const StackEvent event =
      event_for(resource.logical_id, resource.physical_id, resource.type, resource.status, resource.reason);
  const auto write = [&](storage::Transaction& txn) -> Task<void> {
    store_.put_resource(txn, stack_.id, resource);
    store_.put_event(txn, outbox_, stack_.id, sequence_++, event);
    store_.erase_leftover(txn, stack_.id, resource.physical_id);
    if (unwanted) store_.put_leftover(txn, stack_.id, *unwanted);
    co_return;
  };
  co_await storage::transact(database_, write);
  resources_[resource.logical_id] = std::move(resource);
  co_return true;
}

Task<void> Deployment::check_exports(storage::Transaction& txn, const std::map<std::string, std::string>& kept) const {
  const std::vector<Store::Export> all = co_await store_.list_exports(txn);
  const std::vector<Stack> stacks = co_await store_.list_stacks(txn, false);
  for (const Store::Export& each : all) {
    const auto now = kept.find(each.name);
    if (each.stack_id != stack_.id || (now != kept.end() && now->second == each.value)) continue;
    for (const Stack& other : stacks) {
      if (std::find(other.imports.begin(), other.imports.end(), each.name) == other.imports.end()) continue;
      co_await fail(validation_error("Export " + each.name + " cannot be " +
                                     (now == kept.end() ? "deleted" : "updated") + " as it is in use by " +
                                     other.name));
    }
  }
}

Task<void> Deployment::fill_outputs(const Plan& plan) {
  Value outputs = Value::list();
  std::map<std::string, std::string> exports;
  for (const Output& output : plan.definition.outputs) {
    if (!output.condition.empty() && !co_await condition_holds(output.condition, plan.scope)) continue;
    const Value value = co_await evaluate(output.value, plan.scope);
    if (!value.is_scalar()) {
      co_await fail(
          validation_error("Template format error: Output " + output.name +
                           " is malformed. The Value field of every Outputs member must evaluate to a String."));
    }
    Value shown =
        Value::object({{"OutputKey", Value::string(output.name)}, {"OutputValue", Value::string(value.text())}});
    if (!output.description.empty()) shown.set("Description", Value::string(output.description));
    if (!output.export_name.is_null()) {
      const Value name = co_await evaluate(output.export_name, plan.scope);
      shown.set("ExportName", Value::string(name.text()));
      exports[name.text()] = value.text();
    }
    outputs.items().push_back(std::move(shown));
  }
  const auto write = [&](storage::Transaction& txn) -> Task<void> {
    co_await check_exports(txn, exports);
    const std::vector<Store::Export> all = co_await store_.list_exports(txn);
    for (const Store::Export& each : all) {
      if (each.stack_id == stack_.id && !exports.contains(each.name)) store_.erase_export(txn, each.name);
      if (each.stack_id != stack_.id && exports.contains(each.name)) {
        co_await fail(validation_error("Export with name " + each.name + " is already exported by stack " +
                                       each.stack_id + ". Export names must be unique within a region."));
      }
    }
    for (const auto& [name, value] : exports) store_.put_export(txn, name, stack_.id, value);
  };
  co_await storage::transact(database_, write);
  stack_.outputs = std::move(outputs);
  stack_.imports.assign(imported_.begin(), imported_.end());
  stack_.description = plan.definition.description;
}

Task<void> Deployment::drop_unwanted(const Plan& plan) {
  std::vector<StackResource> dropped;
  for (const auto& [id, resource] : resources_) {
    if (!plan.active.contains(id)) dropped.push_back(resource);
  }
  const auto write = [&](storage::Transaction& txn) -> Task<void> {
    for (const StackResource& resource : dropped) {
      store_.erase_resource(txn, stack_.id, resource.logical_id);
      if (!resource.exists()) continue;
      Leftover leftover(resource);
      leftover.retained = resource.deletion_policy.starts_with("Retain");
      store_.put_leftover(txn, stack_.id, leftover);
    }
    co_return;
  };
  co_await storage::transact(database_, write);
  for (const StackResource& resource : dropped) resources_.erase(resource.logical_id);
}

Task<void> Deployment::clean_up() {
  const auto read = [this](storage::Transaction& txn) { return store_.list_leftovers(txn, stack_.id); };
  std::vector<Leftover> leftovers = co_await storage::transact(database_, read);
  // Leftovers may hold one another (a role its function): what fails is tried again while others still go.
  while (!leftovers.empty()) {
    std::vector<Leftover> failed;
    for (const Leftover& leftover : leftovers) {
      const bool gone = co_await remove_leftover(leftover);
      if (!gone) failed.push_back(leftover);
    }
    if (failed.size() == leftovers.size()) co_return;
    leftovers = std::move(failed);
  }
}

Task<bool> Deployment::remove_leftover(Leftover leftover) {
  // One that an interrupted update had written down and not replaced is what the stack still has.
  const bool live = std::any_of(resources_.begin(), resources_.end(), [&leftover](const auto& each) {
    return each.second.physical_id == leftover.physical_id && each.second.type == leftover.type;
  });
  std::string status = leftover.retained ? "DELETE_SKIPPED" : "DELETE_COMPLETE";
  if (!live && !leftover.retained) {
    StackResource resource;
    resource.logical_id = leftover.logical_id;
    resource.type = leftover.type;
    resource.physical_id = leftover.physical_id;
    ResourceType* type = types_.find(leftover.type);
    ResourceContext context = context_for(resource);
    const Result<void> removed = co_await attempt(type->remove(context, leftover.physical_id, leftover.properties));
    if (!removed.ok()) {
      log::warning("an old resource of a stack could not be removed",
                   {{"stack", stack_.name}, {"resource", leftover.logical_id}, {"why", removed.error().message()}});
      co_return false;
    }
  }
  const StackEvent event = event_for(leftover.logical_id, leftover.physical_id, leftover.type, std::move(status), "");
  const auto erase = [&](storage::Transaction& txn) -> Task<void> {
    store_.erase_leftover(txn, stack_.id, leftover.physical_id);
    if (!live) store_.put_event(txn, outbox_, stack_.id, sequence_++, event);
    co_return;
  };
  co_await storage::transact(database_, erase);
  co_return true;
}

Task<std::vector<std::string>> Deployment::remove_all(bool creation_failed) {
  std::set<std::string> failed;
  while (true) {
    // One that no other resource needs any more.
    std::set<std::string> needed;
    for (const auto& [id, resource] : resources_) {
      if (failed.contains(id) || resource.status == "DELETE_COMPLETE") continue;
      needed.insert(resource.depends_on.begin(), resource.depends_on.end());
    }
    const auto next = std::find_if(resources_.begin(), resources_.end(), [&](const auto& each) {
      return !failed.contains(each.first) && each.second.status != "DELETE_COMPLETE" &&
             each.second.status != "DELETE_SKIPPED" && !needed.contains(each.first);
    });
    if (next == resources_.end()) break;
    const std::string id = next->first;
    const StackResource resource = next->second;
    if (!co_await remove_resource(resource, creation_failed)) failed.insert(id);
  }
  co_return std::vector<std::string>(failed.begin(), failed.end());
}

Task<bool> Deployment::remove_resource(StackResource resource, bool creation_failed) {
  const bool retained =
      resource.deletion_policy == "Retain" || (resource.deletion_policy == "RetainExceptOnCreate" && !creation_failed);
  if (resource.exists() && retained) {
    co_await save(resource, "DELETE_SKIPPED");
    co_return true;
  }
  if (resource.exists()) {
    co_await save(resource, "DELETE_IN_PROGRESS");
    ResourceContext context = context_for(resource);
    ResourceType* type = types_.find(resource.type);
    const Result<void> removed = co_await attempt(type->remove(context, resource.physical_id, resource.properties));
    if (!removed.ok()) {
      co_await save(resource, "DELETE_FAILED", removed.error().message());
      co_return false;
    }
  }
  co_await save(resource, "DELETE_COMPLETE");
  co_return true;
}

StackEvent Deployment::event_for(std::string logical_id, std::string physical_id, std::string type, std::string status,
                                 std::string reason) const {
  StackEvent event;
  event.id = uuid();
  event.logical_id = std::move(logical_id);
  event.physical_id = std::move(physical_id);
  event.type = std::move(type);
  event.status = std::move(status);
  event.reason = std::move(reason);
  event.time = clock_.now_millis();
  return event;
}

Task<void> Deployment::save(const StackResource& given, std::string status, std::string reason) {
  StackResource resource = given;
  resource.status = std::move(status);
  resource.reason = std::move(reason);
  resource.changed = clock_.now_millis();
  StackEvent event =
      event_for(resource.logical_id, resource.physical_id, resource.type, resource.status, resource.reason);
  event.properties = resource.properties.to_json();
  const auto write = [&](storage::Transaction& txn) -> Task<void> {
    store_.put_resource(txn, stack_.id, resource);
    store_.put_event(txn, outbox_, stack_.id, sequence_++, event);
    co_return;
  };
  co_await storage::transact(database_, write);
  resources_[resource.logical_id] = std::move(resource);
}

Task<void> Deployment::set_status(std::string status, std::string reason) {
  stack_.status = std::move(status);
  stack_.reason = std::move(reason);
  const StackEvent event =
      event_for(stack_.name, stack_.id, "AWS::CloudFormation::Stack", stack_.status, stack_.reason);
  if (stack_.status == "DELETE_COMPLETE") stack_.deleted = clock_.now_millis();
  const auto write = [&](storage::Transaction& txn) -> Task<void> {
    store_.put_event(txn, outbox_, stack_.id, sequence_++, event);
    if (stack_.status != "DELETE_COMPLETE") {
      store_.put_stack(txn, stack_);
      co_return;
    }
    store_.bury_stack(txn, stack_);
    const std::vector<Store::Export> exports = co_await store_.list_exports(txn);
    for (const Store::Export& each : exports) {
      if (each.stack_id == stack_.id) store_.erase_export(txn, each.name);
    }
    const std::vector<ChangeSet> change_sets = co_await store_.list_change_sets(txn, stack_.name);
    for (const ChangeSet& each : change_sets) store_.erase_change_set(txn, stack_.name, each.name);
  };
  co_await storage::transact(database_, write);
}

Task<void> Deployment::finish() {
  const auto write = [this](storage::Transaction& txn) -> Task<void> {
    store_.erase_job(txn, job_.stack_id);
    co_return;
  };
  co_await storage::transact(database_, write);
}

ResourceContext Deployment::context_for(const StackResource& resource) {
  ResourceContext context(directory_, call_);
  context.stack_id = stack_.id;
  context.stack_name = stack_.name;
  context.logical_id = resource.logical_id;
  context.generated_name = resource.generated_name;
  return context;
}

}  // namespace cumulet::cloudformation
