#include "services/sns/operations_subscriptions.h"

#include <algorithm>

#include "base/digest.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/text.h"
#include "services/sns/attributes.h"
#include "services/sns/delivery_policy.h"
#include "services/sns/endpoints.h"
#include "services/sns/operations_topics.h"
#include "services/sns/permit.h"
#include "services/sns/sms.h"

namespace cumulet::sns {
namespace {

namespace api = wire::sns;
using storage::Transaction;

constexpr std::size_t kSubscriptionsPage = 100;
constexpr std::int64_t kTokenMillis = 2 * 86'400'000;
constexpr std::size_t kTokenLength = 256;
constexpr std::size_t kIdDigits = 32;
constexpr std::string_view kPending = "PendingConfirmation";
constexpr std::string_view kPendingShort = "pending confirmation";

Error not_found() { return subscription_not_found(); }

/// Names the subscription, so that it is found by its token alone.
std::string make_confirmation_token(const std::string& id) {
  std::string digits = id;
  std::erase(digits, '-');
  return digits + hex_encode(random_bytes((kTokenLength - kIdDigits) / 2));
}

std::string id_of_token(const std::string& token) {
  if (token.size() != kTokenLength) return {};
  std::string id = token.substr(0, kIdDigits);
  for (const std::size_t at : {8u, 13u, 18u, 23u}) id.insert(at, 1, '-');
  return id;
}

api::Subscription shown(const TopicName& topic, const Subscription& row) {
  api::Subscription result;
  result.subscription_arn = row.confirmed ? topic.arn() + ":" + row.id : std::string(kPending);
  result.owner = row.owner;
  result.protocol = row.protocol;
  result.endpoint = row.endpoint;
  result.topic_arn = topic.arn();
  return result;
}

Result<SubscriptionName> name_of(const std::string& arn) {
  std::optional<SubscriptionName> name = parse_subscription_arn(arn);
  if (name) return std::move(*name);
  const std::size_t parts = split(arn, ':').size();
  if (parts >= 6) return invalid("SubscriptionArn");
  return invalid("SubscriptionArn Reason: An ARN must have at least 6 elements, not " + std::to_string(parts));
}

bool expired(const Subscription& row, std::int64_t now) {
  return !row.confirmed && now - row.token_made > kTokenMillis;
}

}  // namespace

void SubscriptionOperations::register_on(wire::Service& service) {
  service.on<api::Subscribe>([this](Call& c, const auto& in) { return subscribe(c, in); });
  service.on<api::ListSubscriptions>([this](Call& c, const auto& in) { return list(c, in); });
  service.on<api::ListSubscriptionsByTopic>([this](Call& c, const auto& in) { return list_by_topic(c, in); });
  service.on<api::GetSubscriptionAttributes>([this](Call& c, const auto& in) { return get_attributes(c, in); });
  service.on<api::SetSubscriptionAttributes>([this](Call& c, const auto& in) { return set_attribute(c, in); });
  service.on<api::ConfirmSubscription>([this](Call& c, const auto& in) -> Out<api::ConfirmSubscription> {
    api::ConfirmSubscriptionResponse output;
    output.subscription_arn = co_await confirm(in.topic_arn, c.region, in.token, !c.caller.anonymous,
                                               in.authenticate_on_unsubscribe == "true");
    co_return output;
  });
  service.on<api::Unsubscribe>([this](Call& c, const auto& in) -> Out<api::Unsubscribe> {
    co_await unsubscribe(in.subscription_arn, &c);
    co_return api::UnsubscribeOutput();
  });
}

Task<api::SubscribeResponse> SubscriptionOperations::subscribe(Call& call, const api::SubscribeInput& input) {
  const TopicName name = co_await parse_topic_arn(input.topic_arn, call.region);
  Subscription wanted;
  wanted.id = uuid();
  wanted.protocol = input.protocol;
  wanted.endpoint = input.endpoint.value_or("");
  if (wanted.protocol == "sms" && !phone_number(wanted.endpoint).empty())
    wanted.endpoint = phone_number(wanted.endpoint);
  wanted.owner = call.account();
  wanted.created = parts_.clock.now_millis();
  wanted.base_url = parts_.options.public_url.empty() ? call.endpoint : parts_.options.public_url;
  if (input.attributes) wanted.attributes = *input.attributes;
  const auto write = [&](Transaction& txn) -> Task<Subscription> { co_return co_await make(txn, call, name, wanted); };
  const Subscription row = co_await storage::transact(parts_.database, write);
  api::SubscribeResponse output;
  const bool show = row.confirmed || input.return_subscription_arn.value_or(false);
  output.subscription_arn = show ? name.arn() + ":" + row.id : std::string(kPendingShort);
  co_return output;
}

/// The subscription of that endpoint: a new one, or the one that there is when it agrees.
Task<Subscription> SubscriptionOperations::make(Transaction& txn, const Call& call, TopicName name,
                                                Subscription wanted) {
  const Store store(name);
  const Topic topic = co_await store.require_topic(txn, name.name);
  co_await permit(call, name, topic, "Subscribe");
  co_await check_endpoint(topic, wanted.protocol, wanted.endpoint);
  for (const auto& [key, value] : wanted.attributes) {
    co_await check_subscription_attribute(topic, wanted, key, value);
  }
  std::erase_if(wanted.attributes, [](const auto& entry) { return entry.second.empty() || entry.second == "{}"; });

  std::optional<Subscription> existing =
      co_await store.find_by_endpoint(txn, name.name, wanted.protocol, wanted.endpoint);
  if (existing && existing->confirmed) {
    for (const auto& [key, value] : wanted.attributes) {
      if (existing->attribute(key) != value)
        co_await fail(invalid("Attributes Reason: Subscription already exists with different attributes"));
    }
    co_return std::move(*existing);
  }
  if (existing) wanted.id = existing->id;  // It is asked again, with a token that is new.
  if (needs_confirmation(wanted.protocol)) {
    wanted.token = make_confirmation_token(wanted.id);
    wanted.token_made = wanted.created;
    store.put_subscription(txn, name.name, wanted);
    ask(txn, name, wanted, "SubscriptionConfirmation");
    co_return wanted;
  }
  wanted.confirmed = true;
  wanted.authenticated = true;
  store.put_subscription(txn, name.name, wanted);
  co_await activate(txn, name, wanted);
  co_return wanted;
}

Task<void> SubscriptionOperations::activate(Transaction& txn, TopicName name, const Subscription& subscription) {
  if (!name.fifo()) co_return;
  const std::string policy = subscription.attribute("ReplayPolicy");
  if (policy.empty()) {
    co_await fifo_.begin(txn, name, subscription.id);
    co_return;
  }
  const ReplaySpan span = co_await replay_span(policy);
  co_await fifo_.replay(txn, name, subscription.id, span.from, span.to);
}

void SubscriptionOperations::ask(Transaction& txn, const TopicName& name, const Subscription& subscription,
                                 const std::string& kind) {
  if (subscription.protocol.starts_with("email") && parts_.options.smtp_url.empty()) {
    log::warning("an email subscription waits to be confirmed, but no SMTP server is configured",
                 {{"topic", name.arn()}, {"endpoint", subscription.endpoint}});
    return;
  }
  events::Event event;
  event.account = name.account;
  event.region = name.region;
  event.target_arn = name.arn() + ":" + subscription.id;
  event.payload = encode(subscription);
  event.attributes["@Confirm"] = kind;
  parts_.outbox.record(txn, std::move(event));
}

Task<std::string> SubscriptionOperations::confirm(std::string topic_arn, std::string region, std::string token,
                                                  bool authenticated, bool authenticate_on_unsubscribe) {
  const TopicName name = co_await parse_topic_arn(topic_arn, region);
  const std::string id = id_of_token(token);
  if (id.empty()) co_return invalid("Token");
  const Store store(name);
  const std::int64_t now = parts_.clock.now_millis();
  const auto write = [&](Transaction& txn) -> Task<void> {
    co_await store.require_topic(txn, name.name);
    std::optional<Subscription> row = co_await store.find_subscription(txn, name.name, id);
    if (!row || !equal_constant_time(row->token, token)) co_await fail(invalid("Token"));
    if (row->confirmed) co_return;
    if (expired(*row, now)) co_await fail(invalid("Token"));
    row->confirmed = true;
    row->authenticated = authenticated;
    row->authenticate_on_unsubscribe = authenticate_on_unsubscribe && authenticated;
    store.put_subscription(txn, name.name, *row);
    co_await activate(txn, name, *row);
  };
  co_await storage::transact(parts_.database, write);
  co_return name.arn() + ":" + id;
}

/// Idempotent.
Task<void> SubscriptionOperations::unsubscribe(std::string subscription_arn, const wire::Call* call) {
  const SubscriptionName name = co_await name_of(subscription_arn);
  const Store store(name.topic);
  const auto write = [&](Transaction& txn) -> Task<void> {
    const std::optional<Subscription> row = co_await store.find_subscription(txn, name.topic.name, name.id);
    if (!row) co_return;
    std::optional<Topic> topic = co_await store.find_topic(txn, name.topic.name);
    const bool own = call != nullptr && (call->account() == row->owner || call->account() == name.topic.account);
    if (!own && (call != nullptr || row->authenticate_on_unsubscribe)) {
      co_await fail(api::errors::kAuthorizationError,
                    "Only the owner of the topic or of the subscription can unsubscribe " + subscription_arn);
    }
    store.erase_subscription(txn, name.topic.name, *row);
    if (name.topic.fifo()) fifo_.forget(txn, name.topic, row->id);
    if (topic) {
      ++topic->deleted_subscriptions;
      store.put_topic(txn, *topic);
    }
  };
  co_await storage::transact(parts_.database, write);
}

Task<api::ListSubscriptionsResponse> SubscriptionOperations::list(Call& call,
                                                                  const api::ListSubscriptionsInput& input) {
  const std::vector<std::string> after = co_await read_token(input.next_token, 2);
  const Store store(call.account(), call.region);
  const auto read = [&](Transaction& txn) -> Task<std::vector<Store::Listed>> {
    co_return co_await store.list_subscriptions(txn, "", after[0], after[1], kSubscriptionsPage + 1);
  };
  std::vector<Store::Listed> rows = co_await storage::transact(parts_.database, read);
  api::ListSubscriptionsResponse output;
  output.subscriptions.emplace();
  if (rows.size() > kSubscriptionsPage) {
    rows.resize(kSubscriptionsPage);
    output.next_token = make_token({rows.back().topic, rows.back().row.id});
  }
  const std::int64_t now = parts_.clock.now_millis();
  for (const Store::Listed& listed : rows) {
    const TopicName topic(call.account(), call.region, listed.topic);
    if (!expired(listed.row, now)) output.subscriptions->push_back(shown(topic, listed.row));
  }
  co_return output;
}

Task<api::ListSubscriptionsByTopicResponse> SubscriptionOperations::list_by_topic(
    Call& call, const api::ListSubscriptionsByTopicInput& input) {
  const TopicName name = co_await parse_topic_arn(input.topic_arn, call.region);
  const std::vector<std::string> after = co_await read_token(input.next_token, 2);
  const Store store(name);
  const auto read = [&](Transaction& txn) -> Task<std::vector<Store::Listed>> {
    const Topic topic = co_await store.require_topic(txn, name.name);
    co_await permit(call, name, topic, "ListSubscriptionsByTopic");
    co_return co_await store.list_subscriptions(txn, name.name, after[0], after[1], kSubscriptionsPage + 1);
  };
  std::vector<Store::Listed> rows = co_await storage::transact(parts_.database, read);
  api::ListSubscriptionsByTopicResponse output;
  output.subscriptions.emplace();
  if (rows.size() > kSubscriptionsPage) {
    rows.resize(kSubscriptionsPage);
    output.next_token = make_token({name.name, rows.back().row.id});
  }
  const std::int64_t now = parts_.clock.now_millis();
  for (const Store::Listed& listed : rows) {
    if (!expired(listed.row, now)) output.subscriptions->push_back(shown(name, listed.row));
  }
  co_return output;
}

Task<api::GetSubscriptionAttributesResponse> SubscriptionOperations::get_attributes(
    Call& call, const api::GetSubscriptionAttributesInput& input) {
  const SubscriptionName name = co_await name_of(input.subscription_arn);
  const Store store(name.topic);
  Subscription row;
  Topic topic;
  std::string replay;
  const auto read = [&](Transaction& txn) -> Task<void> {
    std::optional<Topic> found = co_await store.find_topic(txn, name.topic.name);
    if (!found) co_await fail(not_found());
    topic = std::move(*found);
    row = co_await store.require_subscription(txn, name.topic.name, name.id);
    if (row.owner != call.account()) co_await permit(call, name.topic, topic, "GetSubscriptionAttributes");
    if (name.topic.fifo()) replay = co_await fifo_.replay_status(txn, name.topic, name.id);
  };
  co_await storage::transact(parts_.database, read);
  api::GetSubscriptionAttributesResponse output;
  std::map<std::string, std::string>& shown = output.attributes.emplace(row.attributes);
  shown["SubscriptionArn"] = name.arn();
  shown["TopicArn"] = name.topic.arn();
  shown["Owner"] = row.owner;
  shown["Protocol"] = row.protocol;
  shown["Endpoint"] = row.endpoint;
  shown["PendingConfirmation"] = row.confirmed ? "false" : "true";
  shown["ConfirmationWasAuthenticated"] = row.authenticated ? "true" : "false";
  shown["SubscriptionPrincipal"] = "arn:aws:iam::" + row.owner + ":root";
  shown.try_emplace("RawMessageDelivery", "false");
  if (shown.contains("FilterPolicy")) shown.try_emplace("FilterPolicyScope", "MessageAttributes");
  if (!replay.empty()) shown["ReplayStatus"] = replay;
  if (row.protocol == "http" || row.protocol == "https") {
    const DeliveryPolicy policy = http_policy(topic.attribute("DeliveryPolicy"), row.attribute("DeliveryPolicy"));
    shown["EffectiveDeliveryPolicy"] = effective_policy_document(policy, false);
  }
  co_return output;
}

Task<api::SetSubscriptionAttributesOutput> SubscriptionOperations::set_attribute(
    Call& call, const api::SetSubscriptionAttributesInput& input) {
  const SubscriptionName name = co_await name_of(input.subscription_arn);
  const Store store(name.topic);
  const std::string value = input.attribute_value.value_or("");
  const auto write = [&](Transaction& txn) -> Task<void> {
    std::optional<Topic> topic = co_await store.find_topic(txn, name.topic.name);
    if (!topic) co_await fail(not_found());
    Subscription row = co_await store.require_subscription(txn, name.topic.name, name.id);
    if (row.owner != call.account()) co_await permit(call, name.topic, *topic, "SetSubscriptionAttributes");
    Subscription changed = row;
    if (value.empty() || value == "{}") {
      changed.attributes.erase(input.attribute_name);
    } else {
      changed.attributes[input.attribute_name] = value;
    }
    co_await check_subscription_attribute(*topic, changed, input.attribute_name, value);
    store.put_subscription(txn, name.topic.name, changed);
    if (input.attribute_name == "ReplayPolicy" && !changed.attribute("ReplayPolicy").empty()) {
      co_await activate(txn, name.topic, changed);
    }
  };
  co_await storage::transact(parts_.database, write);
  co_return api::SetSubscriptionAttributesOutput();
}

}  // namespace cumulet::sns
