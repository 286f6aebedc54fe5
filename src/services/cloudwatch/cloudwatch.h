#pragma once

#include <memory>

#include "base/clock.h"
#include "base/loop.h"
#include "services/cloudwatch/platform_metrics.h"
#include "services/cloudwatch/writer.h"
#include "storage/database.h"

namespace cumulet::cloudwatch {

/// CloudWatch metrics.
/// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/
class CloudWatch {
 public:
  CloudWatch(storage::Database& database, const Clock& clock);

  /// Where the other services report what they observe.
  events::MetricSink& metrics() { return platform_; }

  void start(Loop& loop);
  /// Writes what was gathered. Not on a loop.
  void drain(SteadyTime deadline);

 private:
  Writer writer_;
  PlatformMetrics platform_;
};

}  // namespace cumulet::cloudwatch
