#pragma once

#include <optional>
#include <string>
#include <vector>

#include "services/firehose/destination.h"
#include "services/firehose/store.h"

/// A function that every record passes before it is delivered: what it is asked, and how its answer is read.
/// https://docs.aws.amazon.com/firehose/latest/dev/data-transformation.html
namespace cumulet::firehose {

struct Processor {
  std::string function;  ///< ARN.
  int retries = 3;
  std::size_t batch_bytes = 1u << 20;  ///< Of the records of one call.
};

/// The function of a destination; nullopt when it has none. Fails with InvalidArgumentException on other processors and
/// on parameters out of their ranges.
Result<std::optional<Processor>> processor_of(const Destination& destination);

/// The event that the function gets.
std::string transform_event(const DeliveryStream& stream, const std::string& invocation,
                            const std::vector<BufferedRecord>& records);

/// What became of one record.
struct Transformed {
  enum class Result : std::uint8_t { kOk, kDropped, kFailed };
  Transformed() = default;
  Result result = Result::kFailed;
  std::string data;           ///< Of kOk.
  std::string error_code;     ///< Of kFailed.
  std::string error_message;  ///< Of kFailed.
};

/// The function's answer, by record. An answer that cannot be read fails all of them; records that it leaves out or has
/// twice fail for themselves.
std::vector<Transformed> read_transformed(const std::string& answer, const std::vector<BufferedRecord>& records);

/// How a call of the function went that failed for good.
struct FailedAttempt {
  FailedAttempt() = default;
  int attempts = 1;
  Timestamp ended;
  std::string code;
  std::string message;
};

/// The line about a record that could not be transformed, for the object of such lines.
std::string failure_line(const BufferedRecord& record, const std::string& function, const FailedAttempt& failure);

}  // namespace cumulet::firehose
