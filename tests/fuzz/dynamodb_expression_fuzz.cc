#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "services/dynamodb/condition.h"
#include "services/dynamodb/expression_binding.h"
#include "services/dynamodb/item_codec.h"
#include "services/dynamodb/projection.h"
#include "services/dynamodb/update.h"

// The first byte chooses the kind of expression, the rest is its text. Whatever parses and binds is applied to an item;
// what comes out of an update must be fit to be stored.

namespace {

using namespace cumulet::dynamodb;

AttributeValue s(std::string text) { return AttributeValue::string(std::move(text)); }
AttributeValue n(std::string text) { return AttributeValue::number(std::move(text)); }

Item sample() {
  return {{"a", n("5")},
          {"b", s("text")},
          {"c", AttributeValue::list({n("1"), s("x"), AttributeValue::map({{"a", n("2")}})})},
          {"d", AttributeValue::map({{"a", s("y")}, {"b", AttributeValue::list({n("0")})}})},
          {"e", AttributeValue::string_set({"a", "b"})},
          {"f", AttributeValue::null()}};
}

void apply(const BoundExpression& bound) {
  Item item = sample();
  switch (bound.ast().kind) {
    case ExpressionKind::kUpdate:
      if (apply_update(bound, item).ok()) {
        const std::string bytes = encode_item(item);
        ItemReader reader(bytes);
        if (reader.all() != item || !reader.ok() || reader.size() != item_size(item)) std::abort();
      }
      return;
    case ExpressionKind::kProjection:
      if (item_size(Projection::of_expression(bound).apply(item)) > item_size(item)) std::abort();
      return;
    default:
      holds(bound, item);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  constexpr ExpressionKind kKinds[] = {ExpressionKind::kCondition, ExpressionKind::kUpdate, ExpressionKind::kProjection,
                                       ExpressionKind::kKeyCondition};
  const ExpressionKind kind = kKinds[data[0] % 4];
  const std::string text(reinterpret_cast<const char*>(data + 1), size - 1);
  const std::optional<Placeholders::Names> names = Placeholders::Names{{"#a", "a"}, {"#d", "d"}, {"#x", "name"}};
  std::optional<Item> values = Item{{":n", n("1")},
                                    {":s", s("a")},
                                    {":e", AttributeValue::string_set({"b", "c"})},
                                    {":l", AttributeValue::list({n("7")})},
                                    {":m", AttributeValue::map({{"k", n("8")}})}};
  cumulet::Result<Placeholders> placeholders = Placeholders::make(names, values);
  if (!placeholders) std::abort();
  cumulet::Result<std::optional<BoundExpression>> bound = placeholders->bind(kind, text);
  if (bound && *bound) apply(**bound);
  return 0;
}
