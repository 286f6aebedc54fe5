#include "services/s3/notification_rules.h"

#include <set>

#include "base/ids.h"
#include "base/text.h"
#include "services/s3/errors.h"
#include "wire/arn.h"

namespace cumulet::s3 {
namespace api = wire::s3;

namespace {

constexpr std::size_t kRuleLimit = 100;
constexpr std::size_t kIdLimit = 255;
constexpr std::size_t kFilterValueLimit = 1024;

const std::set<std::string>& event_names() {
  static const std::set<std::string> kNames{"s3:ReducedRedundancyLostObject",
                                            "s3:ObjectCreated:*",
                                            "s3:ObjectCreated:Put",
                                            "s3:ObjectCreated:Post",
                                            "s3:ObjectCreated:Copy",
                                            "s3:ObjectCreated:CompleteMultipartUpload",
                                            "s3:ObjectRemoved:*",
                                            "s3:ObjectRemoved:Delete",
                                            "s3:ObjectRemoved:DeleteMarkerCreated",
                                            "s3:ObjectRestore:*",
                                            "s3:ObjectRestore:Post",
                                            "s3:ObjectRestore:Completed",
                                            "s3:ObjectRestore:Delete",
                                            "s3:Replication:*",
                                            "s3:Replication:OperationFailedReplication",
                                            "s3:Replication:OperationNotTracked",
                                            "s3:Replication:OperationMissedThreshold",
                                            "s3:Replication:OperationReplicatedAfterThreshold",
                                            "s3:LifecycleTransition",
                                            "s3:IntelligentTiering",
                                            "s3:ObjectAcl:Put",
                                            "s3:LifecycleExpiration:*",
                                            "s3:LifecycleExpiration:Delete",
                                            "s3:LifecycleExpiration:DeleteMarkerCreated",
                                            "s3:ObjectTagging:*",
                                            "s3:ObjectTagging:Put",
                                            "s3:ObjectTagging:Delete"};
  return kNames;
}

/// "s3:ObjectCreated:*" covers "s3:ObjectCreated:Put" and itself.
bool covers(std::string_view wanted, std::string_view event) {
  if (!wanted.ends_with('*')) return wanted == event;
  return event.starts_with(wanted.substr(0, wanted.size() - 1));
}

template <typename Configuration>
void add_rule(const Configuration& configuration, const std::string& arn, std::vector<NotificationRule>& rules) {
  static const std::string kNone;
  NotificationRule rule(configuration.id ? *configuration.id : kNone, arn, configuration.events);
  if (configuration.filter && configuration.filter->key && configuration.filter->key->filter_rules) {
    for (const api::FilterRule& part : *configuration.filter->key->filter_rules) {
      (iequals(part.name.value_or(""), "prefix") ? rule.prefix : rule.suffix) = part.value.value_or("");
    }
  }
  rules.push_back(std::move(rule));
}

Result<void> check_filter(const std::optional<api::NotificationConfigurationFilter>& filter) {
  if (!filter || !filter->key || !filter->key->filter_rules) return {};
  std::set<std::string> seen;
  for (const api::FilterRule& rule : *filter->key->filter_rules) {
    const std::string name = to_lower(rule.name.value_or(""));
    if (name != "prefix" && name != "suffix") {
      return invalid_argument("filter rule name must be either prefix or suffix", "FilterRule.Name",
                              rule.name.value_or(""));
    }
    if (!seen.insert(name).second) {
      return invalid_argument("Cannot specify more than one " + name + " rule in a filter.", "FilterRule.Name", name);
    }
    if (rule.value.value_or("").size() > kFilterValueLimit) {
      return invalid_argument("Size of filter rule value cannot exceed 1024 bytes in UTF-8 representation",
                              "FilterRule.Value", *rule.value);
    }
  }
  return {};
}

template <typename Configuration>
Result<void> check_one(const Configuration& configuration) {
  if (configuration.events.empty()) return malformed_xml();
  for (const std::string& event : configuration.events) {
    if (event_names().contains(event)) continue;
    return invalid_argument("A specified event is not supported for notifications.", "Event", event);
  }
  if (configuration.id && configuration.id->size() > kIdLimit) {
    return invalid_argument("Id cannot be longer than 255 characters", "Id", *configuration.id);
  }
  return check_filter(configuration.filter);
}

template <typename List>
Result<void> check_each(const std::optional<List>& list) {
  if (!list) return {};
  for (const auto& configuration : *list) {
    Result<void> checked = check_one(configuration);
    if (!checked.ok()) return checked;
  }
  return {};
}

Result<void> check_arn(const Bucket& bucket, const std::string& text, const std::string& service) {
  const std::optional<wire::Arn> arn = wire::parse_arn(text);
  if (!arn || arn->service != service || arn->region.empty() || arn->account.empty()) {
    return invalid_argument("The ARN is not well formed", service == "lambda" ? "CloudFunction" : service, text);
  }
  if (arn->region != bucket.region) {
    return invalid_argument(
        "The notification destination service region is not valid for the bucket location constraint", text, "null");
  }
  if (service != "lambda" && text.ends_with(".fifo")) {
    return invalid_argument("Unable to validate the following destination configurations", text,
                            "FIFO destinations are not supported");
  }
  return {};
}

bool share_an_event(const NotificationRule& a, const NotificationRule& b) {
  for (const std::string& one : a.events) {
    for (const std::string& other : b.events) {
      if (covers(one, other) || covers(other, one)) return true;
    }
  }
  return false;
}

/// Whether some key has both prefixes and both suffixes.
bool share_a_key(const NotificationRule& a, const NotificationRule& b) {
  const bool prefixes = a.prefix.starts_with(b.prefix) || b.prefix.starts_with(a.prefix);
  const bool suffixes = a.suffix.ends_with(b.suffix) || b.suffix.ends_with(a.suffix);
  return prefixes && suffixes;
}

Result<void> check_overlaps(const std::vector<NotificationRule>& rules) {
  for (std::size_t i = 0; i < rules.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const NotificationRule& a = rules[j];
      const NotificationRule& b = rules[i];
      if (!share_an_event(a, b) || !share_a_key(a, b)) continue;
      const bool unfiltered = a.prefix.empty() && a.suffix.empty() && b.prefix.empty() && b.suffix.empty();
      if (unfiltered) {
        return invalid_argument(
            "Configurations overlap. Configurations on the same bucket cannot share a common event type.", "Event",
            join(a.events, ", ") + ", " + join(b.events, ", "));
      }
      return invalid_argument(
          "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are "
          "overlapping for the same event type.",
          "Event", join(a.events, ", ") + ", " + join(b.events, ", "));
    }
  }
  return {};
}

template <typename List>
void give_ids_to(std::optional<List>& list) {
  if (!list) return;
  for (auto& configuration : *list) {
    if (!configuration.id || configuration.id->empty()) configuration.id = uuid();
  }
}

}  // namespace

