#include "services/dynamodb/operations_policies.h"

#include <utility>

#include "base/ids.h"
#include "services/dynamodb/errors.h"
#include "services/dynamodb/stream.h"
#include "services/dynamodb/table_definition.h"

namespace cumulet::dynamodb {
namespace {

Error policy_not_found(const std::string& arn) {
  return Error(shapes::errors::kPolicyNotFoundException,
               "Resource-based policy not found for the provided ResourceArn: " + arn);
}

}  // namespace

Task<PolicyOperations::Subject> PolicyOperations::find(storage::Transaction& transaction, wire::Call& call,
                                                       const std::string& arn) {
  Subject subject;
  std::string name;
  const std::optional<StreamName> stream = parse_stream_arn(arn);
  if (stream) {
    if (stream->account == call.account() && stream->region == call.region) name = stream->table;
  } else if (arn.starts_with("arn:")) {
    name = co_await table_name_of(call, arn, true);
  }
  if (!name.empty()) {
    subject.table = co_await store_.find_any_table(transaction, call.account(), call.region, name);
    if (stream && subject.table && stream->label != subject.table->stream.label) subject.table = nullptr;
  }
  if (!subject.table) co_return Error(errors::kResourceNotFound, "Requested resource not found: " + arn);
  subject.stream = stream.has_value();
  co_return subject;
}

/// An empty policy removes it. Gives the revision that it has now, or had.
Task<std::string> PolicyOperations::replace(storage::Transaction& transaction, wire::Call& call, const std::string& arn,
                                            std::string policy, const std::optional<std::string>& expected) {
  const Subject subject = co_await find(transaction, call, arn);
  Table changed = *subject.table;
  std::string& text = subject.stream ? changed.stream_policy : changed.policy;
  std::string& revision = subject.stream ? changed.stream_policy_revision : changed.policy_revision;
  if (expected) {
    const bool fits = *expected == "NO_POLICY" ? text.empty() : !text.empty() && *expected == revision;
    if (!fits) co_return policy_not_found(arn);
  }
  if (policy.empty()) {
    std::string removed = revision;
    text.clear();
    revision.clear();
    store_.put_table(transaction, changed);
    co_return removed;
  }
  if (text == policy) co_return revision;
  text = policy;
  revision = uuid();
  store_.put_table(transaction, changed);
  co_return revision;
}

Task<shapes::PutResourcePolicyOutput> PolicyOperations::put_resource_policy(wire::Call& call,
                                                                            shapes::PutResourcePolicyInput& input) {
  Result<void> checked = check_policy(input.policy);
  co_await std::move(checked);
  const auto body = [&](storage::Transaction& transaction) {
    return replace(transaction, call, input.resource_arn, input.policy, input.expected_revision_id);
  };
  shapes::PutResourcePolicyOutput output;
  output.revision_id = co_await storage::transact(store_.database(), body);
  co_return output;
}

Task<shapes::GetResourcePolicyOutput> PolicyOperations::get_resource_policy(wire::Call& call,
                                                                            shapes::GetResourcePolicyInput& input) {
  const std::unique_ptr<storage::Transaction> transaction = store_.database().begin();
  const Subject subject = co_await find(*transaction, call, input.resource_arn);
  co_await transaction->commit();
  const Table& table = *subject.table;
  shapes::GetResourcePolicyOutput output;
  output.policy = subject.stream ? table.stream_policy : table.policy;
  output.revision_id = subject.stream ? table.stream_policy_revision : table.policy_revision;
  if (output.policy->empty()) co_return policy_not_found(input.resource_arn);
  co_return output;
}

// Without an expected revision it may be asked for again and again.
Task<shapes::DeleteResourcePolicyOutput> PolicyOperations::delete_resource_policy(
    wire::Call& call, shapes::DeleteResourcePolicyInput& input) {
  const auto body = [&](storage::Transaction& transaction) {
    return replace(transaction, call, input.resource_arn, "", input.expected_revision_id);
  };
  std::string removed = co_await storage::transact(store_.database(), body);
  shapes::DeleteResourcePolicyOutput output;
  if (!removed.empty()) output.revision_id = std::move(removed);
  co_return output;
}

}  // namespace cumulet::dynamodb
