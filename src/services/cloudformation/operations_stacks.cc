#include <algorithm>

#include "base/ids.h"
#include "services/cloudformation/cloudformation.h"

namespace cumulet::cloudformation {
namespace api = wire::cloudformation;

namespace {

std::string new_stack_id(const wire::Call& call, const std::string& name) {
  return "arn:aws:cloudformation:" + call.region + ":" + call.account() + ":stack/" + name + "/" + uuid();
}

bool can_update(const std::string& status) {
  return status == "CREATE_COMPLETE" || status == "UPDATE_COMPLETE" || status == "UPDATE_ROLLBACK_COMPLETE" ||
         status == "IMPORT_COMPLETE";
}

Job job_of(const wire::Call& call, const Stack& stack) {
  Job job;
  job.account = call.account();
  job.region = call.region;
  job.stack_name = stack.name;
  job.stack_id = stack.id;
  return job;
}

}  // namespace

void CloudFormation::register_stacks() {
  service_.on<api::CreateStack>([this](Call& c, const auto& in) { return create_stack(c, in); });
  service_.on<api::UpdateStack>([this](Call& c, const auto& in) { return update_stack(c, in); });
  service_.on<api::DeleteStack>([this](Call& c, const auto& in) { return delete_stack(c, in); });
  service_.on<api::UpdateTerminationProtection>(
      [this](Call& c, const auto& in) { return update_termination_protection(c, in); });
}

Task<api::CreateStackOutput> CloudFormation::create_stack(Call& call, const api::CreateStackInput& input) {
  co_await check_stack_name(input.stack_name);
  co_await refuse_deployment_mode(input.deployment_config);
  Stack stack;
  stack.name = input.stack_name;
  stack.id = new_stack_id(call, stack.name);
  stack.body = co_await template_body(call, input.template_body, input.template_url);
  stack.parameters = co_await given_parameters(input.parameters, {});
  stack.capabilities = input.capabilities.value_or(std::vector<std::string>());
  co_await check_capabilities(stack.body, stack.capabilities, false);
  const std::unique_ptr<Plan> plan = co_await make_plan(
      stack.body, stack.parameters, pseudo_parameters(call.account(), call.region, stack.name, stack.id), types_);
  stack.parameters = plan->scope.parameters;
  stack.description = plan->definition.description;
  stack.tags = given_tags(input.tags);
  stack.role_arn = input.role_arn.value_or("");
  stack.notification_arns = input.notification_arns.value_or(std::vector<std::string>());
  stack.caller_arn = call.caller.arn;
  stack.endpoint = call.endpoint;
  stack.termination_protection = input.enable_termination_protection.value_or(false);
  if (input.on_failure && input.disable_rollback) {
    co_return validation_error("You can specify either DisableRollback or OnFailure, but not both.");
  }
  if (input.on_failure) stack.on_failure = *input.on_failure;
  if (input.disable_rollback.value_or(false)) stack.on_failure = "DO_NOTHING";
  stack.status = "CREATE_IN_PROGRESS";
  stack.created = clock_.now_millis();

  const Store store(call.account(), call.region);
  const auto write = [&](storage::Transaction& txn) -> Task<void> {
    const std::optional<Stack> existing = co_await store.find_stack(txn, stack.name);
    if (existing) {
      co_await fail(api::errors::kAlreadyExistsException, "Stack [" + stack.name + "] already exists");
    }
    record_work(txn, store, stack);
  };
  co_await storage::transact(database_, write);
  begin(job_of(call, stack));
  api::CreateStackOutput output;
  output.stack_id = stack.id;
  co_return output;
}

Task<api::UpdateStackOutput> CloudFormation::update_stack(Call& call, const api::UpdateStackInput& input) {
  const Store store(call.account(), call.region);
  co_await refuse_deployment_mode(input.deployment_config);
  const bool previous = input.use_previous_template.value_or(false);
  std::string body;
  if (!previous) body = co_await template_body(call, input.template_body, input.template_url);
  Stack stack;
  const auto write = [&](storage::Transaction& txn) -> Task<void> {
    stack = co_await require_stack(txn, store, input.stack_name);
    if (!can_update(stack.status)) {
      co_await fail(
          validation_error("Stack:" + stack.id + " is in " + stack.status + " state and can not be updated."));
    }
    const std::string& wanted = previous ? stack.body : body;
    const std::vector<std::string> capabilities = input.capabilities.value_or(std::vector<std::string>());
    co_await check_capabilities(wanted, capabilities, false);
    const std::map<std::string, std::string> given = co_await given_parameters(input.parameters, stack.parameters);
    const std::unique_ptr<Plan> plan =
        co_await make_plan(wanted, given, pseudo_parameters(call.account(), call.region, stack.name, stack.id), types_);
    const std::map<std::string, std::string> tags = input.tags ? given_tags(input.tags) : stack.tags;
    if (wanted == stack.body && plan->scope.parameters == stack.parameters && tags == stack.tags) {
      co_await fail(validation_error("No updates are to be performed."));
    }
    stack.previous_body = stack.body;
    stack.previous_parameters = stack.parameters;
    stack.body = wanted;
    stack.parameters = plan->scope.parameters;
    stack.tags = tags;
    stack.capabilities = capabilities;
    stack.caller_arn = call.caller.arn;
    stack.endpoint = call.endpoint;
    stack.status = "UPDATE_IN_PROGRESS";
    stack.reason.clear();
    stack.updated = clock_.now_millis();
    record_work(txn, store, stack);
  };
  co_await storage::transact(database_, write);
  begin(job_of(call, stack));
  api::UpdateStackOutput output;
  output.stack_id = stack.id;
  co_return output;
}

Task<api::DeleteStack::Output> CloudFormation::delete_stack(Call& call, const api::DeleteStackInput& input) {
  co_await refuse_deployment_mode(input.deployment_config);
  const Store store(call.account(), call.region);
  std::optional<Stack> stack;
  const auto write = [&](storage::Transaction& txn) -> Task<bool> {
    stack = co_await store.find_stack_by(txn, input.stack_name);
    // Deleting what is not there, or going already, is done.
    if (!stack || stack->status == "DELETE_COMPLETE" || stack->status == "DELETE_IN_PROGRESS") co_return false;
    if (stack->termination_protection) {
      co_return validation_error("Stack [" + stack->name +
                                 "] cannot be deleted while TerminationProtection is enabled");
    }
    if (stack->status.ends_with("_IN_PROGRESS") && stack->status != "REVIEW_IN_PROGRESS") {
      co_return validation_error("Stack:" + stack->id + " is in " + stack->status + " state and can not be deleted.");
    }
    const std::vector<Store::Export> exports = co_await store.list_exports(txn);
    const std::vector<Stack> stacks = co_await store.list_stacks(txn, false);
    for (const Store::Export& each : exports) {
      if (each.stack_id != stack->id) continue;
      for (const Stack& other : stacks) {
        if (std::find(other.imports.begin(), other.imports.end(), each.name) == other.imports.end()) continue;
        co_return validation_error("Export " + each.name + " cannot be deleted as it is in use by " + other.name);
      }
    }
    stack->status = "DELETE_IN_PROGRESS";
    stack->reason.clear();
    stack->caller_arn = call.caller.arn;
    stack->endpoint = call.endpoint;
    record_work(txn, store, *stack);
    co_return true;
  };
  if (co_await storage::transact(database_, write)) begin(job_of(call, *stack));
  co_return api::DeleteStack::Output();
}

Task<api::UpdateTerminationProtectionOutput> CloudFormation::update_termination_protection(
    Call& call, const api::UpdateTerminationProtectionInput& input) {
  const Store store(call.account(), call.region);
  const auto write = [&](storage::Transaction& txn) -> Task<std::string> {
    Stack stack = co_await require_stack(txn, store, input.stack_name);
    stack.termination_protection = input.enable_termination_protection;
    store.put_stack(txn, stack);
    co_return stack.id;
  };
  api::UpdateTerminationProtectionOutput output;
  output.stack_id = co_await storage::transact(database_, write);
  co_return output;
}

}  // namespace cumulet::cloudformation
