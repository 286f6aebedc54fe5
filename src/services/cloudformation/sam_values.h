#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "services/cloudformation/value.h"

/// The pieces that SAM's transform builds plain resources from.
namespace cumulet::cloudformation {

Value reference_to(const std::string& id);                           ///< {"Ref": id}
Value get_att(const std::string& id, const std::string& attribute);  ///< {"Fn::GetAtt": [id, attribute]}
Value resource(const std::string& type, Value properties);
Value text_list(const std::vector<std::string>& items);
/// An IAM statement that allows these actions on one resource.
Value allow(const std::vector<std::string>& actions, Value on);
/// AWS::Lambda::Permission: a service may invoke `target`, for `source` when that is given.
Value invoke_permission(Value target, const std::string& principal, const Value* source);
/// Copies the members of `from` that have these names.
void copy_members(const Value& from, const std::vector<std::string>& names, Value& to);

/// "Resource with id [...] is invalid. ... is not supported by this server"
Error unsupported(const std::string& id, const std::string& what);
/// "Resource with id [...] is invalid. ..."
Error invalid_resource(const std::string& id, const std::string& what);

}  // namespace cumulet::cloudformation
