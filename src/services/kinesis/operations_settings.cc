#include <algorithm>
#include <set>

#include "services/kinesis/errors.h"
#include "services/kinesis/kinesis.h"

/// What a stream is set to: retention, mode, record size, shard metrics.
namespace cumulet::kinesis {

namespace api = wire::kinesis;

namespace {

constexpr std::int32_t kShortestRetention = 24;
constexpr std::size_t kSwitchesADay = 2;
constexpr std::int32_t kLongestRetention = 8760;

std::string hours(std::int64_t count) { return std::to_string(count) + " hours"; }

const std::vector<std::string>& all_metrics() {
  static const std::vector<std::string> metrics{"IncomingBytes",
                                                "IncomingRecords",
                                                "IteratorAgeMilliseconds",
                                                "OutgoingBytes",
                                                "OutgoingRecords",
                                                "ReadProvisionedThroughputExceeded",
                                                "WriteProvisionedThroughputExceeded"};
  return metrics;
}

std::vector<std::string> named_metrics(const std::vector<std::string>& names) {
  const bool all = std::find(names.begin(), names.end(), "ALL") != names.end();
  return all ? all_metrics() : names;
}

/// A stream keeps its shards when its mode changes. It may do so twice within 24 hours.
Result<void> switch_mode(Stream& stream, bool on_demand, Timestamp now) {
  const std::string named = "Stream " + stream.name + " under account " + stream.account;
  if (stream.on_demand == on_demand) {
    return Error(api::errors::kValidationException,
                 "Request is invalid. " + named + " is in the requested mode already.");
  }
  const std::string since = std::to_string((now - std::chrono::hours(24)).time_since_epoch().count());
  std::erase_if(stream.switched, [&since](const std::string& time) { return time < since; });
  if (stream.switched.size() >= kSwitchesADay) {
    return Error(api::errors::kLimitExceededException, "UpdateStreamMode can be used " + std::to_string(kSwitchesADay) +
                                                           " times in a rolling 24-hour period for a stream. " + named +
                                                           " was switched as often.");
  }
  stream.switched.push_back(std::to_string(now.time_since_epoch().count()));
  stream.on_demand = on_demand;
  stream.peaks.clear();
  if (on_demand) note_shards(stream, stream.open_shards, now);
  return {};
}

}  // namespace

void Kinesis::register_settings() {
  service_.on<api::IncreaseStreamRetentionPeriod>(
      [this](Call& c, const auto& in) { return increase_retention(c, in); });
  service_.on<api::DecreaseStreamRetentionPeriod>(
      [this](Call& c, const auto& in) { return decrease_retention(c, in); });
  service_.on<api::UpdateStreamMode>([this](Call& c, const auto& in) { return update_stream_mode(c, in); });
  service_.on<api::UpdateMaxRecordSize>([this](Call& c, const auto& in) { return update_max_record_size(c, in); });
  service_.on<api::EnableEnhancedMonitoring>([this](Call& c, const auto& in) { return enable_monitoring(c, in); });
  service_.on<api::DisableEnhancedMonitoring>([this](Call& c, const auto& in) { return disable_monitoring(c, in); });
  service_.on<api::UntagResource>([this](Call& c, const auto& in) { return untag_resource(c, in); });
  service_.on<api::DescribeAccountSettings>([](Call&, const auto&) -> Task<api::DescribeAccountSettingsOutput> {
    api::DescribeAccountSettingsOutput output;
    output.minimum_throughput_billing_commitment.emplace();
    output.minimum_throughput_billing_commitment->status = "DISABLED";
    co_return output;
  });
}

Task<Stream> Kinesis::change(Address at, std::function<Result<void>(Stream&)> edit) {
  const auto body = [&](Transaction& txn) -> Task<Stream> {
    const StreamPtr stream = co_await require(txn, at);
    Stream changed = *stream;
    co_await edit(changed);
    store_.put(txn, changed);
    co_return changed;
  };
  co_return co_await storage::transact(database_, body);
}

Task<api::IncreaseStreamRetentionPeriodOutput> Kinesis::increase_retention(
    Call& call, const api::IncreaseStreamRetentionPeriodInput& input) {
  const Address at = co_await address(call, input.stream_name, input.stream_arn);
  const std::int32_t wanted = input.retention_period_hours;
  if (wanted > kLongestRetention) {
    co_await fail(invalid_argument("Maximum allowed retention period is 8760 hours. Requested retention period (" +
                                   hours(wanted) + ") is too long."));
  }
  const Timestamp now = clock_.now();
  const auto edit = [&](Stream& stream) -> Result<void> {
    if (wanted < static_cast<std::int32_t>(stream.retention_hours)) {
      return invalid_argument("Requested retention period (" + hours(wanted) + ") for stream " + stream.name +
                              " can not be shorter than existing retention period (" + hours(stream.retention_hours) +
                              "). Use DecreaseRetentionPeriod API.");
    }
    stream.trimmed = stream.horizon(now);
    stream.retention_hours = static_cast<std::uint32_t>(wanted);
    return {};
  };
  co_await change(at, edit);
  co_return api::IncreaseStreamRetentionPeriodOutput();
}

Task<api::DecreaseStreamRetentionPeriodOutput> Kinesis::decrease_retention(
    Call& call, const api::DecreaseStreamRetentionPeriodInput& input) {
  const Address at = co_await address(call, input.stream_name, input.stream_arn);
  const std::int32_t wanted = input.retention_period_hours;
  if (wanted < kShortestRetention) {
    co_await fail(invalid_argument("Minimum allowed retention period is 24 hours. Requested retention period (" +
                                   hours(wanted) + ") is too short."));
  }
  const auto edit = [&](Stream& stream) -> Result<void> {
    if (wanted > static_cast<std::int32_t>(stream.retention_hours)) {
      return invalid_argument("Requested retention period (" + hours(wanted) + ") for stream " + stream.name +
                              " can not be longer than existing retention period (" + hours(stream.retention_hours) +
                              "). Use IncreaseRetentionPeriod API.");
    }
    stream.retention_hours = static_cast<std::uint32_t>(wanted);
    return {};
  };
  co_await change(at, edit);
  wake_sweep();
  co_return api::DecreaseStreamRetentionPeriodOutput();
}

Task<api::UpdateStreamModeOutput> Kinesis::update_stream_mode(Call& call, const api::UpdateStreamModeInput& input) {
  const Address at = co_await address(call, std::nullopt, input.stream_arn);
  if (input.warm_throughput_mi_bps) {
    co_await fail(api::errors::kValidationException,
                  "WarmThroughputMiBps needs an account with a minimum throughput billing commitment.");
  }
  const bool on_demand = input.stream_mode_details.stream_mode == "ON_DEMAND";
  const Timestamp now = clock_.now();
  const auto body = [&](Transaction& txn) -> Task<void> {
    const StreamPtr stream = co_await require(txn, at);
    Stream changed = *stream;
    co_await switch_mode(changed, on_demand, now);
    if (on_demand) {
      co_await require_on_demand(txn, call);
    } else {
      co_await require_room(txn, call, stream->open_shards);
    }
    store_.put(txn, std::move(changed));
  };
  co_await storage::transact(database_, body);
  co_return api::UpdateStreamModeOutput();
}

Task<api::UpdateMaxRecordSizeOutput> Kinesis::update_max_record_size(Call& call,
                                                                     const api::UpdateMaxRecordSizeInput& input) {
  const Address at = co_await address(call, std::nullopt, input.stream_arn);
  const auto edit = [&input](Stream& stream) -> Result<void> {
    stream.max_record_kib = static_cast<std::uint32_t>(input.max_record_size_in_ki_b);
    return {};
  };
  co_await change(at, edit);
  co_return api::UpdateMaxRecordSizeOutput();
}

Task<api::EnhancedMonitoringOutput> Kinesis::monitor(Address at, std::vector<std::string> names, bool enable) {
  names = named_metrics(names);
  std::vector<std::string> before;
  const auto edit = [&](Stream& stream) -> Result<void> {
    before = stream.shard_metrics;
    std::set<std::string> metrics(before.begin(), before.end());
    for (const std::string& name : names) {
      if (enable) {
        metrics.insert(name);
      } else {
        metrics.erase(name);
      }
    }
    stream.shard_metrics.assign(metrics.begin(), metrics.end());
    return {};
  };
  const Stream changed = co_await change(at, edit);
  api::EnhancedMonitoringOutput output;
  output.stream_name = changed.name;
  output.stream_arn = changed.arn();
  output.current_shard_level_metrics = before;
  output.desired_shard_level_metrics = changed.shard_metrics;
  co_return output;
}

Task<api::EnhancedMonitoringOutput> Kinesis::enable_monitoring(Call& call,
                                                               const api::EnableEnhancedMonitoringInput& input) {
  const Address at = co_await address(call, input.stream_name, input.stream_arn);
  co_return co_await monitor(at, input.shard_level_metrics, true);
}

Task<api::EnhancedMonitoringOutput> Kinesis::disable_monitoring(Call& call,
                                                                const api::DisableEnhancedMonitoringInput& input) {
  const Address at = co_await address(call, input.stream_name, input.stream_arn);
  co_return co_await monitor(at, input.shard_level_metrics, false);
}

}  // namespace cumulet::kinesis
