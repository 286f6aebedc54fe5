#pragma once

#include "base/clock.h"
#include "base/loop.h"
#include "events/outbox.h"
#include "services/cloudwatch/alarms.h"
#include "services/cloudwatch/dashboards.h"
#include "services/cloudwatch/platform_metrics.h"
#include "services/cloudwatch/writer.h"
#include "storage/database.h"
#include "wire/generated/cloudwatch.h"
#include "wire/service.h"

namespace cumulet::cloudwatch {

using wire::Call;

/// CloudWatch: metrics, alarms, dashboards.
/// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/
class CloudWatch {
 public:
  CloudWatch(storage::Database& database, const Clock& clock, events::Outbox& outbox);

  const wire::Service& service() const { return service_; }
  /// Where the other services report what they observe.
  events::MetricSink& metrics() { return platform_; }

  void start(Loop& loop);
  /// Writes what was gathered. Not on a loop.
  void drain(SteadyTime deadline);

 private:
  // operations_metrics.cc
  void register_metrics();
  Task<wire::cloudwatch::PutMetricDataOutput> put_metric_data(Call& call,
                                                              const wire::cloudwatch::PutMetricDataInput& input);
  Task<wire::cloudwatch::ListMetricsOutput> list_metrics(Call& call, const wire::cloudwatch::ListMetricsInput& input);

  // operations_data.cc
  void register_data();
  Task<wire::cloudwatch::GetMetricStatisticsOutput> get_metric_statistics(
      Call& call, const wire::cloudwatch::GetMetricStatisticsInput& input);
  Task<wire::cloudwatch::GetMetricDataOutput> get_metric_data(Call& call,
                                                              const wire::cloudwatch::GetMetricDataInput& input);

  // operations_tags.cc
  void register_tags();
  Task<wire::cloudwatch::TagResourceOutput> tag_resource(Call& call, const wire::cloudwatch::TagResourceInput& input);
  Task<wire::cloudwatch::UntagResourceOutput> untag_resource(Call& call,
                                                             const wire::cloudwatch::UntagResourceInput& input);
  Task<wire::cloudwatch::ListTagsForResourceOutput> list_tags_for_resource(
      Call& call, const wire::cloudwatch::ListTagsForResourceInput& input);

  // retention.cc
  void schedule_sweep(Loop& loop);
  Task<void> sweep();
  Task<void> sweep_store(Store store);
  Task<void> sweep_series(Store store, Series series);

  storage::Database& database_;
  const Clock& clock_;
  wire::Service service_;
  Writer writer_;
  PlatformMetrics platform_;
  Alarms alarms_;
  Dashboards dashboards_;
};

}  // namespace cumulet::cloudwatch
