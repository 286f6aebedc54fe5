// From JSON to the typed model, in IAM's words about what is wrong.

#include <algorithm>
#include <initializer_list>
#include <set>
#include <utility>

#include <simdjson.h>

#include "access/policy.h"
#include "access/policy_match.h"
#include "base/text.h"

namespace cumulet::access {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kDocumentLimit = 256 * 1024;  // callers have tighter ones

Error malformed(std::string message) { return Error("MalformedPolicyDocument", 400, std::move(message)); }
Error syntax() { return malformed("Syntax errors in policy."); }

bool all_of_class(std::string_view text, bool (*is_member)(char)) {
  return std::all_of(text.begin(), text.end(), is_member);
}
bool is_alphanumeric(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// A string, or a list of strings that is not empty.
Result<std::vector<std::string>> strings_of(dom::element value) {
  std::vector<std::string> out;
  std::string_view text;
  if (value.get_string().get(text) == simdjson::SUCCESS) {
    out.emplace_back(text);
    return out;
  }
  dom::array list;
  if (value.get_array().get(list) != simdjson::SUCCESS) return syntax();
  for (const dom::element element : list) {
    if (element.get_string().get(text) != simdjson::SUCCESS) return syntax();
    out.emplace_back(text);
  }
  return out;
}

/// A condition's values may also be numbers and booleans.
Result<std::vector<std::string>> scalars_of(dom::element value) {
  std::vector<std::string> out;
  const auto add = [&out](dom::element scalar) {
    std::string_view text;
    if (scalar.get_string().get(text) == simdjson::SUCCESS) {
      out.emplace_back(text);
      return true;
    }
    if (!scalar.is_bool() && !scalar.is_number()) return false;
    out.push_back(simdjson::minify(scalar));
    return true;
  };
  dom::array list;
  if (value.get_array().get(list) != simdjson::SUCCESS) {
    if (!add(value)) return syntax();
    return out;
  }
  for (const dom::element element : list) {
    if (!add(element)) return syntax();
  }
  return out;
}

class Parser {
 public:
  explicit Parser(PolicyKind kind) : kind_(kind) {}
  Result<Policy> parse(std::string_view json);

 private:
  Result<void> parse_document(dom::object document);
  Result<void> parse_statement(dom::element element);
  Result<void> parse_element(std::string_view name, dom::element value, Statement& statement);
  Result<void> parse_principal(dom::element value, Statement& statement);
  Result<void> add_aws_principal(const std::string& text, Principals& principals);
  Result<void> parse_conditions(dom::element value, Statement& statement);
  Result<void> check_actions(const Statement& statement) const;
  Result<void> check_resources(const Statement& statement) const;
  Result<void> check_statement(const Statement& statement) const;

  PolicyKind kind_;
  Policy policy_;
  std::set<std::string> sids_;
};

Result<void> Parser::add_aws_principal(const std::string& text, Principals& principals) {
  const bool account = text.size() == 12 && all_of_class(text, is_digit);
  const bool arn = text.starts_with("arn:aws:iam::") || text.starts_with("arn:aws:sts::");
  const bool id = text.size() >= 16 && text.size() <= 128 && all_of_class(text, is_alphanumeric);
  if (text == "*") {
    principals.anyone = true;
  } else if (account || arn || id) {
    principals.aws.push_back(text);
  } else {
    return malformed("Invalid principal in policy: \"AWS\":\"" + text + "\"");
  }
  return {};
}

Result<void> Parser::parse_principal(dom::element value, Statement& statement) {
  if (kind_ == PolicyKind::kIdentity) return malformed("Policy document should not specify a principal.");
  if (statement.has_principal) return syntax();
  statement.has_principal = true;
  std::string_view text;
  if (value.get_string().get(text) == simdjson::SUCCESS) {
    if (text != "*") return malformed("Invalid principal in policy: \"" + std::string(text) + "\"");
    statement.principals.anyone = true;
    return {};
  }
  dom::object kinds;
  if (value.get_object().get(kinds) != simdjson::SUCCESS) return syntax();
  for (const auto& [name, element] : kinds) {
    Result<std::vector<std::string>> values = strings_of(element);
    if (!values) return std::move(values).error();
    Principals& principals = statement.principals;
    if (name == "AWS") {
      for (const std::string& principal : *values) {
        if (Result<void> added = add_aws_principal(principal, principals); !added) return added;
      }
    } else if (name == "Service" || name == "Federated" || name == "CanonicalUser") {
      std::vector<std::string>& into = name == "Service"     ? principals.services
                                       : name == "Federated" ? principals.federated
                                                             : principals.canonical_users;
      into.insert(into.end(), values->begin(), values->end());
    } else {
      return malformed("Invalid principal in policy: \"" + std::string(name) + "\"");
    }
  }
  return {};
}

Result<void> Parser::parse_conditions(dom::element value, Statement& statement) {
  dom::object operators;
  if (value.get_object().get(operators) != simdjson::SUCCESS) return syntax();
  for (const auto& [operation, keys_element] : operators) {
    if (!is_condition_operator(operation)) return malformed("Invalid Condition type : " + std::string(operation) + ".");
    dom::object keys;
    if (keys_element.get_object().get(keys) != simdjson::SUCCESS) return syntax();
    for (const auto& [key, values_element] : keys) {
      if (key.find(':') == std::string_view::npos)
        return malformed("Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.");
      Result<std::vector<std::string>> values = scalars_of(values_element);
      if (!values) return std::move(values).error();
      statement.conditions.push_back(Condition{std::string(operation), to_lower(key), std::move(*values)});
    }
  }
  return {};
}

Result<void> Parser::parse_element(std::string_view name, dom::element value, Statement& statement) {
  if (name == "Sid") {
    std::string_view sid;
    if (value.get_string().get(sid) != simdjson::SUCCESS) return syntax();
    statement.sid = sid;
    return {};
  }
  if (name == "Effect") {
    std::string_view effect;
    if (value.get_string().get(effect) != simdjson::SUCCESS) return syntax();
    if (effect != "Allow" && effect != "Deny") return malformed("Invalid effect: " + std::string(effect));
    statement.allow = effect == "Allow";
    return {};
  }
  if (name == "Principal" || name == "NotPrincipal") {
    statement.not_principal = name == "NotPrincipal";
    return parse_principal(value, statement);
  }
  if (name == "Condition") return parse_conditions(value, statement);

  const bool action = name == "Action" || name == "NotAction";
  const bool resource = name == "Resource" || name == "NotResource";
  if (!action && !resource) return syntax();
  if (resource && kind_ == PolicyKind::kTrust) return malformed("Has prohibited field Resource");
  Result<std::vector<std::string>> values = strings_of(value);
  if (!values) return std::move(values).error();
  if (action) {
    if (!statement.actions.empty()) return syntax();
    statement.not_action = name == "NotAction";
    statement.actions = std::move(*values);
  } else {
    if (statement.has_resource) return syntax();
    statement.has_resource = true;
    statement.not_resource = name == "NotResource";
    statement.resources = std::move(*values);
  }
  return {};
}

Result<void> Parser::check_actions(const Statement& statement) const {
  if (statement.actions.empty()) return malformed("Policy statement must contain actions.");
  for (const std::string& action : statement.actions) {
    if (action == "*") continue;
    const std::size_t colon = action.find(':');
    if (colon == std::string::npos || colon == 0 || colon + 1 == action.size())
      return malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.");
    const std::string_view vendor = std::string_view(action).substr(0, colon);
    const auto in_vendor = [](char c) { return is_alphanumeric(c) || c == '-'; };
    if (!all_of_class(vendor, in_vendor)) return malformed("Vendor " + std::string(vendor) + " is not valid");
    const bool sts = iequals(vendor, "sts");
    if (kind_ == PolicyKind::kTrust && !sts)
      return malformed("AssumeRole policy may only specify STS AssumeRole actions.");
  }
  return {};
}

Result<void> Parser::check_resources(const Statement& statement) const {
  if (kind_ == PolicyKind::kTrust) return {};
  if (statement.resources.empty()) return malformed("Policy statement must contain resources.");
  for (const std::string& resource : statement.resources) {
    if (resource == "*") continue;
    if (!resource.starts_with("arn:")) return malformed("Resource " + resource + " must be in ARN format or \"*\".");
    const std::vector<std::string_view> parts = split(resource, ':');
    if (parts.size() < 3 || parts[2].find_first_of("*?") != std::string_view::npos || parts[2].empty()) {
      if (resource.find_first_of("*?") == std::string::npos || parts.size() > 2)
        return malformed("Resource vendor must be fully qualified and cannot contain regexes.");
    }
  }
  return {};
}

Result<void> Parser::check_statement(const Statement& statement) const {
  if (!statement.has_principal && kind_ != PolicyKind::kIdentity) return malformed("Missing required field Principal");
  if (Result<void> actions = check_actions(statement); !actions) return actions;
  return check_resources(statement);
}

Result<void> Parser::parse_statement(dom::element element) {
  dom::object object;
  if (element.get_object().get(object) != simdjson::SUCCESS) return syntax();
  Statement statement;
  std::set<std::string_view> seen;
  for (const auto& [name, value] : object) {
    if (!seen.insert(name).second) return syntax();
    if (Result<void> parsed = parse_element(name, value, statement); !parsed) return parsed;
  }
  if (!seen.count("Effect")) return malformed("Missing required field Effect");
  if (kind_ == PolicyKind::kIdentity && !all_of_class(statement.sid, is_alphanumeric))
    return malformed(
        "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression "
        "[0-9A-Za-z]*");
  if (!statement.sid.empty() && !sids_.insert(statement.sid).second)
    return malformed("Statement IDs (SID) in a single policy must be unique.");
  if (Result<void> checked = check_statement(statement); !checked) return checked;
  policy_.statements.push_back(std::move(statement));
  return {};
}

Result<void> Parser::parse_document(dom::object document) {
  std::set<std::string_view> seen;
  dom::element statements;
  for (const auto& [name, value] : document) {
    if (!seen.insert(name).second) return syntax();
    std::string_view text;
    if (name == "Version" || name == "Id") {
      if (value.get_string().get(text) != simdjson::SUCCESS) return syntax();
      (name == "Version" ? policy_.version : policy_.id) = text;
    } else if (name == "Statement") {
      statements = value;
    } else {
      return syntax();
    }
  }
  if (!policy_.version.empty() && policy_.version != "2012-10-17" && policy_.version != "2008-10-17") return syntax();
  if (kind_ == PolicyKind::kIdentity && policy_.version != "2012-10-17")
    return malformed("Policy document must be version 2012-10-17 or greater.");
  if (!seen.count("Statement")) return syntax();

  dom::array list;
  if (statements.get_array().get(list) != simdjson::SUCCESS) return parse_statement(statements);
  for (const dom::element element : list) {
    if (Result<void> parsed = parse_statement(element); !parsed) return parsed;
  }
  if (policy_.statements.empty()) return syntax();
  return {};
}

Result<Policy> Parser::parse(std::string_view json) {
  if (json.size() > kDocumentLimit) return malformed("The policy is too large.");
  const simdjson::padded_string padded(json);
  dom::parser parser;
  dom::object document;
  if (parser.parse(padded).get_object().get(document) != simdjson::SUCCESS)
    return kind_ == PolicyKind::kTrust ? malformed("This policy contains invalid Json") : syntax();
  if (Result<void> parsed = parse_document(document); !parsed) return std::move(parsed).error();
  return std::move(policy_);
}

}  // namespace

Result<Policy> parse_policy(std::string_view json, PolicyKind kind) { return Parser(kind).parse(json); }

}  // namespace cumulet::access
