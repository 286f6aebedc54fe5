#pragma once

#include "services/sns/fifo_log.h"
#include "services/sns/parts.h"
#include "wire/generated/sns.h"
#include "wire/service.h"

namespace cumulet::sns {

/// Subscriptions: made, confirmed, changed, listed, ended.
class SubscriptionOperations {
 public:
  SubscriptionOperations(Parts& parts, FifoLog& fifo) : parts_(parts), fifo_(fifo) {}
  void register_on(wire::Service& service);

  /// What the links in confirmations and messages do; `authenticated` says that the request was signed. Gives the
  /// subscription's ARN.
  Task<std::string> confirm(std::string topic_arn, std::string region, std::string token, bool authenticated,
                            bool authenticate_on_unsubscribe);
  /// `call` is null for an unsigned request.
  Task<void> unsubscribe(std::string subscription_arn, const wire::Call* call);

 private:
  using Call = wire::Call;
  template <typename Operation>
  using Out = Task<typename Operation::Output>;

  Out<wire::sns::Subscribe> subscribe(Call& call, const wire::sns::SubscribeInput& input);
  Out<wire::sns::ListSubscriptions> list(Call& call, const wire::sns::ListSubscriptionsInput& input);
  Out<wire::sns::ListSubscriptionsByTopic> list_by_topic(Call& call,
                                                         const wire::sns::ListSubscriptionsByTopicInput& input);
  Out<wire::sns::GetSubscriptionAttributes> get_attributes(Call& call,
                                                           const wire::sns::GetSubscriptionAttributesInput& input);
  Out<wire::sns::SetSubscriptionAttributes> set_attribute(Call& call,
                                                          const wire::sns::SetSubscriptionAttributesInput& input);

  Task<Subscription> make(storage::Transaction& txn, const Call& call, TopicName name, Subscription wanted);
  Task<void> activate(storage::Transaction& txn, TopicName name, const Subscription& subscription);
  void ask(storage::Transaction& txn, const TopicName& name, const Subscription& subscription, const std::string& kind);

  Parts& parts_;
  FifoLog& fifo_;
};

}  // namespace cumulet::sns
