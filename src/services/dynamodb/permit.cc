#include "services/dynamodb/permit.h"

#include <string>

#include "access/policy.h"
#include "services/dynamodb/errors.h"

namespace cumulet::dynamodb {
namespace {

constexpr ErrorKind kDenied{"AccessDeniedException", 400};

}  // namespace

Result<void> permit(const wire::Call& call, const Table& table, std::string_view action, const Index* index) {
  if (table.policy.empty()) return {};
  const Result<access::Policy> policy = access::parse_policy(table.policy, access::PolicyKind::kResource);
  if (!policy) return {};  // None is stored that cannot be read.
  access::Question question;
  question.caller = call.caller;
  question.action = "dynamodb:" + (action.empty() ? call.operation : std::string(action));
  question.resource = index ? table.index_arn(*index) : table.arn();
  question.context = access::request_context(call);
  if (access::evaluate(*policy, question) != access::Decision::kDeny) return {};
  return Error(kDenied, "User: " + call.caller.arn + " is not authorized to perform: " + question.action +
                            " on resource: " + question.resource + " with an explicit deny in a resource-based policy");
}

}  // namespace cumulet::dynamodb
