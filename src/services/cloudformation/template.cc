#include "services/cloudformation/template.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <set>

#include <re2/re2.h>

#include "base/text.h"

namespace cumulet::cloudformation {
namespace {

constexpr std::size_t kResourceLimit = 500;
constexpr std::size_t kParameterLimit = 200;
constexpr std::size_t kOutputLimit = 200;

Error format(std::string why) { return validation_error("Template format error: " + std::move(why)); }

bool alphanumeric(std::string_view name) {
  return !name.empty() && name.size() <= 255 &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) != 0; });
}

std::optional<double> number_of(const Value& value, const char* name) {
  const std::string text = value.text_of(name);
  if (text.empty()) return std::nullopt;
  return std::strtod(text.c_str(), nullptr);
}

std::vector<std::string> texts(const Value* value) {
  std::vector<std::string> result;
  if (value == nullptr) return result;
  if (value->is_scalar()) result.push_back(value->text());
  for (const Value& item : value->items()) result.push_back(item.text());
  return result;
}

Result<Parameter> read_parameter(const std::string& name, const Value& value) {
  if (!value.is_object()) return format("Every Parameters member must be an object.");
  Parameter parameter;
  parameter.name = name;
  parameter.type = value.text_of("Type");
  if (parameter.type.empty()) return format("Every Parameters object must contain a Type attribute.");
  static const std::set<std::string> kTypes{"String", "Number", "List<Number>", "CommaDelimitedList"};
  if (!kTypes.contains(parameter.type) && !parameter.type.starts_with("AWS::") &&
      !parameter.type.starts_with("List<AWS::")) {
    return format("Unrecognized parameter type: " + parameter.type);
  }
  if (parameter.type.starts_with("AWS::SSM::")) {
    return validation_error("The parameter type " + parameter.type + " is not supported by this server");
  }
  if (const Value* fallback = value.find("Default")) {
    if (!fallback->is_scalar() && !fallback->is_null()) {
      return format("Every Default member must be a string.");
    }
    parameter.default_value = fallback->text();
  }
  parameter.allowed_values = texts(value.find("AllowedValues"));
  parameter.allowed_pattern = value.text_of("AllowedPattern");
  parameter.constraint_description = value.text_of("ConstraintDescription");
  parameter.description = value.text_of("Description");
  parameter.no_echo = value.text_of("NoEcho") == "true";
  parameter.min_value = number_of(value, "MinValue");
  parameter.max_value = number_of(value, "MaxValue");
  if (const auto length = number_of(value, "MinLength")) parameter.min_length = static_cast<std::size_t>(*length);
  if (const auto length = number_of(value, "MaxLength")) parameter.max_length = static_cast<std::size_t>(*length);
  return parameter;
}

Result<Resource> read_resource(const std::string& name, const Value& value) {
  static const std::set<std::string> kMembers{"Type",           "Properties",  "DependsOn",           "Condition",
                                              "DeletionPolicy", "Metadata",    "UpdateReplacePolicy", "CreationPolicy",
                                              "UpdatePolicy",   "Description", "Connectors",          "IgnoreGlobals"};
  if (!alphanumeric(name)) {
    return format("Resource name " + name + " is non alphanumeric.");
  }
  if (!value.is_object()) return format("Any Resources member must be an object.");
  for (const auto& [member, ignored] : value.members()) {
    if (!kMembers.contains(member)) {
      return validation_error("Invalid template resource property '" + member + "'");
    }
  }
  Resource resource;
  resource.logical_id = name;
  resource.type = value.text_of("Type");
  if (resource.type.empty())
    return format("[/Resources/" + name + "] Every Resources object must contain a Type member.");
  if (const Value* properties = value.find("Properties"); properties != nullptr && !properties->is_null()) {
    if (!properties->is_object()) return format("[/Resources/" + name + "/Properties] must be an object.");
    resource.properties = *properties;
  }
  if (const Value* metadata = value.find("Metadata")) resource.metadata = *metadata;
  resource.depends_on = texts(value.find("DependsOn"));
  resource.condition = value.text_of("Condition");
  resource.deletion_policy = value.text_of("DeletionPolicy");
  if (resource.deletion_policy.empty()) resource.deletion_policy = "Delete";
  resource.update_replace_policy = value.text_of("UpdateReplacePolicy");
  if (resource.update_replace_policy.empty()) resource.update_replace_policy = "Delete";
  for (const std::string& policy : {resource.deletion_policy, resource.update_replace_policy}) {
    static const std::set<std::string> kPolicies{"Delete", "Retain", "Snapshot", "RetainExceptOnCreate"};
    if (!kPolicies.contains(policy)) return format("Unrecognized DeletionPolicy " + policy + " for resource " + name);
  }
  return resource;
}

