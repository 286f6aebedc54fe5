#include "services/sns/permit.h"

#include <algorithm>
#include <array>

#include <simdjson.h>

#include "access/policy.h"
#include "base/text.h"
#include "wire/generated/sns.h"
#include "wire/json_writer.h"

namespace cumulet::sns {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;

constexpr std::array<std::string_view, 14> kActions{"AddPermission",
                                                    "DeleteTopic",
                                                    "GetDataProtectionPolicy",
                                                    "GetTopicAttributes",
                                                    "ListSubscriptionsByTopic",
                                                    "ListTagsForResource",
                                                    "Publish",
                                                    "PutDataProtectionPolicy",
                                                    "Receive",
                                                    "RemovePermission",
                                                    "SetTopicAttributes",
                                                    "Subscribe",
                                                    "TagResource",
                                                    "UntagResource"};

}  // namespace

Result<void> permit(const wire::Call& call, const TopicName& name, const Topic& topic, std::string_view action) {
  if (!call.caller.anonymous && call.account() == name.account) return {};
  const std::string asked = "SNS:" + std::string(action);
  const std::string document = topic.attribute("Policy");
  if (!document.empty()) {
    const Result<access::Policy> policy = access::parse_policy(document, access::PolicyKind::kResource);
    access::Question question;
    question.caller = call.caller;
    question.action = asked;
    question.resource = name.arn();
    question.context = access::request_context(call);
    if (policy.ok() && access::evaluate(*policy, question) == access::Decision::kAllow) return {};
  }
  const std::string who = call.caller.anonymous ? std::string("anonymous") : call.caller.arn;
  return Error(wire::sns::errors::kAuthorizationError,
               "User: " + who + " is not authorized to perform: " + asked + " on resource: " + name.arn() +
                   " because no resource-based policy allows the " + asked + " action");
}

std::string default_policy(const TopicName& name) {
  wire::JsonWriter json;
  json.begin_object().key("Version").string("2008-10-17").key("Id").string("__default_policy_ID");
  json.key("Statement").begin_array().begin_object().key("Sid").string("__default_statement_ID");
  json.key("Effect").string("Allow").key("Principal").begin_object().key("AWS").string("*").end_object();
  json.key("Action").begin_array();
  for (const char* action :
       {"SNS:GetTopicAttributes", "SNS:SetTopicAttributes", "SNS:AddPermission", "SNS:RemovePermission",
        "SNS:DeleteTopic", "SNS:Subscribe", "SNS:ListSubscriptionsByTopic", "SNS:Publish"}) {
    json.string(action);
  }
  json.end_array().key("Resource").string(name.arn()).key("Condition").begin_object().key("StringEquals");
  json.begin_object().key("AWS:SourceOwner").string(name.account).end_object().end_object();
  json.end_object().end_array().end_object();
  return json.take();
}

Result<std::string> with_statement(const std::string& policy, const TopicName& name, const std::string& label,
                                   const std::vector<std::string>& accounts, const std::vector<std::string>& actions) {
  if (accounts.empty() || actions.empty()) return invalid("Permission");
  for (const std::string& account : accounts) {
    if (account.size() != 12 || account.find_first_not_of("0123456789") != std::string::npos)
      return invalid("Principal: AWS account ids have 12 digits");
  }
  for (const std::string& action : actions) {
    if (std::find(kActions.begin(), kActions.end(), action) == kActions.end())
      return invalid("Policy statement action out of service scope!");
  }
  thread_local simdjson::dom::parser reader;
  element document;
  array statements;
  if (reader.parse(policy).get(document) || document["Statement"].get(statements)) return invalid("Policy");
  wire::JsonWriter json;
  json.begin_object();
  for (const auto& [key, value] : simdjson::dom::object(document)) {
    if (key != "Statement") json.key(key).raw(simdjson::minify(value));
  }
  json.key("Statement").begin_array();
  for (const element statement : statements) {
    std::string_view sid;
    if (!statement["Sid"].get(sid) && sid == label) return invalid("Statement already exists");
    json.raw(simdjson::minify(statement));
  }
  json.begin_object().key("Sid").string(label).key("Effect").string("Allow").key("Principal").begin_object();
  json.key("AWS").begin_array();
  for (const std::string& account : accounts) json.string("arn:aws:iam::" + account + ":root");
  json.end_array().end_object().key("Action").begin_array();
  for (const std::string& action : actions) json.string("SNS:" + action);
  json.end_array().key("Resource").string(name.arn()).end_object().end_array().end_object();
  return json.take();
}

Result<std::string> without_statement(const std::string& policy, const std::string& label) {
  thread_local simdjson::dom::parser reader;
  element document;
  array statements;
  if (reader.parse(policy).get(document) || document["Statement"].get(statements)) return invalid("Policy");
  wire::JsonWriter json;
  json.begin_object();
  for (const auto& [key, value] : simdjson::dom::object(document)) {
    if (key != "Statement") json.key(key).raw(simdjson::minify(value));
  }
  json.key("Statement").begin_array();
  for (const element statement : statements) {
    std::string_view sid;
    if (!statement["Sid"].get(sid) && sid == label) continue;
    json.raw(simdjson::minify(statement));
  }
  json.end_array().end_object();
  return json.take();
}

}  // namespace cumulet::sns
