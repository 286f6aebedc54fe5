#include "base/text.h"
#include "services/sns/model.h"
#include "storage/row.h"
#include "wire/generated/sns.h"

namespace cumulet::sns {

using storage::RowReader;
using storage::RowWriter;

namespace {

constexpr std::size_t kIdLength = 36;

}  // namespace

Error invalid(std::string what) {
  return Error(wire::sns::errors::kInvalidParameter, "Invalid parameter: " + std::move(what));
}
Error topic_not_found() { return Error(wire::sns::errors::kNotFound, "Topic does not exist"); }
Error subscription_not_found() { return Error(wire::sns::errors::kNotFound, "Subscription does not exist"); }

std::optional<TopicName> parse_topic_arn(std::string_view arn) {
  const std::vector<std::string_view> parts = split(arn, ':');
  if (parts.size() != 6 || parts[0] != "arn" || parts[2] != "sns") return std::nullopt;
  if (parts[3].empty() || parts[4].empty() || parts[5].empty()) return std::nullopt;
  if (parts[5].find('/') != std::string_view::npos) return std::nullopt;
  return TopicName(std::string(parts[4]), std::string(parts[3]), std::string(parts[5]));
}

Result<TopicName> parse_topic_arn(std::string_view arn, std::string_view region, std::string_view parameter) {
  const std::size_t parts = split(arn, ':').size();
  if (parts < 6) {
    return invalid(std::string(parameter) + " Reason: An ARN must have at least 6 elements, not " +
                   std::to_string(parts));
  }
  std::optional<TopicName> name = parse_topic_arn(arn);
  if (!name || name->region != region) return invalid(std::string(parameter));
  return std::move(*name);
}

std::optional<SubscriptionName> parse_subscription_arn(std::string_view arn) {
  const std::size_t colon = arn.rfind(':');
  if (colon == std::string_view::npos || arn.size() - colon - 1 != kIdLength) return std::nullopt;
  std::optional<TopicName> topic = parse_topic_arn(arn.substr(0, colon));
  if (!topic) return std::nullopt;
  SubscriptionName name;
  name.topic = std::move(*topic);
  name.id = std::string(arn.substr(colon + 1));
  return name;
}

std::string encode(const Topic& topic) {
  RowWriter row;
  row.signed_number(topic.created).text_map(topic.attributes).text_map(topic.tags).number(topic.deleted_subscriptions);
  return std::move(row).bytes();
}

Topic decode_topic(std::string name, std::string_view bytes) {
  RowReader row(bytes);
  Topic topic;
  topic.name = std::move(name);
  topic.created = row.signed_number();
  topic.attributes = row.text_map();
  topic.tags = row.text_map();
  topic.deleted_subscriptions = row.number();
  return topic;
}

std::string encode(const Subscription& subscription) {
  RowWriter row;
  row.text(subscription.protocol).text(subscription.endpoint).text(subscription.owner);
  row.boolean(subscription.confirmed).boolean(subscription.authenticated);
  row.boolean(subscription.authenticate_on_unsubscribe).text(subscription.token);
  row.signed_number(subscription.created).signed_number(subscription.token_made);
  row.text_map(subscription.attributes).text(subscription.base_url);
  return std::move(row).bytes();
}

Subscription decode_subscription(std::string id, std::string_view bytes) {
  RowReader row(bytes);
  Subscription subscription;
  subscription.id = std::move(id);
  subscription.protocol = row.text();
  subscription.endpoint = row.text();
  subscription.owner = row.text();
  subscription.confirmed = row.boolean();
  subscription.authenticated = row.boolean();
  subscription.authenticate_on_unsubscribe = row.boolean();
  subscription.token = row.text();
  subscription.created = row.signed_number();
  subscription.token_made = row.signed_number();
  subscription.attributes = row.text_map();
  subscription.base_url = row.text();
  return subscription;
}

std::string encode(const Notification& notification) {
  RowWriter row;
  row.text(notification.id).text(notification.topic_arn).optional_text(notification.subject);
  row.text(notification.message).boolean(notification.structured).signed_number(notification.time);
  row.text(notification.group).text(notification.deduplication).text(notification.sequence);
  row.number(notification.attributes.size());
  for (const auto& [name, attribute] : notification.attributes) {
    row.text(name).text(attribute.type).text(attribute.value);
  }
  return std::move(row).bytes();
}

std::optional<Notification> decode_notification(std::string_view bytes) {
  RowReader row(bytes);
  Notification notification;
  notification.id = row.text();
  notification.topic_arn = row.text();
  notification.subject = row.optional_text();
  notification.message = row.text();
  notification.structured = row.boolean();
  notification.time = row.signed_number();
  notification.group = row.text();
  notification.deduplication = row.text();
  notification.sequence = row.text();
  const std::size_t count = row.count();
  for (std::size_t left = count; left > 0 && row.ok(); --left) {
    const std::string name = row.text();
    std::string type = row.text();
    std::string value = row.text();
    notification.attributes.emplace(name, MessageAttribute(std::move(type), std::move(value)));
  }
  if (!row.ok() || notification.attributes.size() != count) return std::nullopt;
  return notification;
}

std::size_t Notification::size() const {
  std::size_t total = message.size();
  for (const auto& [name, attribute] : attributes)
    total += name.size() + attribute.type.size() + attribute.value.size();
  return total;
}

}  // namespace cumulet::sns
