#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <simdjson.h>

#include "base/result.h"

namespace cumulet::sns {

/// One element of a key's array in a filter policy: a value, or an operator over values.
struct FilterCondition {
  enum class Kind {
    kString,
    kNumber,
    kTrue,
    kFalse,
    kNull,
    kPrefix,
    kSuffix,
    kIgnoreCase,
    kWildcard,
    kNumeric,
    kCidr,
    kExists,
    kAnythingBut,  ///< None of `others` holds.
  };

  /// Null: the key is not there. Of an array one element must hold.
  bool matches(const simdjson::dom::element* value) const;

  Kind kind = Kind::kNull;
  std::string text;   ///< Of all that compare text; the network of kCidr, 4 or 16 bytes.
  double number = 0;  ///< Of kNumber.
  bool exists = false;
  int prefix_bits = 0;  ///< Of kCidr.
  struct Bound {
    std::string relation;  ///< = < <= > >=
    double value = 0;
  };
  std::vector<Bound> bounds;
  std::vector<FilterCondition> others;

 private:
  bool matches_one(const simdjson::dom::element& value) const;
  bool matches_text(std::string_view value) const;
  bool in_network(std::string_view address) const;
};

Error bad_filter_policy(const std::string& why);
bool is_filter_operator(std::string_view name);
Result<FilterCondition> parse_filter_condition(const simdjson::dom::element& from);

}  // namespace cumulet::sns
