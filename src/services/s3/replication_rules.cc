#include "services/s3/replication_rules.h"

#include <algorithm>
#include <set>

#include "access/policy.h"
#include "base/ids.h"
#include "base/text.h"
#include "services/s3/errors.h"
#include "services/s3/object_rules.h"
#include "wire/document.h"

namespace cumulet::s3 {
namespace api = wire::s3;

namespace {

constexpr std::size_t kRuleLimit = 1000;
constexpr std::size_t kIdLimit = 255;

bool replicates_markers(const api::ReplicationRule& rule) {
  if (!rule.filter) return true;  // Rules of the first version always did.
  return rule.delete_marker_replication && rule.delete_marker_replication->status == "Enabled";
}

bool matches(const api::ReplicationRule& rule, const Object& object) {
  std::string prefix = rule.prefix.value_or("");
  std::vector<api::Tag> tags;
  if (rule.filter) {
    prefix = rule.filter->prefix.value_or("");
    if (rule.filter->tag) tags.push_back(*rule.filter->tag);
    if (rule.filter->and_) {
      prefix = rule.filter->and_->prefix.value_or("");
      tags = rule.filter->and_->tags.value_or(std::vector<api::Tag>());
    }
  }
  if (!object.key.starts_with(prefix)) return false;
  return std::all_of(tags.begin(), tags.end(), [&object](const api::Tag& tag) {
    const auto found = object.tags.find(tag.key);
    return found != object.tags.end() && found->second == tag.value;
  });
}

Result<void> check_filter(const api::ReplicationRule& rule) {
  if (rule.filter && rule.prefix) return malformed_xml();
  if (!rule.filter) return {};
  const api::ReplicationRuleFilter& filter = *rule.filter;
  const int forms = static_cast<int>(filter.prefix.has_value()) + static_cast<int>(filter.tag.has_value()) +
                    static_cast<int>(filter.and_.has_value());
  if (forms > 1 || !rule.priority || !rule.delete_marker_replication) return malformed_xml();
  const bool tagged = filter.tag || (filter.and_ && filter.and_->tags);
  if (tagged && replicates_markers(rule)) {
    return invalid_request(
        "Delete marker replication is not supported if any Tag filter is specified. Please refer to "
        "S3 Developer Guide for more information.");
  }
  return {};
}

/// What would change what replicas are: refused, so that nobody takes them for what they are not.
Result<void> refuse_unsupported_parts(const api::ReplicationRule& rule) {
  const api::Destination& to = rule.destination;
  if (rule.source_selection_criteria || rule.existing_object_replication || to.access_control_translation ||
      to.encryption_configuration || to.replication_time || to.metrics) {
    return Error(errors::kNotImplemented,
                 "SourceSelectionCriteria, ExistingObjectReplication, AccessControlTranslation, "
                 "EncryptionConfiguration, ReplicationTime and Metrics are not implemented by this server.");
  }
  return {};
}

Result<void> check_rule(const Bucket& bucket, const api::ReplicationRule& rule) {
  if (rule.status != "Enabled" && rule.status != "Disabled") return malformed_xml();
  if (rule.id->size() > kIdLimit) {
    return invalid_argument("Rule Id must not be greater than 255 characters", "ID", *rule.id);
  }
  Result<void> checked = check_filter(rule);
  if (checked.ok()) checked = refuse_unsupported_parts(rule);
  if (!checked.ok()) return checked;
  const std::string name = bucket_of_arn(rule.destination.bucket);
  if (name.empty()) return invalid_argument("Invalid bucket ARN", "Bucket", rule.destination.bucket);
  if (name == bucket.name) return invalid_request("Destination bucket cannot be the same as the source bucket.");
  const Result<std::string> storage_class = storage_class_of(rule.destination.storage_class);
  return storage_class.ok() ? Result<void>() : Result<void>(malformed_xml());
}

}  // namespace

void give_ids(api::ReplicationConfiguration& configuration) {
  for (api::ReplicationRule& rule : configuration.rules) {
    if (!rule.id || rule.id->empty()) rule.id = base64_encode(random_bytes(36));
  }
}

Result<void> check_replication(const Bucket& bucket, const api::ReplicationConfiguration& configuration) {
  if (configuration.rules.empty() || configuration.rules.size() > kRuleLimit) return malformed_xml();
  if (!configuration.role.starts_with("arn:aws:iam::")) {
    return invalid_argument("Invalid Role specified in replication configuration", "Role", configuration.role);
  }
  std::set<std::string> ids;
  std::set<std::int32_t> priorities;
  for (const api::ReplicationRule& rule : configuration.rules) {
    Result<void> checked = check_rule(bucket, rule);
    if (!checked.ok()) return checked;
    if (!ids.insert(*rule.id).second) return invalid_argument("Rule Id must be unique", "ID", *rule.id);
    if (rule.filter && !priorities.insert(*rule.priority).second) {
      return invalid_request("Found duplicate priority: " + std::to_string(*rule.priority));
    }
  }
  return {};
}

std::string bucket_of_arn(const std::string& arn) {
  constexpr std::string_view kStem = "arn:aws:s3:::";
  if (!arn.starts_with(kStem) || arn.find('/') != std::string::npos) return {};
  return arn.substr(kStem.size());
}

bool lets_replicate(const Bucket& from, const Bucket& to, const std::string& key, bool marker) {
  if (to.account == from.account) return true;
  const auto put = wire::read_input<api::PutBucketReplication>(from.replication);
  const std::string roles = "arn:aws:iam::" + from.account + ":role/";
  if (!put.ok() || !put->replication_configuration.role.starts_with(roles) || to.policy.empty()) return false;
  const Result<access::Policy> policy = access::parse_policy(to.policy, access::PolicyKind::kResource);
  if (!policy.ok()) return false;
  const std::string& role = put->replication_configuration.role;
  access::Question question;
  question.caller.account = from.account;
  question.caller.arn =
      "arn:aws:sts::" + from.account + ":assumed-role/" + role.substr(role.rfind('/') + 1) + "/s3-replication";
  question.action = marker ? "s3:ReplicateDelete" : "s3:ReplicateObject";
  question.resource = to.arn() + "/" + key;
  question.context["aws:principalarn"] = {role};
  question.context["aws:principalaccount"] = {from.account};
  question.context["aws:securetransport"] = {"true"};
  question.context["aws:resourceaccount"] = {to.account};
  question.context["s3:resourceaccount"] = {to.account};
  return access::evaluate(*policy, question) == access::Decision::kAllow;
}

std::vector<ReplicaPlace> replica_places(const Bucket& bucket, const Object& object) {
  std::vector<ReplicaPlace> places;
  if (bucket.replication.empty()) return places;
  auto put = wire::read_input<api::PutBucketReplication>(bucket.replication);
  if (!put.ok()) return places;
  std::vector<api::ReplicationRule>& rules = put->replication_configuration.rules;
  std::stable_sort(rules.begin(), rules.end(), [](const api::ReplicationRule& a, const api::ReplicationRule& b) {
    return a.priority.value_or(0) > b.priority.value_or(0);
  });
  std::set<std::string> seen;
  for (const api::ReplicationRule& rule : rules) {
    if (rule.status != "Enabled" || !matches(rule, object) || !seen.insert(rule.destination.bucket).second) continue;
    if (object.delete_marker && !replicates_markers(rule)) continue;
    places.emplace_back(bucket_of_arn(rule.destination.bucket), rule.destination.storage_class.value_or(""));
  }
  return places;
}

}  // namespace cumulet::s3
