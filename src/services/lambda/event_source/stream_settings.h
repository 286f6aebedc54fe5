#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "events/outbox.h"
#include "events/stream_source.h"
#include "services/lambda/event_source/mapping.h"
#include "services/lambda/event_source/record_filter.h"

namespace cumulet::lambda {

/// What a stream's mapping says, ready to be worked with.
struct StreamSettings {
  StreamSettings(MappingRow row, std::string role);

  MappingRow mapping;
  SourceKind kind = SourceKind::kKinesis;
  std::string source_region;
  std::string function_name;
  std::string role;  ///< Of the function: Kinesis records name it.
  RecordFilter filter;
  std::size_t batch_size = 100;
  std::size_t lanes = 1;  ///< ParallelizationFactor.
  seconds batch_window{0};
  seconds tumbling_window{0};            ///< 0: none.
  std::optional<seconds> longest_age;    ///< None: records are tried as long as they are there.
  std::optional<std::uint32_t> retries;  ///< None: without end.
  bool bisects = false;
  bool reports_items = false;
  std::string on_failure;  ///< A queue's, a topic's or a bucket's ARN, or empty.

  bool lets_pass(const events::StreamRecord& record) const;
  /// The record as it stands in `Records`.
  std::string record_text(const events::StreamRecord& record) const;
};

/// The decimal numbers that order a shard's records.
bool sequence_before(const std::string& a, const std::string& b);

/// Why a batch is given up.
struct StreamFailure {
  StreamFailure() = default;
  std::string condition;  ///< "RetryAttemptsExhausted" or "RecordAgeExceeded".
  std::uint32_t invocations = 0;
  std::string request_id;  ///< Of the last invocation; empty when there was none.
  std::string executed_version;
  std::string function_error;
};

/// The record that the on-failure destination gets of a batch; with a bucket also the batch itself.
events::Event failure_event(const StreamSettings& settings, const std::string& shard,
                            const std::vector<events::StreamRecord>& records, const StreamFailure& failure,
                            std::string payload, Timestamp now);

}  // namespace cumulet::lambda
