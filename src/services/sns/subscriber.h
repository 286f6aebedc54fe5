#pragma once

#include <chrono>
#include <map>
#include <string>
#include <utility>

#include "base/loop.h"
#include "services/sns/delivery_policy.h"
#include "services/sns/envelope.h"
#include "services/sns/mail.h"
#include "services/sns/parts.h"
#include "services/sns/push.h"
#include "services/sns/sms.h"

namespace cumulet::sns {

/// How one try to deliver ended.
struct Sent {
  enum class Kind { kDone, kAgain, kFailed };
  Sent() = default;
  Sent(Kind k, std::string why) : kind(k), reason(std::move(why)) {}
  static Sent again(std::string why) { return Sent(Kind::kAgain, std::move(why)); }
  static Sent failed(std::string why) { return Sent(Kind::kFailed, std::move(why)); }
  Kind kind = Kind::kDone;
  std::string reason;
};

/// Signatures of one message, which differ only by the text for each protocol.
using Signatures = std::map<std::string, std::string>;

/// Gets messages to single subscriptions, each by its protocol. One try at a time: who calls decides on retries.
class Subscriber {
 public:
  Subscriber(Parts& parts, Mail& mail, Sms& sms, Push& push) : parts_(parts), mail_(mail), sms_(sms), push_(push) {}

  /// The event for a queue or a function.
  Task<events::Event> event_for(const TopicView& topic, const SubscriptionView& subscription,
                                const Notification& notification, Signatures& signatures);
  /// Signs the text for a protocol ahead.
  Task<void> sign_for(const TopicView& topic, std::string protocol, const Notification& notification,
                      Signatures& signatures);
  /// One try, on the outbox's loop.
  Task<Sent> deliver(const TopicView& topic, const SubscriptionView& subscription, const Notification& notification);
  Task<Sent> to_queue(const TopicView& topic, const SubscriptionView& subscription, const Notification& notification,
                      Signatures& signatures);
  /// Asks the endpoint of a subscription to confirm it, or tells it that it ended (`kind` as in Confirmation).
  Task<Sent> ask(TopicName topic, Subscription subscription, std::string kind, std::string message_id);

  DeliveryPolicy policy_of(const TopicView& topic, const Subscription& subscription) const;

 private:
  using Steady = std::chrono::steady_clock::time_point;

  Task<Seal> seal(const TopicView& topic, const SubscriptionView& subscription, const Notification& notification,
                  const std::string& message, Signatures& signatures);
  Task<Sent> to_function(const TopicView& topic, const SubscriptionView& subscription,
                         const Notification& notification);
  Task<Sent> to_http(const TopicView& topic, const SubscriptionView& subscription, const Notification& notification);
  Task<Sent> to_mailbox(const TopicView& topic, const SubscriptionView& subscription, const Notification& notification);
  Task<Sent> post(std::string url, net::Headers headers, std::string body);
  Task<void> keep_pace(const std::string& subscription_arn, std::int64_t per_second);
  std::string certificate_url(const std::string& region) const;

  Parts& parts_;
  Mail& mail_;
  Sms& sms_;
  Push& push_;
  std::map<std::string, Steady> next_slot_;  ///< Of throttled subscriptions; the outbox's loop only.
};

}  // namespace cumulet::sns
