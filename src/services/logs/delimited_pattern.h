#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cumulet::logs {

/// '*' stands for any run of characters.
bool glob(std::string_view pattern, std::string_view text);

/// A pattern for lines whose fields stand between spaces: `[ip, user, ..., status = 4* || status = 5*, size > 100]`.
/// A field of the line may stand in quotation marks or brackets. "..." is any number of fields.
class DelimitedPattern {
 public:
  /// Nullopt, and why, when the pattern is not well formed.
  static std::optional<DelimitedPattern> parse(std::string_view text, std::string& problem);

  bool matches(std::string_view message) const;
  /// The field that a name stands for in a line that matches; fields without a name are $1, $2, …
  std::optional<std::string> value(std::string_view message, std::string_view name) const;
  /// All of them by name ("$status"), for TestMetricFilter.
  std::vector<std::pair<std::string, std::string>> values(std::string_view message) const;

 private:
  struct Condition {
    std::string op;
    std::string text;
    std::optional<double> number;
    bool holds(std::string_view value) const;
  };
  struct Field {
    std::string name;
    bool ellipsis = false;
    /// Any of the groups holds when all of its conditions do.
    std::vector<std::vector<Condition>> any_of;
    bool holds(std::string_view value) const;
  };

  static bool parse_field(std::string_view text, Field& field, std::string& problem);
  static bool parse_condition(std::string_view text, Field& field, Condition& condition, std::string& problem);
  /// Which word of the line each field is; nullopt when the counts do not fit.
  std::optional<std::vector<std::string_view>> assign(std::string_view message) const;

  std::vector<Field> fields_;
};

}  // namespace cumulet::logs