bool NotificationRule::matches(std::string_view event, std::string_view key) const {
  if (key.size() < prefix.size() || !key.starts_with(prefix) || !key.ends_with(suffix)) return false;
  for (const std::string& wanted : events) {
    if (covers(wanted, event)) return true;
  }
  return false;
}

std::vector<NotificationRule> rules_of(const api::NotificationConfiguration& configuration) {
  std::vector<NotificationRule> rules;
  if (configuration.lambda_function_configurations) {
    for (const auto& each : *configuration.lambda_function_configurations) {
      add_rule(each, each.lambda_function_arn, rules);
    }
  }
  if (configuration.queue_configurations) {
    for (const auto& each : *configuration.queue_configurations) add_rule(each, each.queue_arn, rules);
  }
  if (configuration.topic_configurations) {
    for (const auto& each : *configuration.topic_configurations) add_rule(each, each.topic_arn, rules);
  }
  return rules;
}

void give_ids(api::NotificationConfiguration& configuration) {
  give_ids_to(configuration.lambda_function_configurations);
  give_ids_to(configuration.queue_configurations);
  give_ids_to(configuration.topic_configurations);
}

Result<void> check_notifications(const Bucket& bucket, const api::NotificationConfiguration& configuration) {
  for (const Result<void>& checked :
       {check_each(configuration.lambda_function_configurations), check_each(configuration.queue_configurations),
        check_each(configuration.topic_configurations)}) {
    if (!checked.ok()) return checked.error();
  }
  const std::vector<NotificationRule> rules = rules_of(configuration);
  if (rules.size() > kRuleLimit) {
    return invalid_request("The number of notification configurations must not exceed the allowed limit of 100.");
  }
  const std::size_t functions =
      configuration.lambda_function_configurations ? configuration.lambda_function_configurations->size() : 0;
  const std::size_t queues = configuration.queue_configurations ? configuration.queue_configurations->size() : 0;
  std::set<std::string> ids;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const char* const service = i < functions ? "lambda" : i < functions + queues ? "sqs" : "sns";
    const Result<void> arn = check_arn(bucket, rules[i].arn, service);
    if (!arn.ok()) return arn.error();
    if (!rules[i].id.empty() && !ids.insert(rules[i].id).second) {
      return invalid_argument("Same ID used for multiple configurations. IDs must be unique", "Id", rules[i].id);
    }
  }
  return check_overlaps(rules);
}

}  // namespace cumulet::s3
