#include "services/sns/attributes.h"

#include <array>

#include <simdjson.h>

#include "access/policy.h"
#include "base/clock.h"
#include "base/text.h"
#include "services/sns/delivery_policy.h"
#include "services/sns/filter_policy.h"
#include "services/sns/topic_views.h"
#include "wire/arn.h"
#include "wire/generated/sns.h"

namespace cumulet::sns {
namespace {

using simdjson::dom::element;

constexpr std::size_t kDisplayNameLimit = 100;
constexpr std::size_t kAccessPolicyLimit = 30 * 1024;

bool is_boolean(const std::string& value) { return value == "true" || value == "false"; }

Error bad(const std::string& name) { return invalid("Attributes Reason: " + name + ": Invalid value"); }

Result<void> check_archive(const Topic& topic, const std::string& value) {
  if (!topic.fifo()) return invalid("Attributes Reason: ArchivePolicy is only supported for FIFO topics");
  if (value.empty() || value == "{}") return {};
  thread_local simdjson::dom::parser reader;
  std::string_view days;
  element document;
  if (reader.parse(value).get(document) || document["MessageRetentionPeriod"].get(days))
    return invalid("Attributes Reason: ArchivePolicy: MessageRetentionPeriod is required");
  const std::optional<std::int64_t> number = parse_int(days);
  if (!number || *number < 1 || *number > 365)
    return invalid("Attributes Reason: ArchivePolicy: MessageRetentionPeriod must be between 1 and 365");
  return {};
}

bool is_delivery_status(const std::string& name) {
  for (const std::string_view protocol : {"HTTP", "SQS", "Lambda", "Firehose", "Application"}) {
    if (!name.starts_with(protocol)) continue;
    const std::string rest = name.substr(protocol.size());
    if (rest == "SuccessFeedbackRoleArn" || rest == "FailureFeedbackRoleArn" || rest == "SuccessFeedbackSampleRate")
      return true;
  }
  return false;
}

Result<void> check_redrive(const Topic& topic, const std::string& value) {
  if (value.empty() || value == "{}") return {};
  const std::string arn = dead_letter_of(value);
  if (arn.empty()) return invalid("RedrivePolicy: deadLetterTargetArn is required");
  const std::optional<wire::Arn> parsed = wire::parse_arn(arn);
  if (!parsed || parsed->service != "sqs") return invalid("RedrivePolicy: deadLetterTargetArn is an invalid arn");
  if (topic.fifo() && !arn.ends_with(".fifo"))
    return invalid("RedrivePolicy: must use a FIFO queue as DLQ for a FIFO topic");
  return {};
}

Result<void> check_filter(const Subscription& subscription, const std::string& value) {
  if (value.empty() || value == "{}") return {};
  const bool body = subscription.attribute("FilterPolicyScope") == "MessageBody";
  const auto scope = body ? FilterPolicy::Scope::kBody : FilterPolicy::Scope::kAttributes;
  Result<FilterPolicy> parsed = FilterPolicy::parse(value, scope);
  if (!parsed.ok()) return std::move(parsed).error();
  return {};
}

Result<void> check_raw(const Subscription& subscription, const std::string& value) {
  if (!is_boolean(value))
    return invalid("Attributes Reason: RawMessageDelivery: Invalid value [" + value + "]. Must be true or false.");
  const std::string& protocol = subscription.protocol;
  if (value == "true" && protocol != "sqs" && protocol != "http" && protocol != "https" && protocol != "firehose")
    return invalid("Attributes Reason: RawMessageDelivery: Delivery protocol [" + protocol +
                   "] does not support raw message delivery.");
  return {};
}

}  // namespace

Result<void> check_topic_attribute(const Topic& topic, const std::string& name, const std::string& value,
                                   bool creating) {
  if (name == "DisplayName") {
    if (utf8_length(value) > kDisplayNameLimit) return invalid("DisplayName");
    return {};
  }
  if (name == "Policy") {
    if (value.empty()) return {};
    if (value.size() > kAccessPolicyLimit) return invalid("Policy Error: too long");
    const Result<access::Policy> policy = access::parse_policy(value, access::PolicyKind::kResource);
    if (!policy.ok()) return invalid("Policy Error: " + policy.error().message());
    return {};
  }
  if (name == "DeliveryPolicy") {
    if (value.empty()) return {};
    return check_delivery_policy(value, true);
  }
  if (name == "FifoTopic") {
    if (!creating) return invalid("AttributeName");
    if (!is_boolean(value)) return bad(name);
    return {};
  }
  if (name == "ContentBasedDeduplication") {
    if (!topic.fifo()) return invalid("Content-based deduplication can only be set for FIFO topics");
    if (!is_boolean(value)) return bad(name);
    return {};
  }
  if (name == "FifoThroughputScope") {
    if (!topic.fifo()) return invalid("FifoThroughputScope can only be set for FIFO topics");
    if (value != "Topic" && value != "MessageGroup") return bad(name);
    return {};
  }
  if (name == "SignatureVersion") {
    if (value != "1" && value != "2") return bad(name);
    return {};
  }
  if (name == "TracingConfig") {
    if (value != "PassThrough" && value != "Active") return bad(name);
    return {};
  }
  if (name == "ArchivePolicy") return check_archive(topic, value);
  if (name == "KmsMasterKeyId") {
    if (value.empty()) return {};
    return Error(wire::sns::errors::kKMSNotFound,
                 "Key '" + value + "' does not exist: this server has no KMS. Topics cannot be encrypted with a key.");
  }
  if (is_delivery_status(name)) return {};
  return invalid(creating ? "Attributes Reason: Unknown attribute " + name : "AttributeName");
}

Result<void> check_subscription_attribute(const Topic& topic, const Subscription& subscription, const std::string& name,
                                          const std::string& value) {
  if (name == "RawMessageDelivery") return check_raw(subscription, value);
  if (name == "FilterPolicy") return check_filter(subscription, value);
  if (name == "FilterPolicyScope") {
    if (value != "MessageAttributes" && value != "MessageBody")
      return invalid("FilterPolicyScope: Invalid value [" + value +
                     "]. Please use either MessageBody or MessageAttributes");
    return check_filter(subscription, subscription.attribute("FilterPolicy"));
  }
  if (name == "DeliveryPolicy") {
    if (value.empty()) return {};
    return check_delivery_policy(value, false);
  }
  if (name == "RedrivePolicy") return check_redrive(topic, value);
  if (name == "ReplayPolicy") {
    if (value.empty() || value == "{}") return {};
    if (topic.attribute("ArchivePolicy").empty())
      return invalid("ReplayPolicy: the topic has no ArchivePolicy, so there is nothing to replay");
    const Result<ReplaySpan> span = replay_span(value);
    if (!span.ok()) return span.error();
    return {};
  }
  return invalid("AttributeName");
}

Result<ReplaySpan> replay_span(const std::string& policy) {
  thread_local simdjson::dom::parser reader;
  element document;
  std::string_view text;
  ReplaySpan span;
  Timestamp time;
  if (reader.parse(policy).get(document) || document["PointType"].get(text) || text != "Timestamp")
    return invalid("ReplayPolicy: PointType must be Timestamp");
  if (document["StartingPoint"].get(text) || !parse_iso8601(text, time))
    return invalid("ReplayPolicy: StartingPoint must be a time in ISO 8601");
  span.from = std::chrono::duration_cast<milliseconds>(time.time_since_epoch()).count();
  if (document["EndingPoint"].error()) return span;
  if (document["EndingPoint"].get(text) || !parse_iso8601(text, time))
    return invalid("ReplayPolicy: EndingPoint must be a time in ISO 8601");
  span.to = std::chrono::duration_cast<milliseconds>(time.time_since_epoch()).count();
  if (span.to <= span.from) return invalid("ReplayPolicy: EndingPoint must be after StartingPoint");
  return span;
}

}  // namespace cumulet::sns
