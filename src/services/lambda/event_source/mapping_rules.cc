#include "services/lambda/event_source/mapping_rules.h"

#include "base/text.h"
#include "services/lambda/bucket_target.h"
#include "services/lambda/event_source/mapping.h"
#include "services/lambda/event_source/record_filter.h"
#include "services/lambda/lambda.h"

namespace cumulet::lambda {
namespace {

namespace api = wire::lambda;

constexpr std::int32_t kLargestFifoBatch = 10;
constexpr std::int32_t kBatchWithoutWindow = 10;
constexpr std::int32_t kShortestAge = 60;
constexpr std::int32_t kLongestAge = 604'800;

Error not_for_this_source(const std::string& name) {
  return invalid("Unsupported " + name + " parameter for given event source mapping type.");
}

/// Nothing but the defaults, which fill_defaults wrote there.
template <typename T>
bool says(const std::optional<T>& value, T otherwise) {
  return value && *value != otherwise;
}

Result<void> check_queue(const api::EventSourceMappingConfiguration& m) {
  if (m.starting_position || m.starting_position_timestamp) {
    return invalid("StartingPosition is not valid for SQS event sources.");
  }
  if (m.destination_config) return not_for_this_source("DestinationConfig");
  if (m.parallelization_factor) return not_for_this_source("ParallelizationFactor");
  if (m.maximum_record_age_in_seconds) return not_for_this_source("MaximumRecordAgeInSeconds");
  if (m.maximum_retry_attempts) return not_for_this_source("MaximumRetryAttempts");
  if (m.bisect_batch_on_function_error) return not_for_this_source("BisectBatchOnFunctionError");
  if (m.tumbling_window_in_seconds) return not_for_this_source("TumblingWindowInSeconds");
  const std::int32_t batch = m.batch_size.value_or(kBatchWithoutWindow);
  const std::int32_t window = m.maximum_batching_window_in_seconds.value_or(0);
  if (is_fifo_queue(*m.event_source_arn)) {
    if (batch > kLargestFifoBatch) return invalid("Maximum batch size for FIFO queues is 10.");
    if (window > 0) return invalid("MaximumBatchingWindowInSeconds is not supported for FIFO queues.");
  } else if (batch > kBatchWithoutWindow && window == 0) {
    return invalid("Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10");
  }
  return {};
}

Result<void> check_destination(const api::DestinationConfig& config) {
  if (config.on_success && config.on_success->destination) {
    return invalid("Unsupported DestinationConfig parameter for given event source mapping type.");
  }
  if (!config.on_failure || config.on_failure->destination.value_or("").empty()) return {};
  const std::string& arn = *config.on_failure->destination;
  const std::vector<std::string_view> parts = split(arn, ':');
  const std::string_view service = parts.size() < 6 ? std::string_view() : parts[2];
  if ((service != "sqs" && service != "sns" && !is_bucket(arn)) || arn.ends_with(".fifo")) {
    return invalid(
        "The provided destination config DestinationConfig(onSuccess=null, onFailure=OnFailure(destination=" + arn +
        ")) is invalid.");
  }
  return {};
}

Result<void> check_stream(const api::EventSourceMappingConfiguration& m) {
  if (!m.starting_position) {
    return invalid(
        "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not "
        "be null.");
  }
  const bool at_time = *m.starting_position == "AT_TIMESTAMP";
  if (at_time && source_kind(*m.event_source_arn) == SourceKind::kDynamoDb) {
    return invalid("Unsupported starting position for arn type: " + *m.event_source_arn);
  }
  if (at_time != m.starting_position_timestamp.has_value()) {
    return invalid(at_time ? "StartingPositionTimestamp must be specified when StartingPosition is AT_TIMESTAMP."
                           : "StartingPositionTimestamp is only valid when StartingPosition is AT_TIMESTAMP.");
  }
  if (m.scaling_config && m.scaling_config->maximum_concurrency) return not_for_this_source("ScalingConfig");
  if (says(m.maximum_record_age_in_seconds, -1) &&
      (*m.maximum_record_age_in_seconds < kShortestAge || *m.maximum_record_age_in_seconds > kLongestAge)) {
    return invalid("MaximumRecordAgeInSeconds must be -1 or between 60 and 604800.");
  }
  if (m.destination_config) return check_destination(*m.destination_config);
  return {};
}

}  // namespace

Result<void> check_given(const api::CreateEventSourceMappingRequest& input) {
  if (!input.event_source_arn) {
    if (input.self_managed_event_source) {
      return invalid("Self-managed event sources are not supported by this server.");
    }
    return invalid("Unrecognized event source.");
  }
  if (!source_kind(*input.event_source_arn)) return invalid("Unrecognized event source.");
  const bool of_others = input.topics || input.queues || input.source_access_configurations ||
                         input.self_managed_event_source || input.amazon_managed_kafka_event_source_config ||
                         input.self_managed_kafka_event_source_config || input.document_db_event_source_config;
  if (of_others) return invalid("The request has parameters of another type of event source.");
  if (input.provisioned_poller_config) return not_for_this_source("ProvisionedPollerConfig");
  return {};
}

Result<void> check_mapping(const api::EventSourceMappingConfiguration& mapping) {
  const Result<RecordFilter> filter = RecordFilter::parse(mapping.filter_criteria);
  if (!filter.ok()) return filter.error();
  return source_kind(*mapping.event_source_arn) == SourceKind::kQueue ? check_queue(mapping) : check_stream(mapping);
}

void fill_defaults(api::EventSourceMappingConfiguration& m) {
  if (m.filter_criteria && (!m.filter_criteria->filters || m.filter_criteria->filters->empty())) {
    m.filter_criteria.reset();
  }
  if (m.scaling_config && !m.scaling_config->maximum_concurrency) m.scaling_config.reset();
  if (!m.function_response_types) m.function_response_types.emplace();
  if (!m.maximum_batching_window_in_seconds) m.maximum_batching_window_in_seconds = 0;
  const bool queue = source_kind(*m.event_source_arn) == SourceKind::kQueue;
  if (!m.batch_size) m.batch_size = queue ? 10 : 100;
  m.state_transition_reason = queue ? "USER_INITIATED" : "User action";
  if (queue) return;
  if (!m.parallelization_factor) m.parallelization_factor = 1;
  if (!m.maximum_record_age_in_seconds) m.maximum_record_age_in_seconds = -1;
  if (!m.maximum_retry_attempts) m.maximum_retry_attempts = -1;
  if (!m.bisect_batch_on_function_error) m.bisect_batch_on_function_error = false;
  if (!m.tumbling_window_in_seconds) m.tumbling_window_in_seconds = 0;
  if (!m.destination_config) m.destination_config.emplace();
  m.destination_config->on_success.reset();
  if (!m.destination_config->on_failure) m.destination_config->on_failure.emplace();
}

}  // namespace cumulet::lambda
