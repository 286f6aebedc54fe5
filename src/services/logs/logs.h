#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/loop.h"
#include "events/metric_sink.h"
#include "events/outbox.h"
#include "services/logs/filter_pattern.h"
#include "services/logs/filters.h"
#include "services/logs/store.h"
#include "storage/database.h"
#include "wire/generated/logs.h"
#include "wire/service.h"

namespace cumulet::logs {

/// CloudWatch Logs: groups, streams and events, and the way in for the logs of functions.
/// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/
class Logs {
 public:
  Logs(storage::Database& database, const Clock& clock, events::Outbox& outbox, events::MetricSink& metrics);

  const wire::Service& service() const { return service_; }

  /// One line of a function's log, from inside the house.
  struct Line {
    Line(std::int64_t t, std::string m) : time(t), message(std::move(m)) {}
    std::int64_t time;  ///< Milliseconds since 1970.
    std::string message;
  };
  /// Where lines go; group and stream are made when they are missing.
  struct Address {
    Address(std::string a, std::string r, std::string g, std::string s)
        : account(std::move(a)), region(std::move(r)), group(std::move(g)), stream(std::move(s)) {}
    std::string account;
    std::string region;
    std::string group;
    std::string stream;
    friend auto operator<=>(const Address&, const Address&) = default;
  };
  /// Queues lines for writing; never waits. Past 32 MiB of unwritten lines new ones are dropped and counted. Any
  /// thread.
  void append(Address address, std::vector<Line> lines);

  /// Begins writing what `append` queues, and the hourly sweep of what retention no longer keeps, on that loop.
  void start(Loop& loop);
  /// Waits until what was queued is written, at most until the deadline. Not on a loop.
  void drain(SteadyTime deadline);

 private:
  using Call = wire::Call;
  using Pending = std::map<Address, std::vector<Line>>;

  // operations_groups.cc
  void register_groups();
  Task<wire::logs::CreateLogGroupOutput> create_log_group(Call& call, const wire::logs::CreateLogGroupInput& input);
  Task<wire::logs::DeleteLogGroupOutput> delete_log_group(Call& call, const wire::logs::DeleteLogGroupInput& input);
  Task<wire::logs::DescribeLogGroupsOutput> describe_log_groups(Call& call,
                                                                const wire::logs::DescribeLogGroupsInput& input);
  Task<wire::logs::PutRetentionPolicyOutput> put_retention_policy(Call& call,
                                                                  const wire::logs::PutRetentionPolicyInput& input);
  Task<wire::logs::DeleteRetentionPolicyOutput> delete_retention_policy(
      Call& call, const wire::logs::DeleteRetentionPolicyInput& input);
  Task<wire::logs::TagResourceOutput> tag_resource(Call& call, const wire::logs::TagResourceInput& input);
  Task<wire::logs::UntagResourceOutput> untag_resource(Call& call, const wire::logs::UntagResourceInput& input);
  Task<wire::logs::ListTagsForResourceOutput> list_tags_for_resource(Call& call,
                                                                     const wire::logs::ListTagsForResourceInput& input);

  // operations_streams.cc
  void register_streams();
  Task<wire::logs::CreateLogStreamOutput> create_log_stream(Call& call, const wire::logs::CreateLogStreamInput& input);
  Task<wire::logs::DeleteLogStreamOutput> delete_log_stream(Call& call, const wire::logs::DeleteLogStreamInput& input);
  Task<wire::logs::DescribeLogStreamsOutput> describe_log_streams(Call& call,
                                                                  const wire::logs::DescribeLogStreamsInput& input);

  // operations_events.cc
  void register_events();
  Task<wire::logs::PutLogEventsOutput> put_log_events(Call& call, const wire::logs::PutLogEventsInput& input);
  Task<wire::logs::GetLogEventsOutput> get_log_events(Call& call, const wire::logs::GetLogEventsInput& input);
  Task<wire::logs::FilterLogEventsOutput> filter_log_events(Call& call, const wire::logs::FilterLogEventsInput& input);

  // operations_filters.cc
  void register_filters();
  Task<wire::logs::PutMetricFilterOutput> put_metric_filter(Call& call, const wire::logs::PutMetricFilterInput& input);
  Task<wire::logs::DeleteMetricFilterOutput> delete_metric_filter(Call& call,
                                                                  const wire::logs::DeleteMetricFilterInput& input);
  Task<wire::logs::DescribeMetricFiltersOutput> describe_metric_filters(
      Call& call, const wire::logs::DescribeMetricFiltersInput& input);
  Task<wire::logs::TestMetricFilterOutput> test_metric_filter(Call& call,
                                                              const wire::logs::TestMetricFilterInput& input);
  Task<wire::logs::PutSubscriptionFilterOutput> put_subscription_filter(
      Call& call, const wire::logs::PutSubscriptionFilterInput& input);
  Task<wire::logs::DeleteSubscriptionFilterOutput> delete_subscription_filter(
      Call& call, const wire::logs::DeleteSubscriptionFilterInput& input);
  Task<wire::logs::DescribeSubscriptionFiltersOutput> describe_subscription_filters(
      Call& call, const wire::logs::DescribeSubscriptionFiltersInput& input);
  Task<std::vector<std::string>> names_of_groups(Store store, std::string after);

  // ingestion.cc
  void report(std::vector<events::MetricSample> samples);
  Task<void> write_pending();
  Task<void> write_lines(const Address& address, const std::vector<Line>& lines);
  Task<void> sweep();
  Task<void> erase_before(Address address, std::int64_t time);
  void schedule_sweep();

  /// Erases every event of a stream, in bounded transactions.
  Task<void> erase_all_events(Store store, std::string group, std::string stream);
  std::uint64_t next_sequence();

  storage::Database& database_;
  const Clock& clock_;
  events::Outbox& outbox_;
  events::MetricSink& metrics_;
  wire::Service service_;
  std::atomic<std::uint64_t> sequence_;

  std::mutex mutex_;
  Pending pending_;
  std::size_t pending_bytes_ = 0;
  std::uint64_t dropped_ = 0;
  bool writing_ = false;
  Loop* loop_ = nullptr;
};

/// The group's row; fails with ResourceNotFoundException.
Task<LogGroup> require_group(const Store& store, storage::Transaction& txn, std::string name);
/// The name in a log group identifier: a name or an ARN (with or without ":*"). Fails when neither or both are given.
Result<std::string> group_name(const std::optional<std::string>& name, const std::optional<std::string>& identifier);
/// The first moment that retention still keeps, in milliseconds; INT64_MIN when all is kept.
std::int64_t retained_since(const LogGroup& group, std::int64_t now_millis);

Error invalid(std::string message);  ///< InvalidParameterException

}  // namespace cumulet::logs
