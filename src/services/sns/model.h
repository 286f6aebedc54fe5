#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/call.h"

namespace cumulet::sns {

/// A topic's ARN taken apart.
struct TopicName {
  TopicName() = default;
  TopicName(std::string a, std::string r, std::string n)
      : account(std::move(a)), region(std::move(r)), name(std::move(n)) {}
  std::string account;
  std::string region;
  std::string name;

  std::string arn() const { return "arn:aws:sns:" + region + ":" + account + ":" + name; }
  bool fifo() const { return name.ends_with(".fifo"); }
  friend auto operator<=>(const TopicName&, const TopicName&) = default;
};

/// A subscription's ARN taken apart: its topic's ARN and an id.
struct SubscriptionName {
  TopicName topic;
  std::string id;
  std::string arn() const { return topic.arn() + ":" + id; }
};

/// A topic as it is stored. `attributes` are those that were set, by their API names.
struct Topic {
  std::string name;
  std::int64_t created = 0;  ///< Milliseconds since 1970, as all times here.
  std::map<std::string, std::string> attributes;
  std::map<std::string, std::string> tags;
  std::uint64_t deleted_subscriptions = 0;

  std::string attribute(const std::string& name, const std::string& otherwise = {}) const {
    const auto found = attributes.find(name);
    return found == attributes.end() ? otherwise : found->second;
  }
  bool fifo() const { return attribute("FifoTopic") == "true"; }
};

struct Subscription {
  std::string id;
  std::string protocol;
  std::string endpoint;
  std::string owner;  ///< Account.
  bool confirmed = false;
  bool authenticated = false;  ///< Confirmed by a signed request.
  bool authenticate_on_unsubscribe = false;
  std::string token;  ///< For ConfirmSubscription.
  std::int64_t created = 0;
  std::int64_t token_made = 0;
  std::map<std::string, std::string> attributes;
  std::string base_url;  ///< Where links to confirm and unsubscribe lead.

  std::string attribute(const std::string& name) const {
    const auto found = attributes.find(name);
    return found == attributes.end() ? std::string() : found->second;
  }
  bool raw() const { return attribute("RawMessageDelivery") == "true"; }
};

struct MessageAttribute {
  MessageAttribute() = default;
  MessageAttribute(std::string t, std::string v) : type(std::move(t)), value(std::move(v)) {}
  std::string type;   ///< String, String.Array, Number, Binary, with an own label behind a dot.
  std::string value;  ///< Text, or the bytes of a Binary.
  bool binary() const { return type.starts_with("Binary"); }
};

/// A published message on its way.
struct Notification {
  std::string id;
  std::string topic_arn;
  std::optional<std::string> subject;
  std::string message;
  bool structured = false;  ///< The message is JSON with a text for each protocol.
  std::map<std::string, MessageAttribute> attributes;
  std::int64_t time = 0;
  std::string group;
  std::string deduplication;
  std::string sequence;  ///< FIFO topics: 20 digits.
  bool replayed = false;

  std::size_t size() const;  ///< As the limit of 256 KiB counts it.
};

constexpr std::size_t kMessageLimit = 262'144;

/// Fails with InvalidParameter when it is no topic of this region; `parameter` names it in the message.
Result<TopicName> parse_topic_arn(std::string_view arn, std::string_view region,
                                  std::string_view parameter = "TopicArn");
std::optional<TopicName> parse_topic_arn(std::string_view arn);
std::optional<SubscriptionName> parse_subscription_arn(std::string_view arn);

Error invalid(std::string what);
Error topic_not_found();
Error subscription_not_found();

// How they lie in the store, and in the payload of events.
std::string encode(const Topic& topic);
Topic decode_topic(std::string name, std::string_view bytes);
std::string encode(const Subscription& subscription);
Subscription decode_subscription(std::string id, std::string_view bytes);
std::string encode(const Notification& notification);
std::optional<Notification> decode_notification(std::string_view bytes);

}  // namespace cumulet::sns
