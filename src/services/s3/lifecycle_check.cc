#include <algorithm>
#include <array>
#include <set>

#include "base/ids.h"
#include "base/text.h"
#include "services/s3/errors.h"
#include "services/s3/lifecycle_rules.h"

namespace cumulet::s3 {
namespace api = wire::s3;

namespace {

constexpr std::size_t kRuleLimit = 1000;
constexpr std::size_t kIdLimit = 255;
constexpr std::int32_t kNewerVersionsLimit = 100;
constexpr std::int32_t kInfrequentDays = 30;
constexpr std::int64_t kMicrosOfDay = 86'400'000'000;

Error invalid(std::string message) { return Error("InvalidArgument", 400, std::move(message)); }

Result<void> check_tag(const api::Tag& tag, std::set<std::string>& seen) {
  if (tag.key.empty() || tag.key.size() > 128)
    return Error("InvalidTag", 400, "The TagKey you have provided is invalid");
  if (tag.value.size() > 256) return Error("InvalidTag", 400, "The TagValue you have provided is invalid");
  if (!seen.insert(tag.key).second) return invalid_request("Duplicate Tag Keys are not allowed.");
  return {};
}

Result<void> check_sizes(const std::optional<std::int64_t>& greater, const std::optional<std::int64_t>& less) {
  if (greater && *greater < 0) return invalid("'ObjectSizeGreaterThan' must be nonnegative");
  if (less && *less <= 0) return invalid("'ObjectSizeLessThan' must be a positive integer");
  if (greater && less && *less <= *greater) {
    return invalid_request("'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'.");
  }
  return {};
}

Result<void> check_and(const api::LifecycleRuleAndOperator& given) {
  std::size_t predicates = given.tags ? given.tags->size() : 0;
  for (const bool there : {given.prefix.has_value(), given.object_size_greater_than.has_value(),
                           given.object_size_less_than.has_value()}) {
    if (there) ++predicates;
  }
  if (predicates < 2) return malformed_xml();
  std::set<std::string> seen;
  if (given.tags) {
    for (const api::Tag& tag : *given.tags) {
      Result<void> checked = check_tag(tag, seen);
      if (!checked.ok()) return checked;
    }
  }
  return check_sizes(given.object_size_greater_than, given.object_size_less_than);
}

Result<void> check_filter(const api::LifecycleRule& rule) {
  if (rule.filter.has_value() == rule.prefix.has_value()) return malformed_xml();
  if (!rule.filter) return {};
  const api::LifecycleRuleFilter& filter = *rule.filter;
  int forms = 0;
  for (const bool there : {filter.prefix.has_value(), filter.tag.has_value(), filter.and_.has_value(),
                           filter.object_size_greater_than.has_value(), filter.object_size_less_than.has_value()}) {
    if (there) ++forms;
  }
  if (forms > 1) return malformed_xml();
  if (filter.and_) return check_and(*filter.and_);
  std::set<std::string> seen;
  if (filter.tag) return check_tag(*filter.tag, seen);
  return check_sizes(filter.object_size_greater_than, filter.object_size_less_than);
}

bool has_tags(const api::LifecycleRule& rule) {
  return rule.filter && (rule.filter->tag || (rule.filter->and_ && rule.filter->and_->tags));
}

bool at_midnight(Timestamp date) { return date.time_since_epoch().count() % kMicrosOfDay == 0; }

Result<void> check_expiration(const api::LifecycleRule& rule) {
  const api::LifecycleExpiration& expiration = *rule.expiration;
  const bool marker = expiration.expired_object_delete_marker.has_value();
  if (static_cast<int>(expiration.days.has_value()) + static_cast<int>(expiration.date.has_value()) +
          static_cast<int>(marker) !=
      1) {
    return malformed_xml();
  }
  if (expiration.days && *expiration.days <= 0) {
    return invalid("'Days' for Expiration action must be a positive integer");
  }
  if (expiration.date && !at_midnight(*expiration.date)) return invalid("'Date' must be at midnight GMT");
  if (marker && has_tags(rule)) {
    return invalid_request("ExpiredObjectDeleteMarker cannot be specified with Tags.");
  }
  return {};
}

Result<void> check_class(const std::optional<std::string>& storage_class, std::set<std::string>& seen) {
  static const std::set<std::string> kClasses{"STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING",
                                              "GLACIER",     "GLACIER_IR", "DEEP_ARCHIVE"};
  if (!storage_class || !kClasses.contains(*storage_class)) return malformed_xml();
  if (!seen.insert(*storage_class).second) {
    return invalid_request("'StorageClass' must be different for 'Transition' actions in same 'Rule'");
  }
  return {};
}

Result<void> check_days_for_class(const char* name, std::int32_t days, const std::string& storage_class) {
  if (days < 0) return invalid(std::string("'") + name + "' for Transition action must be nonnegative");
  if (days >= kInfrequentDays || (storage_class != "STANDARD_IA" && storage_class != "ONEZONE_IA")) return {};
  return invalid(std::string("'") + name +
                 "' in Transition action must be greater than or equal to 30 for storageClass '" + storage_class + "'");
}

Result<void> check_transitions(const api::LifecycleRule& rule) {
  std::set<std::string> seen;
  for (const api::Transition& each : *rule.transitions) {
    Result<void> checked = check_class(each.storage_class, seen);
    if (!checked.ok()) return checked;
    if (each.days.has_value() == each.date.has_value()) return malformed_xml();
    if (each.date && !at_midnight(*each.date)) return invalid("'Date' must be at midnight GMT");
    const bool mixed =
        rule.expiration && ((each.days && rule.expiration->date) || (each.date && rule.expiration->days));
    if (mixed || (each.days.has_value() != rule.transitions->front().days.has_value())) {
      return invalid_request("Found mixed 'Date' and 'Days' based Expiration and Transition actions in lifecycle rule");
    }
    if (!each.days) continue;
    checked = check_days_for_class("Days", *each.days, *each.storage_class);
    if (!checked.ok()) return checked;
    if (rule.expiration && rule.expiration->days && *rule.expiration->days <= *each.days) {
      return invalid("'Days' in the Expiration action must be greater than 'Days' in the Transition action");
    }
  }
  return {};
}

Result<void> check_newer(const std::optional<std::int32_t>& newer, const char* action) {
  if (!newer || (*newer > 0 && *newer <= kNewerVersionsLimit)) return {};
  return invalid(std::string("'NewerNoncurrentVersions' for ") + action +
                 " action must be an integer between 1 and 100");
}

Result<void> check_noncurrent(const api::LifecycleRule& rule) {
  if (rule.noncurrent_version_transitions) {
    std::set<std::string> seen;
    for (const api::NoncurrentVersionTransition& each : *rule.noncurrent_version_transitions) {
      Result<void> checked = check_class(each.storage_class, seen);
      if (!checked.ok()) return checked;
      if (!each.noncurrent_days) return malformed_xml();
      checked = check_days_for_class("NoncurrentDays", *each.noncurrent_days, *each.storage_class);
      if (!checked.ok()) return checked;
      checked = check_newer(each.newer_noncurrent_versions, "NoncurrentVersionTransition");
      if (!checked.ok()) return checked;
    }
  }
  if (!rule.noncurrent_version_expiration) return {};
  const api::NoncurrentVersionExpiration& expiration = *rule.noncurrent_version_expiration;
  if (!expiration.noncurrent_days) return malformed_xml();
  if (*expiration.noncurrent_days <= 0) {
    return invalid("'NoncurrentDays' for NoncurrentVersionExpiration action must be a positive integer");
  }
  return check_newer(expiration.newer_noncurrent_versions, "NoncurrentVersionExpiration");
}

Result<void> check_abort(const api::LifecycleRule& rule) {
  const std::optional<std::int32_t>& days = rule.abort_incomplete_multipart_upload->days_after_initiation;
  if (!days) return malformed_xml();
  if (*days <= 0) {
    return invalid("'DaysAfterInitiation' for AbortIncompleteMultipartUpload action must be a positive integer");
  }
  if (has_tags(rule)) return invalid_request("AbortIncompleteMultipartUpload cannot be specified with Tags.");
  return {};
}

Result<void> check_rule(const api::LifecycleRule& rule) {
  if (rule.status != "Enabled" && rule.status != "Disabled") return malformed_xml();
  if (rule.id->size() > kIdLimit) return invalid("ID length should not exceed allowed limit of 255");
  Result<void> checked = check_filter(rule);
  if (!checked.ok()) return checked;
  const bool transits = rule.transitions && !rule.transitions->empty();
  const bool noncurrent = rule.noncurrent_version_transitions && !rule.noncurrent_version_transitions->empty();
  if (!rule.expiration && !transits && !noncurrent && !rule.noncurrent_version_expiration &&
      !rule.abort_incomplete_multipart_upload) {
    return invalid_request("At least one action needs to be specified in a rule");
  }
  if (rule.expiration) checked = check_expiration(rule);
  if (checked.ok() && transits) checked = check_transitions(rule);
  if (checked.ok()) checked = check_noncurrent(rule);
  if (checked.ok() && rule.abort_incomplete_multipart_upload) checked = check_abort(rule);
  return checked;
}

}  // namespace

void give_ids(api::BucketLifecycleConfiguration& configuration) {
  for (api::LifecycleRule& rule : configuration.rules) {
    if (!rule.id || rule.id->empty()) rule.id = base64_encode(random_bytes(36));
  }
}

Result<void> check_lifecycle(const api::BucketLifecycleConfiguration& configuration) {
  if (configuration.rules.empty() || configuration.rules.size() > kRuleLimit) return malformed_xml();
  std::set<std::string_view> ids;
  for (const api::LifecycleRule& rule : configuration.rules) {
    Result<void> checked = check_rule(rule);
    if (!checked.ok()) return checked;
    if (!ids.insert(*rule.id).second) {
      return invalid("Rule ID must be unique. Found same ID for more than one rule");
    }
  }
  return {};
}

}  // namespace cumulet::s3