Result<Output> read_output(const std::string& name, const Value& value) {
  if (!value.is_object()) return format("Every Outputs member must be an object.");
  const Value* content = value.find("Value");
  if (content == nullptr) return format("Every Outputs member must contain a Value object");
  Output output;
  output.name = name;
  output.description = value.text_of("Description");
  output.condition = value.text_of("Condition");
  output.value = *content;
  if (const Value* exported = value.find("Export")) {
    const Value* export_name = exported->find("Name");
    if (export_name == nullptr) return format("Output " + name + " is malformed. The Export must have a Name.");
    output.export_name = *export_name;
  }
  return output;
}

/// The object of a section; an empty one when it is missing.
Result<Value> section(const Value& document, const std::string& name) {
  const Value* found = document.find(name);
  if (found == nullptr || found->is_null()) return Value::object();
  if (!found->is_object()) return format("[/" + name + "] must be an object.");
  return *found;
}

Result<void> check_parameter(const Parameter& parameter, const std::string& value) {
  const auto fails = [&parameter](const std::string& why) {
    const std::string reason = parameter.constraint_description.empty() ? why : parameter.constraint_description;
    return validation_error(
        "Parameter '" + parameter.name + "' " +
        (parameter.constraint_description.empty() ? reason : "failed to satisfy constraint: " + reason));
  };
  const bool many = parameter.type == "CommaDelimitedList" || parameter.type.starts_with("List<");
  std::vector<std::string> values{value};
  if (many) {
    values.clear();
    for (const std::string_view part : split(value, ',')) values.emplace_back(trim(part));
  }
  for (const std::string& each : values) {
    const auto& allowed = parameter.allowed_values;
    if (!allowed.empty() && std::find(allowed.begin(), allowed.end(), each) == allowed.end()) {
      return fails("must be one of AllowedValues");
    }
  }
  if (parameter.type == "Number") {
    char* end = nullptr;
    const double number = std::strtod(value.c_str(), &end);
    if (value.empty() || *end != '\0') return fails("must be a number.");
    if (parameter.min_value && number < *parameter.min_value) {
      return fails("must be a number not less than " + std::to_string(static_cast<long long>(*parameter.min_value)));
    }
    if (parameter.max_value && number > *parameter.max_value) {
      return fails("must be a number not greater than " + std::to_string(static_cast<long long>(*parameter.max_value)));
    }
  }
  if (parameter.min_length && value.size() < *parameter.min_length) {
    return fails("must contain at least " + std::to_string(*parameter.min_length) + " characters");
  }
  if (parameter.max_length && value.size() > *parameter.max_length) {
    return fails("must contain at most " + std::to_string(*parameter.max_length) + " characters");
  }
  if (!parameter.allowed_pattern.empty()) {
    const RE2 pattern(parameter.allowed_pattern, RE2::Quiet);
    if (!pattern.ok()) return validation_error("Invalid AllowedPattern of parameter '" + parameter.name + "'");
    if (!RE2::FullMatch(value, pattern)) return fails("must match pattern " + parameter.allowed_pattern);
  }
  return {};
}

}  // namespace

