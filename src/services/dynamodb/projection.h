#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "services/dynamodb/expression_binding.h"
#include "services/dynamodb/value.h"

namespace cumulet::dynamodb {

/// Which parts of an item a reply shows. Made once a request, applied to each item. Parts of lists close up, in order.
class Projection {
 public:
  static Projection of_paths(const std::vector<Path>& paths);
  static Projection of_expression(const BoundExpression& projection);
  /// AttributesToGet: top-level names.
  static Projection of_names(const std::vector<std::string>& names);

  Item apply(const Item& item) const;

 private:
  struct Part {
    bool whole = false;
    std::map<std::string, Part> members;
    std::map<std::uint32_t, Part> elements;
  };
  void add(const Path& path);
  static std::optional<AttributeValue> cut(const AttributeValue& value, const Part& part);

  Part root_;
};

}  // namespace cumulet::dynamodb
