#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace cumulet::logs {

/// A CloudWatch Logs filter pattern: unstructured terms (`ERROR -debug ?warn "two words"`) or a JSON pattern
/// (`{ $.level = "ERROR" && $.latency > 100 }` with = != < <= > >=, * in strings, IS NULL, IS TRUE, IS FALSE,
/// NOT EXISTS, && || and parentheses). Immutable, thread-safe.
/// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
class FilterPattern {
 public:
  struct Node;

  /// Fails with InvalidParameterException. Space-delimited patterns ("[a, b]") are not supported and fail so.
  static Result<FilterPattern> parse(std::string_view text);

  FilterPattern();  ///< Matches everything.
  bool matches(std::string_view message) const;

 private:
  explicit FilterPattern(std::shared_ptr<const Node> root) : root_(std::move(root)) {}
  std::shared_ptr<const Node> root_;
};

}  // namespace cumulet::logs
