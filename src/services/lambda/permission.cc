#include "services/lambda/permission.h"

#include <map>
#include <vector>

#include "base/text.h"

namespace cumulet::lambda {
namespace {

constexpr const char* kAction = "lambda:InvokeFunction";

/// By the service in an ARN. Others (schedules, pipes, functions' destinations) have roles of their own.
const std::map<std::string_view, std::string>& principals() {
  static const std::map<std::string_view, std::string> kPrincipals{
      {"cloudwatch", "lambda.alarms.cloudwatch.amazonaws.com"},
      {"events", "events.amazonaws.com"},
      {"execute-api", "apigateway.amazonaws.com"},
      {"logs", "logs.amazonaws.com"},
      {"s3", "s3.amazonaws.com"},
      {"sns", "sns.amazonaws.com"},
  };
  return kPrincipals;
}

}  // namespace

std::string service_behind(const std::string& source_arn) {
  const std::vector<std::string_view> parts = split(source_arn, ':');
  if (parts.size() < 6 || parts[0] != "arn") return {};
  const auto found = principals().find(parts[2]);
  return found == principals().end() ? std::string() : found->second;
}

Result<void> check_permission(const access::Policy& policy, const std::string& function_arn,
                              const std::string& source_arn, const std::string& source_account) {
  const std::string service = service_behind(source_arn);
  if (service.empty()) return {};
  const std::vector<std::string_view> parts = split(source_arn, ':');
  access::Question question;
  question.action = kAction;
  question.resource = function_arn;
  question.context["aws:sourcearn"] = {source_arn};
  question.context["aws:sourceaccount"] = {parts[4].empty() ? source_account : std::string(parts[4])};
  std::vector<std::string> names{service};
  // Log groups may also be let in by the name of their region.
  if (parts[2] == "logs") names.push_back("logs." + std::string(parts[3]) + ".amazonaws.com");
  for (const std::string& name : names) {
    question.service_principal = name;
    if (access::evaluate(policy, question) == access::Decision::kAllow) return {};
  }
  return Error(errors::kAccessDenied, "User: " + service + " is not authorized to perform: " + kAction +
                                          " on resource: " + function_arn +
                                          " because no resource-based policy allows the " + kAction + " action");
}

bool url_permitted(const access::Policy& policy, const std::string& function_arn, const std::string& account,
                   const std::optional<wire::Caller>& caller) {
  access::Question question;
  question.resource = function_arn;
  if (caller) {
    question.caller = *caller;
  } else {
    question.caller.anonymous = true;
  }
  question.context["lambda:functionurlauthtype"] = {caller ? "AWS_IAM" : "NONE"};
  question.context["lambda:invokedviafunctionurl"] = {"true"};
  const bool own = caller && caller->account == account;
  for (const char* action : {"lambda:InvokeFunctionUrl", kAction}) {
    question.action = action;
    const access::Decision decision = access::evaluate(policy, question);
    if (decision == access::Decision::kDeny || (decision == access::Decision::kNone && !own)) return false;
  }
  return true;
}

}  // namespace cumulet::lambda
