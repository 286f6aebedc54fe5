#include "services/sns/delivery_policy.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <simdjson.h>

#include "services/sns/model.h"
#include "wire/json_writer.h"

namespace cumulet::sns {
namespace {

using simdjson::dom::element;

constexpr std::array<std::string_view, 4> kFunctions{"linear", "arithmetic", "geometric", "exponential"};
constexpr std::int64_t kLongestDelay = 3600;
constexpr std::int64_t kMostRetries = 100;

Error bad_delivery_policy(const std::string& why) { return invalid("DeliveryPolicy: " + why); }

struct Members {
  std::string_view retry;
  std::string_view throttle;
  std::string_view request;
};
constexpr Members kOfTopic{"defaultHealthyRetryPolicy", "defaultThrottlePolicy", "defaultRequestPolicy"};
constexpr Members kOfSubscription{"healthyRetryPolicy", "throttlePolicy", "requestPolicy"};

Result<void> read_number(const element& from, std::string_view name, std::int64_t& into, const std::string& path) {
  element value;
  if (from[name].get(value) || value.is_null()) return {};
  if (value.get(into)) return bad_delivery_policy(path + "." + std::string(name) + " must be an integer");
  return {};
}

Result<void> read_retry(const element& from, const std::string& path, DeliveryPolicy& policy) {
  if (!from.is_object()) return bad_delivery_policy(path + " must be a JSON object");
  for (const auto& [name, into] : {std::pair<std::string_view, std::int64_t*>{"minDelayTarget", &policy.min_delay},
                                   {"maxDelayTarget", &policy.max_delay},
                                   {"numRetries", &policy.retries},
                                   {"numNoDelayRetries", &policy.immediate},
                                   {"numMinDelayRetries", &policy.before_backoff},
                                   {"numMaxDelayRetries", &policy.after_backoff}}) {
    Result<void> read = read_number(from, name, *into, path);
    if (!read.ok()) return read;
  }
  std::string_view function;
  element given;
  if (!from["backoffFunction"].get(given) && !given.is_null()) {
    if (given.get(function) || std::find(kFunctions.begin(), kFunctions.end(), function) == kFunctions.end())
      return bad_delivery_policy(path + ".backoffFunction must be one of linear, arithmetic, geometric, exponential");
    policy.function = function;
  }
  if (policy.min_delay < 1 || policy.min_delay > kLongestDelay)
    return bad_delivery_policy(path + ".minDelayTarget must be between 1 and 3600");
  if (policy.max_delay < policy.min_delay || policy.max_delay > kLongestDelay)
    return bad_delivery_policy(path + ".maxDelayTarget must be between minDelayTarget and 3600");
  if (policy.retries < 0 || policy.retries > kMostRetries)
    return bad_delivery_policy(path + ".numRetries must be between 0 and 100");
  if (policy.immediate < 0 || policy.before_backoff < 0 || policy.after_backoff < 0 ||
      policy.immediate + policy.before_backoff + policy.after_backoff > policy.retries)
    return bad_delivery_policy(path + ": the retries of the phases must not be more than numRetries");
  return {};
}

Result<void> read_policy(const element& from, const Members& members, const std::string& path, DeliveryPolicy& policy) {
  if (!from.is_object()) return bad_delivery_policy(path + " must be a JSON object");
  element part;
  if (!from[members.retry].get(part) && !part.is_null()) {
    Result<void> read = read_retry(part, path + "." + std::string(members.retry), policy);
    if (!read.ok()) return read;
  }
  if (!from[members.throttle].get(part) && !part.is_null()) {
    std::int64_t rate = 0;
    element value;
    if (!part["maxReceivesPerSecond"].get(value) && !value.is_null()) {
      if (value.get(rate) || rate < 1)
        return bad_delivery_policy(path + "." + std::string(members.throttle) +
                                   ".maxReceivesPerSecond must be at least 1");
      policy.receives_per_second = rate;
    }
  }
  if (!from[members.request].get(part) && !part.is_null()) {
    std::string_view type;
    if (!part["headerContentType"].get(type)) {
      constexpr std::array<std::string_view, 9> kTypes{"application/atom+xml",
                                                       "application/json",
                                                       "application/octet-stream",
                                                       "application/soap+xml",
                                                       "application/xhtml+xml",
                                                       "application/xml",
                                                       "text/css",
                                                       "text/html",
                                                       "text/plain"};
      const std::string_view stem = type.substr(0, type.find(';'));
      if (std::find(kTypes.begin(), kTypes.end(), stem) == kTypes.end() && stem != "application/x-www-form-urlencoded")
        return bad_delivery_policy(path + "." + std::string(members.request) + ".headerContentType is not supported");
      policy.content_type = type;
    }
  }
  return {};
}

Result<void> read_document(const std::string& json, bool of_topic, DeliveryPolicy& policy, bool* overrides) {
  thread_local simdjson::dom::parser reader;
  element document;
  if (reader.parse(json).get(document) || !document.is_object()) return bad_delivery_policy("failed to parse JSON.");
  if (!of_topic) return read_policy(document, kOfSubscription, "DeliveryPolicy", policy);
  element http;
  if (document["http"].get(http)) return bad_delivery_policy("http is required");
  bool disabled = false;
  if (!http["disableSubscriptionOverrides"].get(disabled) && overrides != nullptr) *overrides = !disabled;
  return read_policy(http, kOfTopic, "DeliveryPolicy.http", policy);
}

}  // namespace

std::optional<milliseconds> DeliveryPolicy::pause(std::uint32_t retry) const {
  std::int64_t n = retry;
  if (n >= retries) return std::nullopt;
  if (n < immediate) return milliseconds(0);
  n -= immediate;
  if (n < before_backoff) return milliseconds(min_delay * 1000);
  n -= before_backoff;
  const std::int64_t growing = retries - immediate - before_backoff - after_backoff;
  if (n >= growing) return milliseconds(max_delay * 1000);
  const double share = growing <= 1 ? 1 : static_cast<double>(n) / static_cast<double>(growing - 1);
  const auto low = static_cast<double>(min_delay);
  const auto high = static_cast<double>(max_delay);
  double delay = low + (high - low) * share;
  if (function == "arithmetic") delay = low + (high - low) * share * (share + 1) / 2;
  if (function == "geometric") delay = low + (high - low) * share * share;
  if (function == "exponential") delay = low * std::pow(high / low, share);
  return milliseconds(static_cast<std::int64_t>(delay * 1000));
}

DeliveryPolicy DeliveryPolicy::of_aws_endpoints() {
  DeliveryPolicy policy;
  policy.min_delay = 1;
  policy.max_delay = 20;
  policy.immediate = 3;
  policy.before_backoff = 2;
  policy.after_backoff = 100'000;
  policy.retries = 100'015;
  policy.function = "exponential";
  return policy;
}

DeliveryPolicy DeliveryPolicy::of_other_endpoints() {
  DeliveryPolicy policy;
  policy.min_delay = 10;
  policy.max_delay = 600;
  policy.before_backoff = 2;
  policy.after_backoff = 38;
  policy.retries = 50;
  policy.function = "exponential";
  return policy;
}

DeliveryPolicy http_policy(const std::string& topic_json, const std::string& subscription_json) {
  DeliveryPolicy policy;
  bool overrides = true;
  if (!topic_json.empty()) {
    DeliveryPolicy of_topic;
    if (read_document(topic_json, true, of_topic, &overrides).ok()) policy = of_topic;
  }
  if (!subscription_json.empty() && overrides) {
    DeliveryPolicy own = policy;
    if (read_document(subscription_json, false, own, nullptr).ok()) policy = own;
  }
  return policy;
}

Result<void> check_delivery_policy(const std::string& json, bool of_topic) {
  DeliveryPolicy policy;
  return read_document(json, of_topic, policy, nullptr);
}

std::string effective_policy_document(const DeliveryPolicy& policy, bool of_topic) {
  const Members& members = of_topic ? kOfTopic : kOfSubscription;
  wire::JsonWriter json;
  json.begin_object();
  if (of_topic) json.key("http").begin_object();
  json.key(members.retry).begin_object();
  json.key("minDelayTarget").integer(policy.min_delay).key("maxDelayTarget").integer(policy.max_delay);
  json.key("numRetries").integer(policy.retries).key("numMaxDelayRetries").integer(policy.after_backoff);
  json.key("numNoDelayRetries").integer(policy.immediate).key("numMinDelayRetries").integer(policy.before_backoff);
  json.key("backoffFunction").string(policy.function).end_object();
  if (of_topic) json.key("disableSubscriptionOverrides").boolean(false);
  if (policy.receives_per_second) {
    json.key(members.throttle).begin_object().key("maxReceivesPerSecond").integer(*policy.receives_per_second);
    json.end_object();
  }
  json.key(members.request).begin_object().key("headerContentType");
  json.string(policy.content_type.empty() ? "text/plain; charset=UTF-8" : policy.content_type).end_object();
  if (of_topic) json.end_object();
  json.end_object();
  return json.take();
}

}  // namespace cumulet::sns
