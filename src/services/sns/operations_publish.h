#pragma once

#include "services/sns/fan_out.h"
#include "services/sns/push.h"
#include "services/sns/sms.h"
#include "wire/generated/sns.h"
#include "wire/service.h"

namespace cumulet::sns {

/// Publish and PublishBatch: to topics, single devices and phone numbers.
class PublishOperations {
 public:
  PublishOperations(Parts& parts, FanOut& fan_out, FifoLog& fifo, Sms& sms, Push& push)
      : parts_(parts), fan_out_(fan_out), fifo_(fifo), sms_(sms), push_(push) {}
  void register_on(wire::Service& service);

 private:
  using Call = wire::Call;

  Task<wire::sns::PublishResponse> publish(Call& call, const wire::sns::PublishInput& input);
  Task<wire::sns::PublishBatchResponse> publish_batch(Call& call, const wire::sns::PublishBatchInput& input);
  Task<std::shared_ptr<const TopicView>> topic_of(const Call& call, std::string arn, std::string parameter);
  Task<std::vector<Receipt>> accept(std::shared_ptr<const TopicView> topic, std::vector<Notification> notifications);
  Task<wire::sns::PublishResponse> publish_to_phone(Call& call, const wire::sns::PublishInput& input);
  Task<wire::sns::PublishResponse> publish_to_device(const wire::sns::PublishInput& input);

  Parts& parts_;
  FanOut& fan_out_;
  FifoLog& fifo_;
  Sms& sms_;
  Push& push_;
};

}  // namespace cumulet::sns
