#include "services/cloudwatch/cloudwatch.h"

namespace cumulet::cloudwatch {

CloudWatch::CloudWatch(storage::Database& database, const Clock& clock, events::Outbox& outbox)
    : database_(database),
      clock_(clock),
      service_(wire::cloudwatch::model()),
      writer_(database, clock),
      platform_(writer_, clock),
      alarms_(database, clock, outbox),
      dashboards_(database, clock) {
  register_metrics();
  register_data();
  register_tags();
  alarms_.add_operations(service_);
  dashboards_.add_operations(service_);
}

void CloudWatch::start(Loop& loop) {
  writer_.start(loop);
  platform_.start(loop);
  alarms_.start(loop);
  loop.post([this, &loop] { schedule_sweep(loop); });
}

void CloudWatch::drain(SteadyTime deadline) {
  alarms_.drain(deadline);
  platform_.flush();
  writer_.drain(deadline);
}

}  // namespace cumulet::cloudwatch
