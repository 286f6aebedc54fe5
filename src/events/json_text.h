#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// JSON as text: without blanks, and parts of it by path.
namespace cumulet::events {

/// The same JSON without blanks; numbers, escapes' meaning and the order of names stay. Nothing when it is not JSON.
std::optional<std::string> compact_json(std::string_view json);

/// "$.detail.items[0].name", "$['detail-type']", "$.resources[*]".
class JsonPath {
 public:
  static std::optional<JsonPath> parse(std::string_view text);
  /// JSON text of what the path names in `json`, which must be compact. With [*] an array of all that it names.
  std::optional<std::string> select(std::string_view json) const;

 private:
  struct Step {
    enum class Kind { kName, kIndex, kAll };
    Step(Kind k, std::string n, std::size_t i) : kind(k), name(std::move(n)), index(i) {}
    Kind kind;
    std::string name;
    std::size_t index;
  };
  std::optional<std::string> select(std::string_view json, std::size_t step) const;
  std::vector<Step> steps_;
};

/// The text that a JSON string stands for; nothing for any other JSON.
std::optional<std::string> json_string_value(std::string_view json);

}  // namespace cumulet::events
