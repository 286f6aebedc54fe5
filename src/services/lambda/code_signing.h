#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "services/lambda/function_name.h"
#include "services/lambda/store.h"
#include "wire/call.h"
#include "wire/generated/lambda.h"
#include "wire/service.h"

namespace cumulet::lambda {

/// Code signing configurations, and which function has which. There is no AWS Signer here: no package is signed. So a
/// configuration that enforces signatures blocks every deployment of a function's code and layers, as Lambda blocks
/// unsigned ones, and one that warns lets them pass.
class CodeSigning {
 public:
  CodeSigning(storage::Database& database, const Clock& clock) : database_(database), clock_(clock) {}

  void register_on(wire::Service& service);

  /// Fails with CodeVerificationFailedException when the function's configuration enforces signatures.
  Task<void> check_deployment(storage::Transaction& txn, FunctionName name) const;
  /// Gives a function that is being created its configuration, and checks its code. Fails when there is no such one.
  Task<void> begin(storage::Transaction& txn, FunctionName name, std::string arn) const;

 private:
  using Config = wire::lambda::CodeSigningConfig;

  Task<Config> require(storage::Transaction& txn, std::string arn) const;
  Task<wire::lambda::CreateCodeSigningConfigResponse> create(wire::Call& call,
                                                             const wire::lambda::CreateCodeSigningConfigRequest& input);
  Task<wire::lambda::GetCodeSigningConfigResponse> get(wire::Call& call,
                                                       const wire::lambda::GetCodeSigningConfigRequest& input);
  Task<wire::lambda::UpdateCodeSigningConfigResponse> update(wire::Call& call,
                                                             const wire::lambda::UpdateCodeSigningConfigRequest& input);
  Task<wire::lambda::DeleteCodeSigningConfigResponse> erase(wire::Call& call,
                                                            const wire::lambda::DeleteCodeSigningConfigRequest& input);
  Task<wire::lambda::ListCodeSigningConfigsResponse> list(wire::Call& call,
                                                          const wire::lambda::ListCodeSigningConfigsRequest& input);
  Task<wire::lambda::ListFunctionsByCodeSigningConfigResponse> list_functions(
      wire::Call& call, const wire::lambda::ListFunctionsByCodeSigningConfigRequest& input);
  Task<wire::lambda::PutFunctionCodeSigningConfigResponse> put_function(
      wire::Call& call, const wire::lambda::PutFunctionCodeSigningConfigRequest& input);
  Task<wire::lambda::GetFunctionCodeSigningConfigResponse> get_function(
      wire::Call& call, const wire::lambda::GetFunctionCodeSigningConfigRequest& input);
  Task<wire::lambda::DeleteFunctionCodeSigningConfigOutput> erase_function(
      wire::Call& call, const wire::lambda::DeleteFunctionCodeSigningConfigRequest& input);

  storage::Database& database_;
  const Clock& clock_;
};

}  // namespace cumulet::lambda
