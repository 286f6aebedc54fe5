#include "events/outbox.h"

#include "base/ids.h"
#include "events/delivery.h"
#include "events/outbox_record.h"
#include "events/prompt_delivery.h"

namespace cumulet::events {
namespace {

class StoredOutbox final : public Outbox, public PromptDelivery {
 public:
  StoredOutbox(storage::Database& database, const Clock& clock)
      : clock_(clock), delivery_(std::make_shared<Delivery>(database, clock)) {
    database.on_commit(outbox_prefix(), [weak = std::weak_ptr(delivery_)](std::string_view key) {
      if (const std::shared_ptr<Delivery> delivery = weak.lock()) delivery->written(key);
    });
  }

  void record(storage::Transaction& transaction, Event event) override {
    if (event.id.empty()) event.id = uuid();
    event.recorded = clock_.now();
    transaction.put(record_key(event, event.recorded), record_value(event));
  }
  void register_target(std::string service, Target& target) override {
    delivery_->register_target(std::move(service), target);
  }
  Task<Outcome> deliver_now(const Event& event) override { return delivery_->deliver_now(event); }
  void start(Loop& loop) override { delivery_->start(loop); }
  void clock_moved() override { delivery_->clock_moved(); }
  void drain(SteadyTime deadline) override { delivery_->drain(deadline); }

 private:
  const Clock& clock_;
  std::shared_ptr<Delivery> delivery_;
};

}  // namespace

PromptDelivery& prompt_delivery(Outbox& outbox) { return static_cast<StoredOutbox&>(outbox); }

std::unique_ptr<Outbox> make_outbox(storage::Database& database, const Clock& clock) {
  return std::make_unique<StoredOutbox>(database, clock);
}

}  // namespace cumulet::events
