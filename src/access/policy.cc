#include "access/policy.h"

#include <utility>

#include "access/policy_match.h"
#include "access/private_way.h"
#include "base/text.h"

namespace cumulet::access {
namespace {

struct CallerNames {
  std::string role_account;  ///< Of an assumed role's session.
  std::string role_name;
};

/// arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION.
CallerNames names_of(const wire::Caller& caller) {
  CallerNames names;
  const std::size_t at = caller.arn.find(":assumed-role/");
  if (at == std::string::npos) return names;
  const std::vector<std::string_view> parts = split(std::string_view(caller.arn).substr(at + 14), '/');
  names.role_account = caller.account;
  names.role_name = parts[0];
  return names;
}

/// Whether an entry below Principal's AWS means this caller: the account (its number or its root's ARN), the user, the
/// role whose session it is, or the session itself.
bool means_caller(const std::string& principal, const wire::Caller& caller, const CallerNames& names) {
  if (caller.anonymous) return false;
  if (principal == caller.account || principal == "arn:aws:iam::" + caller.account + ":root") return true;
  if (principal == caller.arn) return true;
  if (names.role_name.empty()) return false;
  const std::string role_prefix = "arn:aws:iam::" + names.role_account + ":role/";
  return principal.starts_with(role_prefix) &&
         std::string_view(principal).substr(principal.rfind('/') + 1) == names.role_name;
}

bool principal_listed(const Principals& principals, const Question& question) {
  if (principals.anyone) return true;
  if (!question.service_principal.empty()) {
    for (const std::string& service : principals.services) {
      if (service == question.service_principal || service == "*") return true;
    }
    return false;
  }
  for (const std::string& user : principals.canonical_users) {
    if (!question.caller.anonymous && user == question.caller.account) return true;
  }
  const CallerNames names = names_of(question.caller);
  for (const std::string& principal : principals.aws) {
    if (means_caller(principal, question.caller, names)) return true;
  }
  return false;
}

bool principal_matches(const Statement& statement, const Question& question) {
  if (!statement.has_principal) return true;  // an identity's own policy
  return principal_listed(statement.principals, question) != statement.not_principal;
}

bool action_matches(const Statement& statement, const std::string& action) {
  for (const std::string& pattern : statement.actions) {
    if (matches_pattern(pattern, action, nullptr, true)) return !statement.not_action;
  }
  return statement.not_action;
}

bool resource_matches(const Statement& statement, const Question& question, const Context* variables) {
  if (!statement.has_resource) return true;
  for (const std::string& pattern : statement.resources) {
    if (pattern == "*" || matches_arn(pattern, question.resource, variables)) return !statement.not_resource;
  }
  return statement.not_resource;
}

bool statement_applies(const Statement& statement, const Question& question, const Context* variables) {
  if (!principal_matches(statement, question) || !action_matches(statement, question.action) ||
      !resource_matches(statement, question, variables))
    return false;
  bool understood = true;
  const bool hold = conditions_hold(statement.conditions, question.context, understood);
  return understood ? hold : !statement.allow;
}

}  // namespace

Decision evaluate(const Policy& policy, const Question& question) {
  // Policy variables exist since version 2012-10-17; before, "${" stood for itself.
  const Context* variables = policy.version == "2012-10-17" ? &question.context : nullptr;
  Decision decision = Decision::kNone;
  for (const Statement& statement : policy.statements) {
    if (!statement_applies(statement, question, variables)) continue;
    if (!statement.allow) return Decision::kDeny;
    decision = Decision::kAllow;
  }
  return decision;
}

bool allows_public(const Policy& policy, std::string_view action, std::string_view resource_arn,
                   std::map<std::string, std::vector<std::string>> context) {
  Question question;
  question.caller.anonymous = true;
  question.action = action;
  question.resource = resource_arn;
  question.context = std::move(context);
  return evaluate(policy, question) == Decision::kAllow;
}

std::map<std::string, std::vector<std::string>> request_context(const wire::Call& call) {
  Context context;
  const auto set = [&context](const char* key, std::string value) {
    if (!value.empty()) context[key] = {std::move(value)};
  };
  // The address may come with its port, and IPv6 in brackets.
  std::string address = call.http.remote_address;
  if (address.starts_with('[')) {
    address = address.substr(1, address.find(']') - 1);
  } else if (const std::size_t colon = address.find(':');
             colon != std::string::npos && address.find(':', colon + 1) == std::string::npos) {
    address.resize(colon);
  }
  if (address.starts_with("::ffff:")) address.erase(0, 7);
  set("aws:sourceip", address);
  set("aws:securetransport", is_private(call.http) ? "true" : "false");
  set("aws:currenttime", iso8601(call.time));
  set("aws:epochtime",
      std::to_string(std::chrono::duration_cast<std::chrono::seconds>(call.time.time_since_epoch()).count()));
  set("aws:useragent", std::string(call.http.headers.get("user-agent")));
  set("aws:referer", std::string(call.http.headers.get("referer")));
  set("aws:requestedregion", call.region);
  if (call.caller.anonymous) {
    set("aws:principaltype", "Anonymous");
    return context;
  }
  set("aws:principalarn", call.caller.arn);
  set("aws:principalaccount", call.caller.account);
  set("aws:userid", call.caller.unique_id);
  if (const std::size_t user = call.caller.arn.find(":user/"); user != std::string::npos)
    set("aws:username", call.caller.arn.substr(call.caller.arn.rfind('/') + 1));
  return context;
}

}  // namespace cumulet::access