Error validation_error(std::string message) { return Error(errors::kValidationError, std::move(message)); }

Result<Template> Template::from(const Value& document) {
  static const std::set<std::string> kSections{"AWSTemplateFormatVersion",
                                               "Description",
                                               "Metadata",
                                               "Parameters",
                                               "Rules",
                                               "Mappings",
                                               "Conditions",
                                               "Transform",
                                               "Resources",
                                               "Outputs",
                                               "Globals",
                                               "Hooks"};
  if (!document.is_object()) return format("unsupported structure.");
  for (const auto& [name, ignored] : document.members()) {
    if (!kSections.contains(name)) {
      return validation_error("Invalid template property or properties [" + name + "]");
    }
  }
  const std::string version = document.text_of("AWSTemplateFormatVersion");
  if (!version.empty() && version != "2010-09-09") {
    return format("Unsupported AWSTemplateFormatVersion \"" + version + "\". Valid values are: \"2010-09-09\"");
  }
  Template definition;
  definition.description = document.text_of("Description");
  definition.transforms = texts(document.find("Transform"));
  std::map<std::string, Value> sections;
  for (const char* name : {"Parameters", "Mappings", "Conditions", "Resources", "Outputs"}) {
    Result<Value> checked = section(document, name);
    if (!checked.ok()) return std::move(checked).error();
    sections[name] = std::move(*checked);
  }
  definition.mappings = sections["Mappings"];
  definition.conditions = sections["Conditions"];
  for (const auto& [name, value] : sections["Parameters"].members()) {
    if (!alphanumeric(name)) return format("Parameter name " + name + " is non alphanumeric.");
    Result<Parameter> parameter = read_parameter(name, value);
    if (!parameter.ok()) return std::move(parameter).error();
    definition.parameters.emplace(name, std::move(*parameter));
  }
  for (const auto& [name, value] : sections["Resources"].members()) {
    Result<Resource> resource = read_resource(name, value);
    if (!resource.ok()) return std::move(resource).error();
    definition.resources.emplace(name, std::move(*resource));
  }
  for (const auto& [name, value] : sections["Outputs"].members()) {
    Result<Output> output = read_output(name, value);
    if (!output.ok()) return std::move(output).error();
    definition.outputs.push_back(std::move(*output));
  }
  if (definition.resources.empty()) return format("At least one Resources member must be defined.");
  if (definition.resources.size() > kResourceLimit)
    return format("Number of resources is greater than maximum allowed, 500");
  if (definition.parameters.size() > kParameterLimit) {
    return format("Number of parameters is greater than maximum allowed, 200");
  }
  if (definition.outputs.size() > kOutputLimit) return format("Number of outputs is greater than maximum allowed, 200");
  return definition;
}

Result<std::map<std::string, std::string>> resolve_parameters(const Template& definition,
                                                              const std::map<std::string, std::string>& given) {
  std::vector<std::string> unknown;
  for (const auto& [name, value] : given) {
    if (!definition.parameters.contains(name)) unknown.push_back(name);
  }
  if (!unknown.empty())
    return validation_error("Parameters: [" + join(unknown, ", ") + "] do not exist in the template");
  std::map<std::string, std::string> resolved;
  std::vector<std::string> missing;
  for (const auto& [name, parameter] : definition.parameters) {
    const auto found = given.find(name);
    if (found == given.end() && !parameter.default_value) {
      missing.push_back(name);
      continue;
    }
    const std::string value = found != given.end() ? found->second : *parameter.default_value;
    Result<void> checked = check_parameter(parameter, value);
    if (!checked.ok()) return std::move(checked).error();
    resolved[name] = value;
  }
  if (!missing.empty()) return validation_error("Parameters: [" + join(missing, ", ") + "] must have values");
  return resolved;
}

}  // namespace cumulet::cloudformation
