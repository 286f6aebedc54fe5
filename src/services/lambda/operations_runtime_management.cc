#include "services/lambda/configuration.h"
#include "services/lambda/lambda.h"

namespace cumulet::lambda {

namespace api = wire::lambda;
using storage::Transaction;

void Lambda::register_runtime_management() {
  service_.on<api::PutRuntimeManagementConfig>(
      [this](Call& c, const auto& in) { return put_runtime_management(c, in); });
  service_.on<api::GetRuntimeManagementConfig>(
      [this](Call& c, const auto& in) { return get_runtime_management(c, in); });
}

/// A function always runs on the interpreter that the host has now: that is Auto. What pins a version is refused.
Task<api::PutRuntimeManagementConfigResponse> Lambda::put_runtime_management(
    Call& call, const api::PutRuntimeManagementConfigRequest& input) {
  const FunctionName name =
      co_await parse_function_name(input.function_name, call.account(), call.region, input.qualifier);
  const auto find = [this, &name](Transaction& txn) { return require_version(txn, name); };
  const VersionRow row = co_await storage::transact(database_, find);
  if (input.update_runtime_on != "Auto") co_await fail(unsupported("UpdateRuntimeOn " + input.update_runtime_on));
  if (input.runtime_version_arn) {
    co_await fail(user_error(api::errors::kInvalidParameterValueException,
                             "RuntimeVersionArn can only be specified when UpdateRuntimeOn is Manual."));
  }
  api::PutRuntimeManagementConfigResponse output;
  output.update_runtime_on = input.update_runtime_on;
  output.function_arn = name.arn() + ":" + row.configuration.version.value_or("$LATEST");
  co_return output;
}

Task<api::GetRuntimeManagementConfigResponse> Lambda::get_runtime_management(
    Call& call, const api::GetRuntimeManagementConfigRequest& input) {
  const FunctionName name =
      co_await parse_function_name(input.function_name, call.account(), call.region, input.qualifier);
  const auto find = [this, &name](Transaction& txn) { return require_version(txn, name); };
  const VersionRow row = co_await storage::transact(database_, find);
  api::GetRuntimeManagementConfigResponse output;
  output.update_runtime_on = "Auto";
  output.function_arn = name.arn() + ":" + row.configuration.version.value_or("$LATEST");
  co_return output;
}

}  // namespace cumulet::lambda
