#pragma once

#include <optional>
#include <string>

#include "base/result.h"

namespace cumulet::lambda {

/// Which function is meant, and which version or alias of it.
struct FunctionName {
  FunctionName() = default;
  FunctionName(std::string a, std::string r, std::string n, std::optional<std::string> q = std::nullopt)
      : account(std::move(a)), region(std::move(r)), name(std::move(n)), qualifier(std::move(q)) {}

  std::string account;
  std::string region;
  std::string name;
  std::optional<std::string> qualifier;  ///< "$LATEST", a number, or an alias.

  std::string arn() const;            ///< Without the qualifier.
  std::string qualified_arn() const;  ///< With it, if there is one.
};

/// Reads `name`, `name:qualifier`, `account:function:name`, or an ARN (with or without a qualifier), as given in a call
/// of `account` and `region`. A `qualifier` given beside it must not contradict. Functions of other regions and
/// accounts are out of reach.
Result<FunctionName> parse_function_name(const std::string& text, const std::string& account, const std::string& region,
                                         const std::optional<std::string>& qualifier);
/// The full ARN that events and other services use; nullopt when it is none of a function.
std::optional<FunctionName> parse_function_arn(const std::string& arn);

}  // namespace cumulet::lambda
