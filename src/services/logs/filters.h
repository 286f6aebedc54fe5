#pragma once

#include <optional>
#include <string>
#include <vector>

#include "events/metric_sink.h"
#include "events/outbox.h"
#include "services/logs/filter_pattern.h"
#include "services/logs/model.h"
#include "services/logs/store.h"
#include "storage/database.h"
#include "wire/generated/logs.h"

namespace cumulet::logs {

/// The filters of one group.
struct GroupFilters {
  std::vector<wire::logs::MetricFilter> metrics;
  std::vector<wire::logs::SubscriptionFilter> subscriptions;
  bool empty() const { return metrics.empty() && subscriptions.empty(); }
};

Task<GroupFilters> find_filters(storage::Transaction& txn, Store store, std::string group);
void put_filters(storage::Transaction& txn, const Store& store, const std::string& group, const GroupFilters& filters);

/// Where new events stand.
struct EventSource {
  EventSource(std::string a, std::string r, std::string g, std::string s)
      : account(std::move(a)), region(std::move(r)), group(std::move(g)), stream(std::move(s)) {}
  std::string account;
  std::string region;
  std::string group;
  std::string stream;
};

/// What new events cause: subscriptions go to the outbox in the transaction; the values of metric filters and of
/// messages in the embedded metric format are given back, to be reported when it is committed.
Task<std::vector<events::MetricSample>> apply_filters(storage::Transaction& txn, Store store, EventSource source,
                                                      const std::vector<LogEvent>& events, events::Outbox& outbox);

/// The metrics inside a message in the embedded metric format.
/// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
void extract_embedded(const EventSource& source, const LogEvent& event, std::vector<events::MetricSample>& samples);

/// The id that events have in replies and in what subscribers get.
std::string event_id(Position position);

}  // namespace cumulet::logs
