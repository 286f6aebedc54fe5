#include <algorithm>

#include <re2/re2.h>

#include "base/text.h"
#include "services/cloudformation/cloudformation.h"
#include "services/cloudformation/sam.h"

namespace cumulet::cloudformation {
namespace api = wire::cloudformation;

Task<Stack> require_stack(storage::Transaction& txn, const Store& store, std::string name) {
  std::optional<Stack> stack = co_await store.find_stack_by(txn, name);
  if (!stack) co_return validation_error("Stack with id " + name + " does not exist");
  co_return std::move(*stack);
}

Result<void> check_stack_name(const std::string& name) {
  static const RE2 kForm("[a-zA-Z][-a-zA-Z0-9]{0,127}");
  if (RE2::FullMatch(name, kForm)) return {};
  return validation_error("1 validation error detected: Value '" + name +
                          "' at 'stackName' failed to satisfy constraint: Member must satisfy regular expression "
                          "pattern: [a-zA-Z][-a-zA-Z0-9]*");
}

Result<void> refuse_deployment_mode(const std::optional<api::DeploymentConfig>& asked) {
  const bool standard = !asked || (asked->mode.value_or("STANDARD") == "STANDARD" && !asked->disable_rollback);
  if (standard) return {};
  return validation_error("This DeploymentConfig is not supported by this server");
}

Result<void> check_capabilities(const std::string& body, const std::vector<std::string>& capabilities,
                                bool through_change_set) {
  const auto has = [&capabilities](const char* name) {
    return std::find(capabilities.begin(), capabilities.end(), name) != capabilities.end();
  };
  Result<Value> document = parse_document(body);
  if (!document.ok()) return std::move(document).error();
  if (wants_sam(*document)) {
    if (!through_change_set && !has("CAPABILITY_AUTO_EXPAND")) {
      return Error("InsufficientCapabilitiesException", 400, "Requires capabilities : [CAPABILITY_AUTO_EXPAND]");
    }
    document = transform_sam(*document);
    if (!document.ok()) return std::move(document).error();
  }
  const Result<Template> definition = Template::from(*document);
  if (!definition.ok()) return definition.error();
  bool iam = false;
  bool named = false;
  for (const auto& [id, resource] : definition->resources) {
    if (!resource.type.starts_with("AWS::IAM::")) continue;
    iam = true;
    for (const char* name : {"RoleName", "ManagedPolicyName", "UserName", "GroupName"}) {
      named = named || resource.properties.find(name) != nullptr;
    }
  }
  if (named && !has("CAPABILITY_NAMED_IAM")) {
    return Error("InsufficientCapabilitiesException", 400, "Requires capabilities : [CAPABILITY_NAMED_IAM]");
  }
  if (iam && !has("CAPABILITY_IAM") && !has("CAPABILITY_NAMED_IAM")) {
    return Error("InsufficientCapabilitiesException", 400, "Requires capabilities : [CAPABILITY_IAM]");
  }
  return {};
}

Result<std::map<std::string, std::string>> given_parameters(const std::optional<std::vector<api::Parameter>>& list,
                                                            const std::map<std::string, std::string>& previous) {
  std::map<std::string, std::string> given;
  if (!list) return given;
  for (const api::Parameter& parameter : *list) {
    const std::string key = parameter.parameter_key.value_or("");
    if (parameter.use_previous_value.value_or(false)) {
      const auto found = previous.find(key);
      if (found != previous.end()) given[key] = found->second;
      continue;
    }
    if (!given.emplace(key, parameter.parameter_value.value_or("")).second) {
      return validation_error("Duplicate parameter key: " + key);
    }
  }
  return given;
}

std::map<std::string, std::string> given_tags(const std::optional<std::vector<api::Tag>>& list) {
  std::map<std::string, std::string> tags;
  if (!list) return tags;
  for (const api::Tag& tag : *list) tags[tag.key] = tag.value;
  return tags;
}

}  // namespace cumulet::cloudformation
