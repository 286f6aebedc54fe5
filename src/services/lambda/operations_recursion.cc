#include "services/lambda/lambda.h"

namespace cumulet::lambda {

namespace api = wire::lambda;
using storage::Transaction;

void Lambda::register_recursion() {
  service_.on<api::PutFunctionRecursionConfig>([this](Call& c, const auto& in) { return put_recursion(c, in); });
  service_.on<api::GetFunctionRecursionConfig>([this](Call& c, const auto& in) { return get_recursion(c, in); });
}

Task<api::PutFunctionRecursionConfigResponse> Lambda::put_recursion(
    Call& call, const api::PutFunctionRecursionConfigRequest& input) {
  const FunctionName name =
      co_await parse_function_name(input.function_name, call.account(), call.region, std::nullopt);
  const Store store(name.account, name.region);
  const auto put = [&](Transaction& txn) -> Task<void> {
    const std::optional<FunctionRow> found = co_await store.find_function(txn, name.name);
    if (!found) co_await fail(function_not_found(name.arn()));
    FunctionRow function = *found;
    function.recursive_loop = input.recursive_loop;
    store.put_function(txn, function);
  };
  co_await storage::transact(database_, put);
  api::PutFunctionRecursionConfigResponse output;
  output.recursive_loop = input.recursive_loop;
  co_return output;
}

Task<api::GetFunctionRecursionConfigResponse> Lambda::get_recursion(
    Call& call, const api::GetFunctionRecursionConfigRequest& input) {
  const FunctionName name =
      co_await parse_function_name(input.function_name, call.account(), call.region, std::nullopt);
  const Store store(name.account, name.region);
  const auto read = [&](Transaction& txn) -> Task<api::GetFunctionRecursionConfigResponse> {
    const std::optional<FunctionRow> found = co_await store.find_function(txn, name.name);
    if (!found) co_await fail(function_not_found(name.arn()));
    api::GetFunctionRecursionConfigResponse output;
    output.recursive_loop = found->recursive_loop.empty() ? "Terminate" : found->recursive_loop;
    co_return output;
  };
  co_return co_await storage::transact(database_, read);
}

}  // namespace cumulet::lambda
