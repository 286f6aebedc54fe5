#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "services/s3/select/moment.h"

/// The patterns of TO_STRING and TO_TIMESTAMP.
/// https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-select-sql-reference-date.html
namespace cumulet::s3::select {

/// Both fail with EvaluatorInvalidTimestampFormatPattern and its kin; parsing with ValueParseFailure when the text is
/// not of the pattern.
Result<std::string> format_moment(const Moment& moment, std::string_view pattern);
Result<Moment> parse_moment(std::string_view text, std::string_view pattern);

}  // namespace cumulet::s3::select
