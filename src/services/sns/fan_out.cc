#include "services/sns/fan_out.h"

#include <algorithm>

#include "base/deferred.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/text.h"

namespace cumulet::sns {
namespace {

using events::Event;
using events::Outcome;
using storage::Transaction;

constexpr std::size_t kRowsAtOnce = 100;
constexpr std::size_t kBytesAtOnce = 1u << 20;
constexpr std::size_t kQueuesAtOnce = 128;

constexpr const char* kSpread = "@Spread";  ///< Of rows for a topic's subscriptions: "queues" or "all".
constexpr const char* kConfirm = "@Confirm";

Event spread_event(const TopicView& topic, const Notification& notification, bool queues_only) {
  Event event;
  event.account = topic.name.account;
  event.region = topic.name.region;
  event.target_arn = topic.name.arn();
  event.payload = encode(notification);
  event.attributes[kSpread] = queues_only ? "queues" : "all";
  return event;
}

}  // namespace

FanOut::Wanted FanOut::choose(const TopicView& topic, const Notification& notification) {
  Wanted wanted;
  std::string attributes;
  std::size_t filtered = 0;
  for (const SubscriptionView& subscription : topic.subscriptions) {
    if (subscription.filter && attributes.empty()) attributes = filter_document(notification.attributes);
    if (!wants(subscription, notification, attributes)) {
      ++filtered;
      continue;
    }
    (subscription.row.protocol == "sqs" ? wanted.queues : wanted.others).push_back(&subscription);
  }
  if (filtered > 0) count(parts_, topic.name, "NumberOfNotificationsFilteredOut", static_cast<double>(filtered));
  return wanted;
}

Event FanOut::retry_event(const SubscriptionView& subscription, const Notification& notification) const {
  const std::optional<SubscriptionName> name = parse_subscription_arn(subscription.arn);
  Event event;
  event.account = name->topic.account;
  event.region = name->topic.region;
  event.target_arn = subscription.arn;
  event.payload = encode(notification);
  return event;
}

/// A function takes its event by itself; whatever else there is, is tried from the subscription's own lane.
Task<Event> FanOut::event_for(const TopicView& topic, const SubscriptionView& subscription,
                              const Notification& notification, Signatures& signatures) {
  if (subscription.row.protocol != "lambda" || !subscription.dead_letter.empty()) {
    co_return retry_event(subscription, notification);
  }
  co_return co_await subscriber_.event_for(topic, subscription, notification, signatures);
}

Task<void> FanOut::accept(std::shared_ptr<const TopicView> topic, const std::vector<Notification>& notifications) {
  std::vector<Event> events;
  for (const Notification& notification : notifications) {
    const Wanted wanted = choose(*topic, notification);
    const std::size_t rows = wanted.others.size();
    const bool later = rows > kRowsAtOnce || rows * notification.size() > kBytesAtOnce;
    if (later || !wanted.queues.empty()) events.push_back(spread_event(*topic, notification, !later));
    if (later) continue;
    Signatures signatures;
    for (const SubscriptionView* subscription : wanted.others) {
      events.push_back(co_await event_for(*topic, *subscription, notification, signatures));
    }
  }
  if (events.empty()) co_return;
  const auto write = [this, &events](Transaction& txn) -> Task<void> {
    for (const Event& event : events) parts_.outbox.record(txn, event);
    co_return;
  };
  co_await storage::transact(parts_.database, write);
}

Task<Outcome> FanOut::deliver(const Event& event) {
  if (std::optional<SubscriptionName> subscription = parse_subscription_arn(event.target_arn)) {
    if (event.attributes.contains(kConfirm)) co_return co_await deliver_confirmation(event, std::move(*subscription));
    co_return co_await deliver_to_subscription(event, std::move(*subscription));
  }
  if (parse_endpoint_arn(event.target_arn)) co_return co_await deliver_to_device(event);
  std::optional<TopicName> topic = parse_topic_arn(event.target_arn);
  if (!topic) co_return Outcome::dropped("not a topic: " + event.target_arn);
  co_return co_await deliver_to_topic(event, std::move(*topic));
}

Task<Outcome> FanOut::deliver_to_topic(const Event& event, TopicName name) {
  const Result<std::shared_ptr<const TopicView>> view = co_await attempt(parts_.views.find(std::move(name)));
  if (!view.ok() && view.error().http_status() == 404) co_return Outcome::dropped(view.error().message());
  if (!view.ok()) co_return view.error();
  const TopicView& topic = **view;
  const auto spreading = event.attributes.find(kSpread);
  if (spreading != event.attributes.end()) {
    const std::optional<Notification> notification = decode_notification(event.payload);
    if (!notification) co_return Outcome::dropped("the message is damaged");
    co_await spread(topic, *notification, spreading->second == "queues");
    co_return Outcome::delivered();
  }
  const Result<Notification> notification = notification_from(event, parts_.clock.now_millis());
  if (!notification.ok()) co_return Outcome::dropped(notification.error().message());
  count(parts_, topic.name, "NumberOfMessagesPublished");
  count(parts_, topic.name, "PublishSize", static_cast<double>(notification->size()), "Bytes");
  if (!topic.topic.fifo()) {
    co_await spread(topic, *notification, false);
    co_return Outcome::delivered();
  }
  const std::vector<Notification> one{*notification};
  const Result<std::vector<Receipt>> taken = co_await attempt(fifo_.append(topic, one));
  if (taken.ok()) co_return Outcome::delivered();
  if (taken.error().http_status() < 500) co_return Outcome::dropped(taken.error().message());
  co_return taken.error();
}

Task<void> FanOut::spread(const TopicView& topic, const Notification& notification, bool queues_only) {
  const Wanted wanted = choose(topic, notification);
  std::vector<Event> events;
  co_await to_queues(topic, wanted.queues, notification, events);
  Signatures signatures;
  std::size_t bytes = 0;
  for (const SubscriptionView* subscription : wanted.others) {
    if (queues_only) break;
    events.push_back(co_await event_for(topic, *subscription, notification, signatures));
    bytes += events.back().payload.size();
    if (events.size() < kRowsAtOnce && bytes < kBytesAtOnce) continue;
    co_await record(std::move(events));
    events = std::vector<Event>();
    bytes = 0;
  }
  co_await record(std::move(events));
}

Task<void> FanOut::record(std::vector<Event> events) {
  if (events.empty()) co_return;
  const auto write = [this, &events](Transaction& txn) -> Task<void> {
    for (const Event& event : events) parts_.outbox.record(txn, event);
    co_return;
  };
  co_await storage::transact(parts_.database, write);
}

/// All at once, so that their commits share what they wait for.
Task<void> FanOut::to_queues(const TopicView& topic, const std::vector<const SubscriptionView*>& queues,
                             const Notification& notification, std::vector<Event>& failed) {
  Signatures signatures;
  // Once for all of them, before they run side by side.
  const auto sealed = std::find_if(queues.begin(), queues.end(), [](const auto* queue) { return !queue->row.raw(); });
  if (sealed != queues.end()) co_await subscriber_.sign_for(topic, "sqs", notification, signatures);
  for (std::size_t from = 0; from < queues.size(); from += kQueuesAtOnce) {
    const std::size_t to = std::min(queues.size(), from + kQueuesAtOnce);
    Deferred<void> all;
    std::size_t left = to - from;
    for (std::size_t i = from; i < to; ++i) {
      start(to_queue(topic, *queues[i], notification, signatures, failed), [&left, all](const Result<void>& r) {
        if (!r.ok()) log::error("a delivery to a queue stumbled", {{"error", r.error().message()}});
        if (--left == 0) all.resolve(Result<void>());
      });
    }
    co_await all.wait();
  }
}

Task<void> FanOut::to_queue(const TopicView& topic, const SubscriptionView& queue, const Notification& notification,
                            Signatures& signatures, std::vector<Event>& failed) {
  const Result<Sent> sent = co_await attempt(subscriber_.to_queue(topic, queue, notification, signatures));
  if (sent.ok() && sent->kind == Sent::Kind::kDone) {
    count(parts_, topic.name, "NumberOfNotificationsDelivered");
    co_return;
  }
  // The subscription's own lane goes on with it: it tries again, or finds that it is no use.
  failed.push_back(retry_event(queue, notification));
}

Task<Outcome> FanOut::deliver_to_subscription(const Event& event, SubscriptionName name) {
  const Result<std::shared_ptr<const TopicView>> view = co_await attempt(parts_.views.find(name.topic));
  if (!view.ok() && view.error().http_status() == 404) co_return Outcome::dropped(view.error().message());
  if (!view.ok()) co_return view.error();
  const TopicView& topic = **view;
  const SubscriptionView* subscription = find_subscription(topic, name.id);
  if (subscription == nullptr) co_return Outcome::dropped("the subscription is gone");
  const std::optional<Notification> notification = decode_notification(event.payload);
  if (!notification) co_return Outcome::dropped("the message is damaged");
  const Result<Sent> tried = co_await attempt(subscriber_.deliver(topic, *subscription, *notification));
  const Sent sent = tried.ok() ? *tried : Sent::again(tried.error().message());
  if (sent.kind == Sent::Kind::kDone) {
    count(parts_, topic.name, "NumberOfNotificationsDelivered");
    co_return Outcome::delivered();
  }
  if (sent.kind == Sent::Kind::kAgain) {
    const std::optional<milliseconds> pause = subscriber_.policy_of(topic, subscription->row).pause(event.attempt);
    if (pause) co_return Outcome::retry(*pause, sent.reason);
  }
  count(parts_, topic.name, "NumberOfNotificationsFailed");
  if (subscription->dead_letter.empty()) co_return Outcome::dropped(sent.reason);
  std::vector<Event> letters;
  letters.push_back(co_await dead_letter_event(subscriber_, topic, *subscription, *notification));
  co_await record(std::move(letters));
  count(parts_, topic.name, "NumberOfNotificationsRedrivenToDlq");
  co_return Outcome::dropped(sent.reason + "; sent to the dead-letter queue");
}

Task<Outcome> FanOut::deliver_to_device(const Event& event) {
  const std::optional<Notification> notification = decode_notification(event.payload);
  if (!notification) co_return Outcome::dropped("the message is damaged");
  const Result<void> sent = co_await attempt(push_.send(event.target_arn, *notification));
  if (sent.ok()) co_return Outcome::delivered();
  const std::optional<milliseconds> pause = DeliveryPolicy::of_other_endpoints().pause(event.attempt);
  if (sent.error().http_status() >= 500 && pause) co_return Outcome::retry(*pause, sent.error().message());
  co_return Outcome::dropped(sent.error().message());
}

Task<Outcome> FanOut::deliver_confirmation(const Event& event, SubscriptionName name) {
  Subscription subscription = decode_subscription(name.id, event.payload);
  const std::string kind = event.attributes.at(kConfirm);
  const Result<Sent> tried = co_await attempt(subscriber_.ask(name.topic, std::move(subscription), kind, event.id));
  if (!tried.ok() && tried.error().http_status() == 404) co_return Outcome::dropped(tried.error().message());
  const Sent sent = tried.ok() ? *tried : Sent::again(tried.error().message());
  if (sent.kind == Sent::Kind::kDone) co_return Outcome::delivered();
  const std::optional<milliseconds> pause = DeliveryPolicy().pause(event.attempt);
  if (sent.kind == Sent::Kind::kAgain && pause) co_return Outcome::retry(*pause, sent.reason);
  co_return Outcome::dropped(sent.reason);
}

Task<Event> dead_letter_event(Subscriber& subscriber, const TopicView& topic, const SubscriptionView& subscription,
                              const Notification& notification) {
  SubscriptionView letter_box = subscription;
  if (letter_box.row.protocol == "lambda") letter_box.row.attributes["RawMessageDelivery"] = "false";
  letter_box.row.protocol = "sqs";
  letter_box.row.endpoint = subscription.dead_letter;
  Signatures signatures;
  co_return co_await subscriber.event_for(topic, letter_box, notification, signatures);
}

Result<Notification> notification_from(const Event& event, std::int64_t now_millis) {
  Notification notification;
  notification.id = event.id;
  notification.topic_arn = event.target_arn;
  notification.message = event.payload;
  notification.time = now_millis;
  for (const auto& [key, value] : event.attributes) {
    if (key == "@Subject") notification.subject = value;
    if (key == "@MessageGroupId") notification.group = value;
    if (key == "@MessageDeduplicationId") notification.deduplication = value;
    if (key.starts_with("@")) continue;
    const std::size_t hash = key.find('#');
    MessageAttribute attribute(hash == std::string::npos ? "String" : key.substr(hash + 1), value);
    if (attribute.binary()) attribute.value = base64_decode(value).value_or(value);
    notification.attributes.emplace(key.substr(0, hash), std::move(attribute));
  }
  if (notification.message.empty()) return invalid("Empty message");
  if (notification.size() > kMessageLimit) return invalid("Message too long");
  return notification;
}

}  // namespace cumulet::sns
