#include "services/s3/policy_context.h"

#include <array>
#include <utility>

#include "access/policy.h"
#include "base/text.h"
#include "services/s3/object_rules.h"

namespace cumulet::s3 {
namespace {

using Context = std::map<std::string, std::vector<std::string>>;
using Named = std::pair<const char*, const char*>;

/// Headers whose value is the value of a condition key.
constexpr std::array kHeaders{
    Named("x-amz-acl", "s3:x-amz-acl"),
    Named("x-amz-grant-full-control", "s3:x-amz-grant-full-control"),
    Named("x-amz-grant-read", "s3:x-amz-grant-read"),
    Named("x-amz-grant-read-acp", "s3:x-amz-grant-read-acp"),
    Named("x-amz-grant-write", "s3:x-amz-grant-write"),
    Named("x-amz-grant-write-acp", "s3:x-amz-grant-write-acp"),
    Named("x-amz-content-sha256", "s3:x-amz-content-sha256"),
    Named("x-amz-metadata-directive", "s3:x-amz-metadata-directive"),
    Named("x-amz-object-ownership", "s3:x-amz-object-ownership"),
    Named("x-amz-server-side-encryption", "s3:x-amz-server-side-encryption"),
    Named("x-amz-server-side-encryption-aws-kms-key-id", "s3:x-amz-server-side-encryption-aws-kms-key-id"),
    Named("x-amz-server-side-encryption-customer-algorithm", "s3:x-amz-server-side-encryption-customer-algorithm"),
    Named("x-amz-storage-class", "s3:x-amz-storage-class"),
    Named("x-amz-website-redirect-location", "s3:x-amz-website-redirect-location"),
    Named("x-amz-object-lock-mode", "s3:object-lock-mode"),
    Named("x-amz-object-lock-legal-hold", "s3:object-lock-legal-hold"),
    Named("x-amz-object-lock-retain-until-date", "s3:object-lock-retain-until-date"),
    Named("if-match", "s3:if-match"),
    Named("if-none-match", "s3:if-none-match"),
};

/// The same of query parameters.
constexpr std::array kParameters{
    Named("prefix", "s3:prefix"),
    Named("delimiter", "s3:delimiter"),
    Named("max-keys", "s3:max-keys"),
    Named("versionId", "s3:versionid"),
};

/// How the request was signed.
void add_signature(const wire::Call& call, const std::vector<std::pair<std::string, std::string>>& parameters,
                   Context& context) {
  if (call.caller.anonymous) return;
  std::string date(call.http.headers.get("x-amz-date"));
  bool in_query = false;
  std::string algorithm(call.http.headers.get("authorization").substr(0, 16));
  for (const auto& [name, value] : parameters) {
    if (name == "X-Amz-Date") date = value;
    if (name == "X-Amz-Algorithm") algorithm = value;
    if (name == "X-Amz-Signature" || name == "Signature") in_query = true;
  }
  context["s3:authtype"] = {in_query ? "REST-QUERY-STRING" : "REST-HEADER"};
  context["s3:signatureversion"] = {algorithm.starts_with("AWS4-HMAC-SHA256") ? "AWS4-HMAC-SHA256" : "AWS"};
  Timestamp signed_at{};
  if (parse_iso8601_basic(date, signed_at)) {
    const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(call.time - signed_at);
    context["s3:signatureage"] = {std::to_string(age.count())};
  }
}

void add_request_tags(const wire::Call& call, Context& context) {
  const std::string* const header = call.http.headers.find("x-amz-tagging");
  if (header == nullptr) return;
  const Result<std::map<std::string, std::string>> tags = parse_tags(*header);
  if (!tags.ok()) return;
  for (const auto& [key, value] : *tags) {
    context["s3:requestobjecttag/" + to_lower(key)] = {value};
    context["s3:requestobjecttagkeys"].push_back(key);
  }
}

}  // namespace

Context policy_context(const wire::Call& call, const Bucket& bucket, const Object* existing) {
  Context context = access::request_context(call);
  for (const auto& [header, key] : kHeaders) {
    if (const std::string* value = call.http.headers.find(header)) context[key] = {*value};
  }
  if (const std::string* source = call.http.headers.find("x-amz-copy-source")) {
    context["s3:x-amz-copy-source"] = {source->starts_with('/') ? source->substr(1) : *source};
  }
  const std::vector<std::pair<std::string, std::string>> parameters = call.http.query_parameters();
  for (const auto& [parameter, key] : kParameters) {
    for (const auto& [name, value] : parameters) {
      if (name == parameter) context[key] = {value};
    }
  }
  add_signature(call, parameters, context);
  add_request_tags(call, context);
  context["s3:resourceaccount"] = {bucket.account};
  context["aws:resourceaccount"] = {bucket.account};
  if (existing == nullptr) return context;
  for (const auto& [key, value] : existing->tags) context["s3:existingobjecttag/" + to_lower(key)] = {value};
  return context;
}

}  // namespace cumulet::s3
