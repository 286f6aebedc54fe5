#include "services/lambda/function_name.h"

#include "base/text.h"
#include "services/lambda/lambda.h"

namespace cumulet::lambda {
namespace {

namespace errors = wire::lambda::errors;

bool is_name(std::string_view text) {
  if (text.empty() || text.size() > 64) return false;
  for (const char c : text) {
    const bool good =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    if (!good) return false;
  }
  return true;
}

bool is_qualifier(std::string_view text) { return text == "$LATEST" || (is_name(text) || text.size() <= 128); }

Error invalid_name(const std::string& text) {
  return user_error(errors::kInvalidParameterValueException, "Invalid function name: " + text);
}

}  // namespace

std::string FunctionName::arn() const { return "arn:aws:lambda:" + region + ":" + account + ":function:" + name; }

std::string FunctionName::qualified_arn() const { return qualifier ? arn() + ":" + *qualifier : arn(); }

std::optional<FunctionName> parse_function_arn(const std::string& arn) {
  const std::vector<std::string_view> parts = split(arn, ':');
  if (parts.size() < 7 || parts.size() > 8) return std::nullopt;
  if (parts[0] != "arn" || parts[2] != "lambda" || parts[5] != "function" || !is_name(parts[6])) return std::nullopt;
  FunctionName name{std::string(parts[4]), std::string(parts[3]), std::string(parts[6])};
  if (parts.size() == 8) {
    if (parts[7].empty() || !is_qualifier(parts[7])) return std::nullopt;
    name.qualifier = std::string(parts[7]);
  }
  return name;
}

Result<FunctionName> parse_function_name(const std::string& text, const std::string& account, const std::string& region,
                                         const std::optional<std::string>& qualifier) {
  FunctionName name(account, region, text);
  const std::vector<std::string_view> parts = split(text, ':');
  if (text.starts_with("arn:")) {
    const std::optional<FunctionName> parsed = parse_function_arn(text);
    if (!parsed) return invalid_name(text);
    name = *parsed;
  } else if (parts.size() >= 3 && parts[1] == "function") {
    if (parts.size() > 4) return invalid_name(text);
    name.account = std::string(parts[0]);
    name.name = std::string(parts[2]);
    if (parts.size() == 4) name.qualifier = std::string(parts[3]);
  } else if (parts.size() == 2) {
    name.name = std::string(parts[0]);
    name.qualifier = std::string(parts[1]);
  } else if (parts.size() != 1) {
    return invalid_name(text);
  }
  if (!is_name(name.name) || (name.qualifier && !is_qualifier(*name.qualifier))) return invalid_name(text);
  if (name.region != region) {
    return user_error(errors::kResourceNotFoundException,
                      "Functions from '" + name.region + "' are not reachable in this region ('" + region + "')");
  }
  if (name.account != account) {
    return Error(cumulet::errors::kAccessDenied, "User is not authorized to access the function " + name.arn() +
                                                     " because no resource-based policy allows the action");
  }
  if (qualifier && !qualifier->empty()) {
    if (name.qualifier && *name.qualifier != *qualifier) {
      return user_error(errors::kInvalidParameterValueException,
                        "The derived qualifier from the function name does not match the specified qualifier.");
    }
    name.qualifier = qualifier;
  }
  return name;
}

}  // namespace cumulet::lambda
