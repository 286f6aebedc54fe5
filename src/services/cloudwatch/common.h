#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "services/cloudwatch/series.h"
#include "wire/generated/cloudwatch.h"

/// What the operations of CloudWatch share: its errors in its words, and conversions.
namespace cumulet::cloudwatch {

inline constexpr std::size_t kMostTags = 50;  ///< Of an alarm, of a dashboard.

Error invalid_value(std::string message);
Error invalid_combination(std::string message);
Error missing_parameter(std::string message);
Error validation_error(std::string message);

/// Fails when a dimension is named twice.
Result<Series> series_of(const std::string& space, const std::string& name,
                         const std::optional<std::vector<wire::cloudwatch::Dimension>>& dimensions);
std::vector<wire::cloudwatch::Dimension> dimensions_of(const Series& series);

std::int64_t seconds_of(Timestamp time);
Timestamp time_of(std::int64_t seconds);

/// Tokens of pages are positions in a coat of Base64. Fails with InvalidNextToken.
std::string page_token(const std::string& position);
Result<std::string> page_position(const std::optional<std::string>& token);

}  // namespace cumulet::cloudwatch
