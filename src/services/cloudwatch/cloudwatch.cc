#include "services/cloudwatch/cloudwatch.h"

namespace cumulet::cloudwatch {

CloudWatch::CloudWatch(storage::Database& database, const Clock& clock)
    : writer_(database, clock), platform_(writer_, clock) {}

void CloudWatch::start(Loop& loop) {
  writer_.start(loop);
  platform_.start(loop);
}

void CloudWatch::drain(SteadyTime deadline) {
  platform_.flush();
  writer_.drain(deadline);
}

}  // namespace cumulet::cloudwatch
