#include "services/sns/subscriber.h"

#include <algorithm>

#include "access/authenticate.h"
#include "base/text.h"
#include "wire/arn.h"
#include "wire/generated/lambda.h"

namespace cumulet::sns {
namespace {

constexpr milliseconds kHttpTimeout{15'000};
constexpr std::uint64_t kAnswerLimit = 64 * 1024;
constexpr std::size_t kPacedSubscriptions = 10'000;
/// A failure below 500 is the receiver's last word.
Sent sent_from(const Result<void>& result) {
  if (result.ok()) return Sent();
  const std::string& reason = result.error().message();
  return result.error().http_status() < 500 ? Sent::failed(reason) : Sent::again(reason);
}

constexpr std::size_t kRawAttributes = 10;  // A queue takes no more; a message with more is a failure of the client's.

std::string link(const Subscription& subscription, const std::string& query) {
  return subscription.base_url + "/?Action=" + query;
}

std::string unsubscribe_url(const SubscriptionView& subscription) {
  return link(subscription.row, "Unsubscribe&SubscriptionArn=" + subscription.arn);
}

/// As the outbox names them: Name for text, Name#Type for others, bytes in Base64.
void add_attributes(events::Event& event, const Notification& notification) {
  for (const auto& [name, attribute] : notification.attributes) {
    const std::string key = attribute.type == "String" ? name : name + "#" + attribute.type;
    event.attributes[key] = attribute.binary() ? base64_encode(attribute.value) : attribute.value;
  }
}

}  // namespace

void count(Parts& parts, const TopicName& topic, std::string_view metric, double value, std::string_view unit) {
  if (parts.metrics == nullptr) return;
  events::MetricSample sample(topic.account, topic.region, "AWS/SNS", metric);
  sample.dimensions.emplace_back("TopicName", topic.name);
  sample.value = value;
  sample.unit = unit;
  parts.metrics->record(std::move(sample));
}

std::string Subscriber::certificate_url(const std::string& region) const {
  const std::string host =
      parts_.options.signing_host.empty() ? "sns." + region + ".amazonaws.com" : parts_.options.signing_host;
  return "https://" + host + "/" + parts_.signer.certificate_name();
}

Task<void> Subscriber::sign_for(const TopicView& topic, std::string protocol, const Notification& notification,
                                Signatures& signatures) {
  const std::string message = message_for(notification, protocol);
  if (signatures.contains(message)) co_return;
  const std::string version = topic.topic.attribute("SignatureVersion", "1");
  std::string signature = co_await parts_.signer.sign(signed_text(notification, message), version);
  signatures.emplace(message, std::move(signature));
}

Task<Seal> Subscriber::seal(const TopicView& topic, const SubscriptionView& subscription,
                            const Notification& notification, const std::string& message, Signatures& signatures) {
  Seal seal;
  co_await sign_for(topic, subscription.row.protocol, notification, signatures);
  seal.version = topic.topic.attribute("SignatureVersion", "1");
  seal.signature = signatures.at(message);
  seal.certificate_url = certificate_url(topic.name.region);
  seal.unsubscribe_url = unsubscribe_url(subscription);
  co_return seal;
}

Task<events::Event> Subscriber::event_for(const TopicView& topic, const SubscriptionView& subscription,
                                          const Notification& notification, Signatures& signatures) {
  events::Event event;
  event.account = topic.name.account;
  event.region = topic.name.region;
  event.target_arn = subscription.row.endpoint;
  event.source_arn = topic.name.arn();
  const std::string message = message_for(notification, subscription.row.protocol);
  if (subscription.row.protocol == "lambda") {
    const Seal sealed = co_await seal(topic, subscription, notification, message, signatures);
    event.payload = function_event(notification, message, subscription.arn, sealed);
    co_return event;
  }
  if (subscription.row.raw()) {
    event.payload = message;
    add_attributes(event, notification);
  } else {
    const Seal sealed = co_await seal(topic, subscription, notification, message, signatures);
    event.payload = notification_document(notification, message, sealed);
  }
  if (!notification.group.empty()) event.attributes["@MessageGroupId"] = notification.group;
  if (subscription.row.endpoint.ends_with(".fifo") && !notification.deduplication.empty()) {
    event.attributes["@MessageDeduplicationId"] = notification.deduplication;
  }
  co_return event;
}

DeliveryPolicy Subscriber::policy_of(const TopicView& topic, const Subscription& subscription) const {
  const std::string& protocol = subscription.protocol;
  if (protocol == "http" || protocol == "https") {
    return http_policy(topic.topic.attribute("DeliveryPolicy"), subscription.attribute("DeliveryPolicy"));
  }
  if (protocol == "sqs" || protocol == "lambda") return DeliveryPolicy::of_aws_endpoints();
  return DeliveryPolicy::of_other_endpoints();
}

Task<Sent> Subscriber::deliver(const TopicView& topic, const SubscriptionView& subscription,
                               const Notification& notification) {
  const std::string& protocol = subscription.row.protocol;
  if (protocol == "sqs") {
    Signatures signatures;
    co_return co_await to_queue(topic, subscription, notification, signatures);
  }
  if (protocol == "lambda") co_return co_await to_function(topic, subscription, notification);
  if (protocol == "http" || protocol == "https") co_return co_await to_http(topic, subscription, notification);
  if (protocol == "email" || protocol == "email-json") co_return co_await to_mailbox(topic, subscription, notification);
  if (protocol == "sms") {
    SmsMessage sms(topic.name.account, topic.name.region, subscription.row.endpoint, message_for(notification, "sms"),
                   notification.id);
    sms.take_attributes(notification.attributes);
    const Result<void> sent = co_await attempt(sms_.send(std::move(sms)));
    co_return sent_from(sent);
  }
  if (protocol == "application") {
    const Result<void> sent = co_await attempt(push_.send(subscription.row.endpoint, notification));
    co_return sent_from(sent);
  }
  co_return Sent::failed("no such protocol: " + protocol);
}

Task<Sent> Subscriber::to_queue(const TopicView& topic, const SubscriptionView& subscription,
                                const Notification& notification, Signatures& signatures) {
  if (parts_.queues == nullptr) co_return Sent::failed("this server has no queues");
  if (subscription.row.raw() && notification.attributes.size() > kRawAttributes) {
    co_return Sent::failed("a queue takes no more than 10 message attributes");
  }
  const events::Event event = co_await event_for(topic, subscription, notification, signatures);
  const Result<events::Outcome> outcome = co_await attempt(parts_.queues->deliver(event));
  if (!outcome.ok()) co_return Sent::again(outcome.error().message());
  if (outcome->kind == events::Outcome::Kind::kDelivered) co_return Sent();
  if (outcome->kind == events::Outcome::Kind::kDropped) co_return Sent::failed(outcome->reason);
  co_return Sent::again(outcome->reason);
}

/// The function's own queue of asynchronous calls takes it from here. A function that is gone is told apart first, as
/// only the subscription knows where such messages go.
Task<Sent> Subscriber::to_function(const TopicView& topic, const SubscriptionView& subscription,
                                   const Notification& notification) {
  const std::optional<wire::Arn> arn = wire::parse_arn(subscription.row.endpoint);
  if (!arn) co_return Sent::failed("not a function: " + subscription.row.endpoint);
  net::Request request;
  wire::Call call(request);
  call.caller = access::root_caller(arn->account);
  call.region = arn->region;
  call.time = parts_.clock.now();
  wire::lambda::GetFunctionConfigurationRequest wanted;
  wanted.function_name = subscription.row.endpoint;
  const auto look = [this, &call, &wanted]() -> Task<void> {
    co_await parts_.directory.call<wire::lambda::GetFunctionConfiguration>("lambda", call, wanted);
  };
  const Result<void> there = co_await attempt(look());
  if (!there.ok() && there.error().http_status() == 404) co_return Sent::failed(there.error().message());
  if (!there.ok()) co_return Sent::again(there.error().message());
  Signatures signatures;
  const events::Event event = co_await event_for(topic, subscription, notification, signatures);
  const auto record = [this, &event](storage::Transaction& txn) -> Task<void> {
    parts_.outbox.record(txn, event);
    co_return;
  };
  co_await storage::transact(parts_.database, record);
  co_return Sent();
}

Task<void> Subscriber::keep_pace(const std::string& subscription_arn, std::int64_t per_second) {
  const auto now = std::chrono::steady_clock::now();
  if (next_slot_.size() >= kPacedSubscriptions) {
    std::erase_if(next_slot_, [now](const auto& entry) { return entry.second < now; });
  }
  Steady& next = next_slot_[subscription_arn];
  const Steady mine = std::max(next, now);
  next = mine + std::chrono::nanoseconds(1'000'000'000 / per_second);
  if (mine > now) co_await sleep_until(mine);
}

Task<Sent> Subscriber::to_http(const TopicView& topic, const SubscriptionView& subscription,
                               const Notification& notification) {
  const DeliveryPolicy policy = policy_of(topic, subscription.row);
  if (policy.receives_per_second) co_await keep_pace(subscription.arn, *policy.receives_per_second);
  const std::string message = message_for(notification, subscription.row.protocol);
  net::Headers headers;
  headers.add("x-amz-sns-message-type", "Notification");
  headers.add("x-amz-sns-message-id", notification.id);
  headers.add("x-amz-sns-topic-arn", topic.name.arn());
  headers.add("x-amz-sns-subscription-arn", subscription.arn);
  headers.add("Content-Type", policy.content_type.empty() ? "text/plain; charset=UTF-8" : policy.content_type);
  if (subscription.row.raw()) {
    headers.add("x-amz-sns-rawdelivery", "true");
    co_return co_await post(subscription.row.endpoint, std::move(headers), message);
  }
  Signatures signatures;
  const Seal sealed = co_await seal(topic, subscription, notification, message, signatures);
  std::string document = notification_document(notification, message, sealed);
  co_return co_await post(subscription.row.endpoint, std::move(headers), std::move(document));
}

Task<Sent> Subscriber::to_mailbox(const TopicView& topic, const SubscriptionView& subscription,
                                  const Notification& notification) {
  const std::string message = message_for(notification, subscription.row.protocol);
  Letter letter;
  letter.to = subscription.row.endpoint;
  letter.sender_name = topic.topic.attribute("DisplayName", topic.name.name);
  letter.subject = notification.subject.value_or("AWS Notification Message");
  if (subscription.row.protocol == "email-json") {
    Signatures signatures;
    const Seal sealed = co_await seal(topic, subscription, notification, message, signatures);
    letter.text = notification_document(notification, message, sealed);
  } else {
    letter.text = message +
                  "\n\n--\nIf you wish to stop receiving notifications from this topic, please click or visit " +
                  "the link below to unsubscribe:\n" + unsubscribe_url(subscription) + "\n";
  }
  const Result<void> sent = co_await attempt(mail_.send(std::move(letter)));
  co_return sent_from(sent);
}

Task<Sent> Subscriber::ask(TopicName topic, Subscription subscription, std::string kind, std::string message_id) {
  Confirmation confirmation;
  confirmation.kind = std::move(kind);
  confirmation.id = std::move(message_id);
  confirmation.topic_arn = topic.arn();
  confirmation.token = subscription.token;
  confirmation.time = parts_.clock.now_millis();
  confirmation.subscribe_url =
      link(subscription, "ConfirmSubscription&TopicArn=" + topic.arn() + "&Token=" + subscription.token);
  const bool http = subscription.protocol.starts_with("http");
  if (subscription.protocol == "email") {
    Letter letter;
    letter.to = subscription.endpoint;
    letter.sender_name = "AWS Notifications";
    letter.subject = "AWS Notification - Subscription Confirmation";
    letter.text = "You have chosen to subscribe to the topic:\n" + topic.arn() +
                  "\n\nTo confirm this subscription, click or visit the link below (If this was in error no action is "
                  "necessary):\n" +
                  confirmation.subscribe_url + "\n";
    const Result<void> sent = co_await attempt(mail_.send(std::move(letter)));
    co_return sent_from(sent);
  }
  const std::shared_ptr<const TopicView> view = co_await parts_.views.find(topic);
  Seal sealed;
  sealed.version = view->topic.attribute("SignatureVersion", "1");
  sealed.signature = co_await parts_.signer.sign(signed_text(confirmation), sealed.version);
  sealed.certificate_url = certificate_url(topic.region);
  std::string document = confirmation_document(confirmation, sealed);
  if (!http) {
    Letter letter;
    letter.to = subscription.endpoint;
    letter.sender_name = "AWS Notifications";
    letter.subject = "AWS Notification - Subscription Confirmation";
    letter.text = std::move(document);
    const Result<void> sent = co_await attempt(mail_.send(std::move(letter)));
    co_return sent_from(sent);
  }
  net::Headers headers;
  headers.add("x-amz-sns-message-type", confirmation.kind);
  headers.add("x-amz-sns-message-id", confirmation.id);
  headers.add("x-amz-sns-topic-arn", topic.arn());
  if (confirmation.kind != "SubscriptionConfirmation") {
    headers.add("x-amz-sns-subscription-arn", topic.arn() + ":" + subscription.id);
  }
  headers.add("Content-Type", "text/plain; charset=UTF-8");
  co_return co_await post(subscription.endpoint, std::move(headers), std::move(document));
}

Task<Sent> Subscriber::post(std::string url, net::Headers headers, std::string body) {
  net::Outbound request;
  request.method = "POST";
  request.url = std::move(url);
  request.headers = std::move(headers);
  request.headers.add("User-Agent", "Amazon Simple Notification Service Agent");
  request.body = std::move(body);
  request.timeout = kHttpTimeout;
  request.response_limit = kAnswerLimit;
  const Result<net::Inbound> answer = co_await attempt(parts_.client.send(std::move(request)));
  if (!answer.ok()) co_return Sent::again(answer.error().message());
  const int status = answer->status;
  if (status >= 200 && status < 300) co_return Sent();
  const std::string reason = "the endpoint answered " + std::to_string(status);
  if (status >= 400 && status < 500 && status != 429) co_return Sent::failed(reason);
  co_return Sent::again(reason);
}

}  // namespace cumulet::sns
