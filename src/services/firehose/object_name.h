#pragma once

#include <string>

#include "base/clock.h"
#include "base/result.h"

/// The names of delivered objects.
/// https://docs.aws.amazon.com/firehose/latest/dev/s3-prefixes.html
namespace cumulet::firehose {

/// InvalidArgumentException.
Error invalid(std::string message);

/// Fails with InvalidArgumentException on an expression that is not known. `error_output` says which of the two
/// prefixes it is.
Result<void> check_prefix(const std::string& prefix, bool error_output);
/// Whether it has an expression.
bool has_expression(const std::string& prefix);

/// A prefix with its expressions worked out: !{timestamp:FORMAT} for `time` (UTC), !{firehose:random-string},
/// !{firehose:error-output-type}. One without expressions gets YYYY/MM/dd/HH/ behind it. It must pass check_prefix.
std::string expand_prefix(const std::string& prefix, Timestamp time, const std::string& error_type);

/// STREAM-VERSION-YYYY-MM-dd-HH-mm-ss-UUID.
std::string object_suffix(const std::string& stream, std::uint64_t version, Timestamp time, const std::string& uuid);

}  // namespace cumulet::firehose
