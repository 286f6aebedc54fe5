#pragma once

#include "services/sns/fan_out.h"
#include "services/sns/fifo_log.h"
#include "services/sns/mail.h"
#include "services/sns/operations_platform.h"
#include "services/sns/operations_publish.h"
#include "services/sns/operations_sms.h"
#include "services/sns/operations_subscriptions.h"
#include "services/sns/operations_topics.h"
#include "services/sns/push.h"
#include "services/sns/sms.h"
#include "services/sns/subscriber.h"
#include "wire/service.h"
#include "wire/surface.h"

namespace cumulet::sns {

/// SNS: topics, subscriptions, and the way of each message to everybody who wants it. Two doors lead to a topic:
/// Publish, and `deliver` for events of the outbox. https://docs.aws.amazon.com/sns/latest/api/
class Sns final : public events::Target, public wire::Surface {
 public:
  Sns(storage::Database& database, const Clock& clock, events::Outbox& outbox, net::Client& client,
      const wire::Directory& directory, ThreadPool& pool, Signer& signer, Options options);

  const wire::Service& service() const { return service_; }

  /// Who takes messages for queues. At start-up.
  void use_queues(events::Target& queues) { parts_.queues = &queues; }
  void use_metrics(events::MetricSink& metrics) { parts_.metrics = &metrics; }

  Task<events::Outcome> deliver(const events::Event& event) override { return fan_out_.deliver(event); }

  // The links in messages, and the certificate that they are signed with (surface.cc).
  bool owns(const net::Request& request) const override;
  Task<net::Response> answer(net::Request& request, std::string request_id) override;

  void start(Loop& loop) { fifo_.start(loop); }
  void drain(SteadyTime deadline) { fifo_.drain(deadline); }

 private:
  Task<std::string> follow(const net::Request& request);

  Parts parts_;
  Mail mail_;
  Sms sms_;
  Push push_;
  Subscriber subscriber_;
  FifoLog fifo_;
  FanOut fan_out_;
  TopicOperations topics_;
  SubscriptionOperations subscriptions_;
  PublishOperations publishing_;
  PlatformOperations platform_;
  SmsOperations texting_;
  wire::Service service_;
};

}  // namespace cumulet::sns
