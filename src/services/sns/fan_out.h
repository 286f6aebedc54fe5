#pragma once

#include <memory>
#include <vector>

#include "services/sns/fifo_log.h"
#include "services/sns/subscriber.h"

namespace cumulet::sns {

/// From a topic to all its subscriptions.
///
/// A message becomes few rows: one for each function, endpoint or mailbox, as each has retries of its own, and one for
/// all queues together, because a queue takes a message at once. When the rows would be many or large, there is one row
/// for everything, which is spread out when it is delivered. Rows are events of the outbox, so they and the answer to
/// the publisher are of one transaction. Topics of type FIFO have a log instead (fifo_log.h).
class FanOut {
 public:
  FanOut(Parts& parts, Subscriber& subscriber, FifoLog& fifo, Push& push)
      : parts_(parts), subscriber_(subscriber), fifo_(fifo), push_(push) {}

  /// Accepts messages for a standard topic: durable when it returns.
  Task<void> accept(std::shared_ptr<const TopicView> topic, const std::vector<Notification>& notifications);

  /// Events of the outbox whose target is a topic, one of its subscriptions, or a platform endpoint.
  Task<events::Outcome> deliver(const events::Event& event);

 private:
  /// The subscriptions that want a message.
  struct Wanted {
    std::vector<const SubscriptionView*> queues;
    std::vector<const SubscriptionView*> others;
  };
  Wanted choose(const TopicView& topic, const Notification& notification);
  Task<events::Event> event_for(const TopicView& topic, const SubscriptionView& subscription,
                                const Notification& notification, Signatures& signatures);
  events::Event retry_event(const SubscriptionView& subscription, const Notification& notification) const;

  Task<events::Outcome> deliver_to_topic(const events::Event& event, TopicName name);
  Task<events::Outcome> deliver_to_subscription(const events::Event& event, SubscriptionName name);
  Task<events::Outcome> deliver_to_device(const events::Event& event);
  Task<events::Outcome> deliver_confirmation(const events::Event& event, SubscriptionName name);
  Task<void> spread(const TopicView& topic, const Notification& notification, bool queues_only);
  Task<void> to_queues(const TopicView& topic, const std::vector<const SubscriptionView*>& queues,
                       const Notification& notification, std::vector<events::Event>& failed);
  Task<void> to_queue(const TopicView& topic, const SubscriptionView& queue, const Notification& notification,
                      Signatures& signatures, std::vector<events::Event>& failed);
  Task<void> record(std::vector<events::Event> events);

  Parts& parts_;
  Subscriber& subscriber_;
  FifoLog& fifo_;
  Push& push_;
};

/// A message that another service sends to a topic through the outbox.
Result<Notification> notification_from(const events::Event& event, std::int64_t now_millis);
/// The message as its dead-letter queue gets it.
Task<events::Event> dead_letter_event(Subscriber& subscriber, const TopicView& topic,
                                      const SubscriptionView& subscription, const Notification& notification);

}  // namespace cumulet::sns
