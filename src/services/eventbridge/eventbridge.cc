#include "services/eventbridge/eventbridge.h"

namespace cumulet::eventbridge {

EventBridge::EventBridge(storage::Database& database, const Clock& clock, events::Outbox& outbox,
                         const wire::Directory& directory, net::Client& client, events::MetricSink& metrics)
    : database_(database),
      clock_(clock),
      outbox_(outbox),
      client_(client),
      metrics_(metrics),
      service_(wire::events::model()),
      directed_(database, outbox, clock, directory),
      schedules_(database, clock, "events-rules",
                 [this](storage::Transaction& txn, Timestamp due, std::string id) {
                   return rule_due(txn, due, std::move(id));
                 }),
      replays_(database, clock, "events-replays",
               [this](storage::Transaction& txn, Timestamp due, std::string id) {
                 return replay_step(txn, due, std::move(id));
               }),
      expiry_(database, clock, "events-archives", [this](storage::Transaction& txn, Timestamp due, std::string id) {
        return erase_expired(txn, due, std::move(id));
      }) {
  register_buses();
  register_rules();
  register_targets();
  register_events();
  register_tags();
  register_archives();
  register_replays();
  register_connections();
  register_api_destinations();
}

void EventBridge::start(Loop& loop) {
  schedules_.start(loop);
  replays_.start(loop);
  expiry_.start(loop);
}

void EventBridge::clock_moved() {
  schedules_.clock_moved();
  replays_.clock_moved();
  expiry_.clock_moved();
}

void EventBridge::drain(SteadyTime deadline) {
  schedules_.drain(deadline);
  replays_.drain(deadline);
  expiry_.drain(deadline);
}

}  // namespace cumulet::eventbridge
