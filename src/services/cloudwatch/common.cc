#include "services/cloudwatch/common.h"

#include "base/text.h"

namespace cumulet::cloudwatch {

namespace errors = wire::cloudwatch::errors;

Error invalid_value(std::string message) { return Error(errors::kInvalidParameterValueException, std::move(message)); }
Error invalid_combination(std::string message) {
  return Error(errors::kInvalidParameterCombinationException, std::move(message));
}
Error missing_parameter(std::string message) {
  return Error(errors::kMissingRequiredParameterException, std::move(message));
}
Error validation_error(std::string message) { return Error("ValidationError", 400, std::move(message)); }

Result<Series> series_of(const std::string& space, const std::string& name,
                         const std::optional<std::vector<wire::cloudwatch::Dimension>>& dimensions) {
  Series series(space, name, {});
  if (!dimensions) return series;
  for (const wire::cloudwatch::Dimension& dimension : *dimensions) {
    if (!series.dimensions.emplace(dimension.name, dimension.value).second) {
      return invalid_value("The value " + dimension.name + " for parameter Dimensions is invalid: it is given twice.");
    }
  }
  return series;
}

std::vector<wire::cloudwatch::Dimension> dimensions_of(const Series& series) {
  std::vector<wire::cloudwatch::Dimension> dimensions;
  for (const auto& [name, value] : series.dimensions) {
    wire::cloudwatch::Dimension& dimension = dimensions.emplace_back();
    dimension.name = name;
    dimension.value = value;
  }
  return dimensions;
}

std::int64_t seconds_of(Timestamp time) {
  return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
}
Timestamp time_of(std::int64_t seconds) { return Timestamp(std::chrono::seconds(seconds)); }

std::string page_token(const std::string& position) { return base64_encode(position); }

Result<std::string> page_position(const std::optional<std::string>& token) {
  if (!token) return std::string();
  std::optional<std::string> position = base64_decode(*token);
  if (!position || position->empty()) return Error(errors::kInvalidNextToken, "The next token specified is invalid.");
  return std::move(*position);
}

}  // namespace cumulet::cloudwatch
