#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "services/cloudformation/template.h"
#include "services/cloudformation/value.h"

namespace cumulet::cloudformation {

/// What functions look at while a template is evaluated.
struct Scope {
  const Template* definition = nullptr;
  std::map<std::string, std::string> parameters;
  std::map<std::string, std::string> pseudo;  ///< AWS::Region, AWS::StackName …
  /// A created resource's Ref, and its attributes; nullopt when it does not exist (yet).
  std::function<std::optional<std::string>(const std::string& logical_id)> ref;
  std::function<std::optional<Value>(const std::string& logical_id, const std::string& attribute)> get_att;
  std::function<std::optional<std::string>(const std::string& name)> import_value;
};

/// Evaluates all functions in a value: Ref, Fn::GetAtt, Sub, Join, Select, Split, FindInMap, If, Base64, GetAZs,
/// ImportValue, Cidr, Length, ToJsonString, and the condition functions. {"Ref": "AWS::NoValue"} removes the member it
/// is the value of. Fails with ValidationError.
/// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html
Result<Value> evaluate(const Value& value, const Scope& scope);

/// Whether a named condition holds. Conditions see parameters and mappings only.
Result<bool> condition_holds(const std::string& name, const Scope& scope);

/// The logical ids that a value refers to through Ref, Fn::GetAtt and Fn::Sub.
std::set<std::string> references(const Value& value, const Template& definition);

/// Gives the resources whose conditions hold in an
/// order in which each comes after what it depends on. Fails with ValidationError ("Circular dependency between
/// resources …", "Unresolved resource dependencies [x] in the Resources block of the template").
Result<std::vector<std::string>> deployment_order(const Template& definition, const std::set<std::string>& active);

/// Checks that every Ref, Fn::GetAtt and Fn::Sub of the resources and outputs names something: a parameter, a resource
/// or a pseudo parameter. Fails with ValidationError.
Result<void> check_references(const Template& definition, const std::map<std::string, std::string>& pseudo);

/// What each resource depends on, by references and DependsOn.
std::set<std::string> dependencies_of(const Resource& resource, const Template& definition);

}  // namespace cumulet::cloudformation
