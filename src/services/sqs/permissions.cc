#include "services/sqs/permissions.h"

#include <algorithm>
#include <set>

#include <simdjson.h>

#include "base/text.h"
#include "services/sqs/errors.h"
#include "services/sqs/message_rules.h"
#include "wire/json_writer.h"

namespace cumulet::sqs {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kMaxActions = 7;

/// Of a stored policy: which was parsed when it was set.
struct Statements {
  std::string version = "2012-10-17";
  std::vector<std::pair<std::string, std::string>> by_sid;  ///< Sid and JSON.
};

Statements statements_of(const std::string& policy) {
  Statements statements;
  if (policy.empty()) {
    statements.version = "2008-10-17";
    return statements;
  }
  dom::parser parser;
  dom::element document;
  if (parser.parse(policy).get(document) != simdjson::SUCCESS) return statements;
  std::string_view version;
  if (document["Version"].get_string().get(version) == simdjson::SUCCESS) statements.version = std::string(version);
  const auto add = [&statements](dom::element statement) {
    std::string_view sid;
    if (statement["Sid"].get_string().get(sid) != simdjson::SUCCESS) sid = {};
    statements.by_sid.emplace_back(std::string(sid), simdjson::minify(statement));
  };
  dom::element all;
  if (document["Statement"].get(all) != simdjson::SUCCESS) return statements;
  dom::array list;
  if (all.get_array().get(list) != simdjson::SUCCESS) {
    add(all);
    return statements;
  }
  for (const dom::element statement : list) add(statement);
  return statements;
}

std::string policy_of(const Statements& statements) {
  if (statements.by_sid.empty()) return {};
  wire::JsonWriter json;
  json.begin_object().key("Version").string(statements.version).key("Statement").begin_array();
  for (const auto& [sid, statement] : statements.by_sid) json.raw(statement);
  json.end_array().end_object();
  return json.take();
}

bool is_account(std::string_view text) {
  return text.size() == 12 && text.find_first_not_of("0123456789") == std::string_view::npos;
}

Result<void> check(const Permission& permission) {
  static const std::set<std::string_view> kActions{"*",
                                                   "SendMessage",
                                                   "ReceiveMessage",
                                                   "DeleteMessage",
                                                   "ChangeMessageVisibility",
                                                   "GetQueueAttributes",
                                                   "GetQueueUrl",
                                                   "ListDeadLetterSourceQueues",
                                                   "PurgeQueue"};
  if (!is_valid_entry_id(permission.label)) {
    return invalid_parameter("Value " + permission.label +
                             " for parameter Label is invalid. Reason: Can only include alphanumeric characters, "
                             "hyphens, or underscores. 1 to 80 in length.");
  }
  if (permission.actions.empty())
    return Error("MissingParameter", 400, "The request must contain the parameter Actions.");
  if (permission.accounts.empty()) {
    return invalid_parameter("Value [] for parameter PrincipalId is invalid. Reason: Unable to verify.");
  }
  if (permission.actions.size() > kMaxActions) {
    return Error(wire::sqs::errors::kOverLimit,
                 std::to_string(permission.actions.size()) + " Actions were found, maximum allowed is 7.");
  }
  for (const std::string& action : permission.actions) {
    if (!kActions.contains(action)) {
      return invalid_parameter(
          "Value SQS:" + action +
          " for parameter ActionName is invalid. Reason: Only the queue owner is allowed to invoke "
          "this action.");
    }
  }
  for (const std::string& account : permission.accounts) {
    if (!is_account(account)) {
      return invalid_parameter("Value [" + account +
                               "] for parameter PrincipalId is invalid. Reason: Unable to verify.");
    }
  }
  return {};
}

void write_one_or_list(wire::JsonWriter& json, const std::vector<std::string>& values) {
  if (values.size() == 1) {
    json.string(values.front());
    return;
  }
  json.begin_array();
  for (const std::string& value : values) json.string(value);
  json.end_array();
}

}  // namespace

Result<std::string> with_permission(const std::string& policy, const std::string& queue_arn,
                                    const Permission& permission) {
  const Result<void> checked = check(permission);
  if (!checked) return checked.error();
  Statements statements = statements_of(policy);
  for (const auto& [sid, statement] : statements.by_sid) {
    if (sid == permission.label) {
      return invalid_parameter("Value " + permission.label +
                               " for parameter Label is invalid. Reason: Already exists.");
    }
  }
  std::vector<std::string> principals;
  for (const std::string& account : permission.accounts) principals.push_back("arn:aws:iam::" + account + ":root");
  std::vector<std::string> actions;
  for (const std::string& action : permission.actions) actions.push_back("SQS:" + action);
  wire::JsonWriter json;
  json.begin_object().key("Sid").string(permission.label).key("Effect").string("Allow");
  json.key("Principal").begin_object().key("AWS");
  write_one_or_list(json, principals);
  json.end_object().key("Action");
  write_one_or_list(json, actions);
  json.key("Resource").string(queue_arn).end_object();
  statements.by_sid.emplace_back(permission.label, json.take());
  return policy_of(statements);
}

Result<std::string> without_permission(const std::string& policy, const std::string& label) {
  Statements statements = statements_of(policy);
  const std::size_t erased =
      std::erase_if(statements.by_sid, [&label](const auto& entry) { return entry.first == label; });
  if (erased == 0) {
    return invalid_parameter("Value " + label +
                             " for parameter Label is invalid. Reason: can't find label on existing policy.");
  }
  return policy_of(statements);
}

}  // namespace cumulet::sqs
