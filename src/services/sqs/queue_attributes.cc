#include "services/sqs/queue_attributes.h"

#include <algorithm>
#include <functional>

#include <simdjson.h>

#include "access/policy.h"
#include "base/text.h"
#include "services/sqs/errors.h"
#include "services/sqs/sqs.h"

namespace cumulet::sqs {
namespace {

namespace dom = simdjson::dom;

constexpr std::uint32_t kMaxReceives = 1'000;
constexpr std::size_t kMaxAllowedSources = 10;
constexpr std::size_t kDocumentLimit = 64 * 1024;

Error invalid_value(std::string_view name) {
  return Error(wire::sqs::errors::kInvalidAttributeValue, "Invalid value for the parameter " + std::string(name) + ".");
}

Error invalid_value(std::string_view name, const std::string& value, std::string_view reason) {
  return invalid_parameter("Value " + value + " for parameter " + std::string(name) +
                           " is invalid. Reason: " + std::string(reason));
}

Error unknown(std::string_view name) {
  return Error(wire::sqs::errors::kInvalidAttributeName, "Unknown Attribute " + std::string(name) + ".");
}

/// A number in the form of a JSON number or of a text.
std::optional<std::int64_t> number_of(dom::element value) {
  std::int64_t number = 0;
  if (value.get_int64().get(number) == simdjson::SUCCESS) return number;
  std::string_view text;
  if (value.get_string().get(text) == simdjson::SUCCESS) return parse_int(text);
  return std::nullopt;
}

Result<void> set_redrive(const std::string& text, QueueSettings& settings) {
  constexpr std::string_view kName = "RedrivePolicy";
  settings.redrive.reset();
  settings.redrive_text.clear();
  if (text.empty() || text == "{}") return {};
  dom::parser parser;
  dom::object object;
  if (text.size() > kDocumentLimit || parser.parse(text).get_object().get(object) != simdjson::SUCCESS) {
    return invalid_value(kName, text, "Redrive policy is not a valid JSON map.");
  }
  RedrivePolicy policy;
  std::string_view target;
  dom::element count;
  if (object["deadLetterTargetArn"].get_string().get(target) != simdjson::SUCCESS) {
    return invalid_value(kName, text, "Redrive policy does not contain mandatory attribute: deadLetterTargetArn.");
  }
  if (object["maxReceiveCount"].get(count) != simdjson::SUCCESS) {
    return invalid_value(kName, text, "Redrive policy does not contain mandatory attribute: maxReceiveCount.");
  }
  const std::optional<std::int64_t> number = number_of(count);
  if (!number || *number < 1 || *number > kMaxReceives) {
    return invalid_value(kName, text, "Invalid value for maxReceiveCount: must be between 1 and 1000, both inclusive.");
  }
  if (!parse_queue_arn(target)) return invalid_value(kName, text, "Invalid value for deadLetterTargetArn.");
  policy.target_arn = std::string(target);
  policy.max_receive_count = static_cast<std::uint32_t>(*number);
  settings.redrive = std::move(policy);
  settings.redrive_text = text;
  return {};
}

Result<void> set_redrive_allow(const std::string& text, QueueSettings& settings) {
  constexpr std::string_view kName = "RedriveAllowPolicy";
  settings.redrive_allow.reset();
  settings.redrive_allow_text.clear();
  if (text.empty() || text == "{}") return {};
  dom::parser parser;
  dom::object object;
  if (text.size() > kDocumentLimit || parser.parse(text).get_object().get(object) != simdjson::SUCCESS) {
    return invalid_value(kName, text,
                         "Amazon SQS can't create the redrive allow policy, as it is not a valid JSON map.");
  }
  std::string_view permission;
  if (object["redrivePermission"].get_string().get(permission) != simdjson::SUCCESS) {
    return invalid_value(kName, text, "The policy must contain redrivePermission.");
  }
  RedriveAllowPolicy policy;
  dom::array sources;
  if (object["sourceQueueArns"].get_array().get(sources) == simdjson::SUCCESS) {
    for (const dom::element source : sources) {
      std::string_view arn;
      if (source.get_string().get(arn) != simdjson::SUCCESS) {
        return invalid_value(kName, text, "sourceQueueArns must be a list of ARNs.");
      }
      policy.source_arns.emplace_back(arn);
    }
  }
  if (permission == "byQueue") {
    policy.permission = RedriveAllowPolicy::Permission::kByQueue;
    if (policy.source_arns.empty() || policy.source_arns.size() > kMaxAllowedSources) {
      return invalid_value(kName, text, "sourceQueueArns must have between 1 and 10 ARNs with byQueue.");
    }
  } else if (permission == "denyAll") {
    policy.permission = RedriveAllowPolicy::Permission::kDenyAll;
  } else if (permission != "allowAll") {
    return invalid_value(kName, text, "redrivePermission must be allowAll, denyAll or byQueue.");
  }
  if (permission != "byQueue" && !policy.source_arns.empty()) {
    return invalid_value(kName, text, "sourceQueueArns is only allowed with byQueue.");
  }
  settings.redrive_allow = std::move(policy);
  settings.redrive_allow_text = text;
  return {};
}

Result<void> set_number(const std::string& name, const std::string& text, std::uint32_t least, std::uint32_t most,
                        std::uint32_t& number) {
  const std::optional<std::int64_t> value = parse_int(text);
  if (!value || *value < least || *value > most) return invalid_value(name);
  number = static_cast<std::uint32_t>(*value);
  return {};
}

Result<void> set_boolean(const std::string& name, const std::string& text, bool& flag) {
  if (text != "true" && text != "false") return invalid_value(name);
  flag = text == "true";
  return {};
}

Result<void> set_choice(const std::string& name, const std::string& text,
                        std::initializer_list<std::string_view> allowed, std::string& value) {
  if (std::find(allowed.begin(), allowed.end(), text) == allowed.end()) return invalid_value(name);
  value = text;
  return {};
}

Result<void> set_policy(const std::string& text, QueueSettings& settings) {
  if (!text.empty() && !access::parse_policy(text, access::PolicyKind::kResource)) return invalid_value("Policy");
  settings.policy = text;
  return {};
}

using Setter = std::function<Result<void>(const std::string& text, QueueSettings& settings)>;

const std::map<std::string, Setter>& setters() {
  static const std::map<std::string, Setter> kSetters{
      {"DelaySeconds", [](auto& t, auto& s) { return set_number("DelaySeconds", t, 0, 900, s.delay_seconds); }},
      {"MaximumMessageSize",
       [](auto& t, auto& s) { return set_number("MaximumMessageSize", t, 1024, 1'048'576, s.maximum_message_size); }},
      {"MessageRetentionPeriod",
       [](auto& t, auto& s) { return set_number("MessageRetentionPeriod", t, 60, 1'209'600, s.retention_seconds); }},
      {"ReceiveMessageWaitTimeSeconds",
       [](auto& t, auto& s) { return set_number("ReceiveMessageWaitTimeSeconds", t, 0, 20, s.receive_wait_seconds); }},
      {"VisibilityTimeout",
       [](auto& t, auto& s) { return set_number("VisibilityTimeout", t, 0, 43'200, s.visibility_seconds); }},
      {"Policy", [](auto& t, auto& s) { return set_policy(t, s); }},
      {"RedrivePolicy", [](auto& t, auto& s) { return set_redrive(t, s); }},
      {"RedriveAllowPolicy", [](auto& t, auto& s) { return set_redrive_allow(t, s); }},
      {"KmsMasterKeyId",
       [](auto& t, auto& s) {
         s.kms_key_id = t;
         if (!t.empty()) s.managed_sse = false;
         return Result<void>();
       }},
      {"KmsDataKeyReusePeriodSeconds",
       [](auto& t, auto& s) { return set_number("KmsDataKeyReusePeriodSeconds", t, 60, 86'400, s.kms_reuse_seconds); }},
      {"SqsManagedSseEnabled", [](auto& t, auto& s) { return set_boolean("SqsManagedSseEnabled", t, s.managed_sse); }},
      {"FifoQueue", [](auto& t, auto& s) { return set_boolean("FifoQueue", t, s.fifo); }},
      {"ContentBasedDeduplication",
       [](auto& t, auto& s) { return set_boolean("ContentBasedDeduplication", t, s.content_based_deduplication); }},
      {"DeduplicationScope",
       [](auto& t, auto& s) {
         return set_choice("DeduplicationScope", t, {"queue", "messageGroup"}, s.deduplication_scope);
       }},
      {"FifoThroughputLimit",
       [](auto& t, auto& s) {
         return set_choice("FifoThroughputLimit", t, {"perQueue", "perMessageGroupId"}, s.throughput_limit);
       }},
  };
  return kSetters;
}

bool is_fifo_only(std::string_view name) {
  return name == "ContentBasedDeduplication" || name == "DeduplicationScope" || name == "FifoThroughputLimit";
}

AttributeMap all_attributes(const QueueName& name, const QueueRow& row, const QueueIndex::Counts& counts) {
  const QueueSettings& s = row.settings;
  AttributeMap all{
      {"ApproximateNumberOfMessages", std::to_string(counts.visible)},
      {"ApproximateNumberOfMessagesDelayed", std::to_string(counts.delayed)},
      {"ApproximateNumberOfMessagesNotVisible", std::to_string(counts.not_visible)},
      {"CreatedTimestamp", std::to_string(row.created_seconds)},
      {"LastModifiedTimestamp", std::to_string(row.modified_seconds)},
      {"QueueArn", name.arn()},
      {"DelaySeconds", std::to_string(s.delay_seconds)},
      {"MaximumMessageSize", std::to_string(s.maximum_message_size)},
      {"MessageRetentionPeriod", std::to_string(s.retention_seconds)},
      {"ReceiveMessageWaitTimeSeconds", std::to_string(s.receive_wait_seconds)},
      {"VisibilityTimeout", std::to_string(s.visibility_seconds)},
      {"SqsManagedSseEnabled", s.managed_sse ? "true" : "false"},
  };
  if (!s.policy.empty()) all["Policy"] = s.policy;
  if (s.redrive) all["RedrivePolicy"] = s.redrive_text;
  if (s.redrive_allow) all["RedriveAllowPolicy"] = s.redrive_allow_text;
  if (!s.kms_key_id.empty()) {
    all["KmsMasterKeyId"] = s.kms_key_id;
    all["KmsDataKeyReusePeriodSeconds"] = std::to_string(s.kms_reuse_seconds);
  }
  if (s.fifo) {
    all["FifoQueue"] = "true";
    all["ContentBasedDeduplication"] = s.content_based_deduplication ? "true" : "false";
    all["DeduplicationScope"] = s.deduplication_scope;
    all["FifoThroughputLimit"] = s.throughput_limit;
  }
  return all;
}

}  // namespace

Result<void> apply_attributes(const AttributeMap& given, bool creating, QueueSettings& settings) {
  for (const auto& [name, text] : given) {
    const auto found = setters().find(name);
    if (found == setters().end()) return unknown(name);
    if (name == "FifoQueue" && (!creating || text == "false")) return unknown(name);
    if (is_fifo_only(name) && !settings.fifo && !(creating && given.contains("FifoQueue"))) return unknown(name);
    Result<void> set = found->second(text, settings);
    if (!set) return set;
  }
  const auto sse = given.find("SqsManagedSseEnabled");
  if (sse != given.end() && settings.managed_sse) {
    const auto key = given.find("KmsMasterKeyId");
    if (key != given.end() && !key->second.empty()) {
      return Error(wire::sqs::errors::kInvalidAttributeValue,
                   "You can use one type of server-side encryption (SSE) at "
                   "one time. You can either enable KMS SSE or SQS SSE.");
    }
    settings.kms_key_id.clear();
  }
  if (settings.throughput_limit == "perMessageGroupId" && settings.deduplication_scope != "messageGroup") {
    return Error(wire::sqs::errors::kInvalidAttributeValue,
                 "The perMessageGroupId value is allowed only when the value for DeduplicationScope is messageGroup.");
  }
  return {};
}

std::string first_difference(const AttributeMap& given, const QueueSettings& wanted, const QueueSettings& existing) {
  QueueRow left;
  left.settings = wanted;
  QueueRow right;
  right.settings = existing;
  const AttributeMap a = all_attributes(QueueName(), left, {});
  const AttributeMap b = all_attributes(QueueName(), right, {});
  const auto value = [](const AttributeMap& map, const std::string& name) {
    const auto found = map.find(name);
    return found == map.end() ? std::string() : found->second;
  };
  for (const auto& [name, text] : given) {
    if (name == "RedrivePolicy" && wanted.redrive == existing.redrive) continue;
    if (name == "RedriveAllowPolicy" && wanted.redrive_allow == existing.redrive_allow) continue;
    if (value(a, name) != value(b, name)) return name;
  }
  return {};
}

Result<AttributeMap> shown_attributes(const std::vector<std::string>& wanted, const QueueName& name,
                                      const QueueRow& row, const QueueIndex::Counts& counts) {
  AttributeMap all = all_attributes(name, row, counts);
  AttributeMap shown;
  for (const std::string& one : wanted) {
    if (one == "All") return all;
    const auto found = all.find(one);
    if (found != all.end()) {
      shown.insert(*found);
    } else if (!setters().contains(one)) {
      return unknown(one);
    }
  }
  return shown;
}

}  // namespace cumulet::sqs
