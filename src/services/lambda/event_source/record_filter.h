#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "events/event_pattern.h"
#include "wire/generated/lambda.h"

namespace cumulet::lambda {

/// A mapping's FilterCriteria: a record passes when one of the patterns matches it, or when there are none.
/// https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html
class RecordFilter {
 public:
  RecordFilter() = default;
  /// Fails with InvalidParameterValueException.
  static Result<RecordFilter> parse(const std::optional<wire::lambda::FilterCriteria>& criteria);

  bool empty() const { return patterns_.empty(); }
  /// `record` is the record as filters see it: its data as JSON where it is JSON.
  bool passes(std::string_view record) const;

 private:
  std::vector<events::EventPattern> patterns_;
};

/// A message's record (an SQS event record, an object) with its body as the JSON that it is, if it is.
std::string filterable_message(std::string_view record);
/// The `kinesis` part of a Kinesis event record, with its data decoded.
std::string filterable_kinesis(std::string_view record);

}  // namespace cumulet::lambda
