#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "services/cloudformation/value.h"

namespace cumulet::cloudformation {

struct Parameter {
  std::string name;
  std::string type;
  std::optional<std::string> default_value;
  std::vector<std::string> allowed_values;
  std::string allowed_pattern;
  std::string constraint_description;
  std::string description;
  std::optional<std::size_t> min_length;
  std::optional<std::size_t> max_length;
  std::optional<double> min_value;
  std::optional<double> max_value;
  bool no_echo = false;
};

struct Resource {
  std::string logical_id;
  std::string type;
  Value properties = Value::object();
  Value metadata;
  std::vector<std::string> depends_on;
  std::string condition;
  std::string deletion_policy;  ///< "Delete", "Retain", "RetainExceptOnCreate" or "Snapshot".
  std::string update_replace_policy;
};

struct Output {
  std::string name;
  std::string description;
  std::string condition;
  Value value;
  Value export_name;  ///< Null: not exported.
};

/// A template taken apart and checked for its form; its functions are not evaluated yet.
/// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-anatomy.html
struct Template {
  std::string description;
  std::map<std::string, Parameter> parameters;
  Value mappings = Value::object();
  Value conditions = Value::object();
  std::map<std::string, Resource> resources;
  std::vector<Output> outputs;
  std::vector<std::string> transforms;

  /// Fails with ValidationError and CloudFormation's sentence.
  static Result<Template> from(const Value& document);
};

/// The parameters' values for a template: given ones, then defaults. Fails when one is missing, unknown or not allowed.
Result<std::map<std::string, std::string>> resolve_parameters(const Template& definition,
                                                              const std::map<std::string, std::string>& given);

Error validation_error(std::string message);

}  // namespace cumulet::cloudformation
