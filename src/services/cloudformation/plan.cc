#include "base/text.h"
#include "services/cloudformation/deployment.h"
#include "services/cloudformation/sam.h"

namespace cumulet::cloudformation {

std::map<std::string, std::string> pseudo_parameters(const std::string& account, const std::string& region,
                                                     const std::string& stack_name, const std::string& stack_id) {
  return {{"AWS::AccountId", account},   {"AWS::Region", region},   {"AWS::StackName", stack_name},
          {"AWS::StackId", stack_id},    {"AWS::Partition", "aws"}, {"AWS::URLSuffix", "amazonaws.com"},
          {"AWS::NotificationARNs", ""}, {"AWS::NoValue", ""}};
}

Result<std::unique_ptr<Plan>> make_plan(const std::string& body, const std::map<std::string, std::string>& parameters,
                                        std::map<std::string, std::string> pseudo, const ResourceTypes& types) {
  Result<Value> document = parse_document(body);
  if (!document.ok()) return std::move(document).error();
  if (wants_sam(*document)) {
    document = transform_sam(*document);
    if (!document.ok()) return std::move(document).error();
  }
  Result<Template> definition = Template::from(*document);
  if (!definition.ok()) return std::move(definition).error();
  for (const std::string& transform : definition->transforms) {
    if (transform != "AWS::LanguageExtensions") {
      return validation_error("The transform " + transform + " is not supported by this server");
    }
  }
  auto plan = std::make_unique<Plan>();
  plan->definition = std::move(*definition);
  Result<std::map<std::string, std::string>> resolved = resolve_parameters(plan->definition, parameters);
  if (!resolved.ok()) return std::move(resolved).error();
  plan->scope.definition = &plan->definition;
  plan->scope.parameters = std::move(*resolved);
  plan->scope.pseudo = std::move(pseudo);
  Result<void> checked = check_references(plan->definition, plan->scope.pseudo);
  if (!checked.ok()) return std::move(checked).error();
  std::vector<std::string> unknown;
  for (const auto& [id, resource] : plan->definition.resources) {
    if (types.find(resource.type) == nullptr) unknown.push_back(resource.type);
    bool wanted = true;
    if (!resource.condition.empty()) {
      const Result<bool> holds = condition_holds(resource.condition, plan->scope);
      if (!holds.ok()) return holds.error();
      wanted = *holds;
    }
    if (wanted) plan->active.insert(id);
  }
  if (!unknown.empty()) {
    return validation_error("Template format error: Unrecognized resource types: [" + join(unknown, ", ") + "]");
  }
  Result<std::vector<std::string>> order = deployment_order(plan->definition, plan->active);
  if (!order.ok()) return std::move(order).error();
  plan->order = std::move(*order);
  return plan;
}

}  // namespace cumulet::cloudformation
