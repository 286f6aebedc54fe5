#include "services/sns/sns.h"

namespace cumulet::sns {

Sns::Sns(storage::Database& database, const Clock& clock, events::Outbox& outbox, net::Client& client,
         const wire::Directory& directory, ThreadPool& pool, Signer& signer, Options options)
    : parts_(database, clock, outbox, client, directory, pool, signer, std::move(options)),
      mail_(parts_),
      sms_(parts_),
      push_(parts_),
      subscriber_(parts_, mail_, sms_, push_),
      fifo_(parts_, subscriber_),
      fan_out_(parts_, subscriber_, fifo_, push_),
      topics_(parts_, fifo_),
      subscriptions_(parts_, fifo_),
      publishing_(parts_, fan_out_, fifo_, sms_, push_),
      platform_(parts_, push_),
      texting_(parts_, sms_),
      service_(wire::sns::model()) {
  topics_.register_on(service_);
  subscriptions_.register_on(service_);
  publishing_.register_on(service_);
  platform_.register_on(service_);
  texting_.register_on(service_);
}

}  // namespace cumulet::sns
