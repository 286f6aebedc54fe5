#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "wire/call.h"

/// Policy documents (IAM JSON policy language): parsed strictly into a typed model, and evaluated against a question.
/// Source: "Grammar of the IAM JSON policy language" and "Policy evaluation logic" (IAM User Guide).
namespace cumulet::access {

/// What a document is for: that decides which elements it must have.
enum class PolicyKind {
  kIdentity,  ///< Of users and roles: resources, no principal.
  kTrust,     ///< Of a role: principals, sts actions, no resources.
  kResource,  ///< Of a bucket, a function …: principals and resources.
};

/// One entry below Condition: an operator, a key, and the values of which one must hold.
struct Condition {
  std::string operation;  ///< "StringEquals", with its prefix and suffix as they came.
  std::string key;        ///< Lower case.
  std::vector<std::string> values;
};

struct Principals {
  bool anyone = false;  ///< "*", or AWS: "*".
  std::vector<std::string> aws;
  std::vector<std::string> services;
  std::vector<std::string> federated;
  std::vector<std::string> canonical_users;
};

struct Statement {
  std::string sid;
  bool allow = false;
  bool has_principal = false;
  bool not_principal = false;
  Principals principals;
  bool not_action = false;
  std::vector<std::string> actions;
  bool has_resource = false;
  bool not_resource = false;
  std::vector<std::string> resources;
  std::vector<Condition> conditions;
};

struct Policy {
  std::string version;
  std::string id;
  std::vector<Statement> statements;
};

/// Fails with MalformedPolicyDocument (400) and IAM's sentence.
Result<Policy> parse_policy(std::string_view json, PolicyKind kind);

/// Who wants to do what to what, and under which circumstances.
struct Question {
  wire::Caller caller;  ///< Anonymous by `caller.anonymous`.
  std::string
      service_principal;  ///< "lambda.amazonaws.com" when a service asks for itself; the caller counts not then.
  std::string action;     ///< "s3:GetObject".
  std::string resource;   ///< An ARN; empty for trust policies.
  std::map<std::string, std::vector<std::string>> context;  ///< Condition keys, lower case: "aws:sourceip" …
};

enum class Decision { kNone, kAllow, kDeny };

/// What one document says: an explicit Deny beats every Allow. A condition that is not understood makes an Allow not
/// apply and a Deny apply.
Decision evaluate(const Policy& policy, const Question& question);

/// Whether a resource's policy lets anyone, unsigned, do this. `context` as in Question.
bool allows_public(const Policy& policy, std::string_view action, std::string_view resource_arn,
                   std::map<std::string, std::vector<std::string>> context = {});

/// The condition keys that every request has: aws:SourceIp, aws:SecureTransport, aws:CurrentTime, aws:EpochTime,
/// aws:UserAgent, aws:Referer, aws:PrincipalArn, aws:PrincipalAccount, aws:userid, aws:username, aws:RequestedRegion.
std::map<std::string, std::vector<std::string>> request_context(const wire::Call& call);

}  // namespace cumulet::access
