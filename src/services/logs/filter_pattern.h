#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace cumulet::logs {

class DelimitedPattern;

/// A CloudWatch Logs filter pattern: unstructured terms (`ERROR -debug ?warn "two words"`) or a JSON pattern
/// (`{ $.level = "ERROR" && $.latency > 100 }` with = != < <= > >=, * in strings, IS NULL, IS TRUE, IS FALSE,
/// NOT EXISTS, && || and parentheses), or a space-delimited one (`[ip, status = 5*, ...]`). Immutable, thread-safe.
/// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
class FilterPattern {
 public:
  struct Node;

  /// Fails with InvalidParameterException.
  static Result<FilterPattern> parse(std::string_view text);

  FilterPattern();  ///< Matches everything.
  bool matches(std::string_view message) const;
  /// What a selector stands for in a message that matches: "$.latency" in JSON, "$latency" of a named field; a text
  /// without '$' stands for itself.
  std::optional<std::string> value(std::string_view message, std::string_view selector) const;
  /// The fields that the pattern speaks of, by selector.
  std::map<std::string, std::string> extracted(std::string_view message) const;

 private:
  explicit FilterPattern(std::shared_ptr<const Node> root) : root_(std::move(root)) {}
  std::shared_ptr<const Node> root_;
  std::shared_ptr<const DelimitedPattern> delimited_;  ///< Instead of the root.
};

}  // namespace cumulet::logs
