#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "services/dynamodb/condition.h"
#include "services/dynamodb/item_codec.h"
#include "services/dynamodb/partiql_select.h"
#include "services/dynamodb/partiql_statement.h"
#include "services/dynamodb/update.h"

// A PartiQL statement with a few parameters. Whatever parses is bound, planned and applied to an item; what comes out
// of an update must be fit to be stored, and every range of a plan must lie within the rows that it is for.

namespace {

using namespace cumulet::dynamodb;

Item sample() {
  return {{"pk", AttributeValue::string("a")},
          {"sk", AttributeValue::number("5")},
          {"s", AttributeValue::string_set({"a", "b"})},
          {"l", AttributeValue::list({AttributeValue::number("1"), AttributeValue::string("x")})},
          {"m", AttributeValue::map({{"a", AttributeValue::string("y")}})}};
}

void check_plan(const partiql::Statement& statement, const std::optional<BoundExpression>& where) {
  KeySchema schema;
  schema.hash = KeyAttribute{"pk", Type::kString};
  schema.range = KeyAttribute{"sk", Type::kNumber};
  partiql::whole_key(where, schema);
  const std::string rows = "rows";
  const auto plan = partiql::plan_select(statement, where, schema, rows);
  if (!plan) return;
  for (const cumulet::storage::KeyRange& range : plan->ranges) {
    if (!range.begin.starts_with(rows)) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const std::optional<std::vector<AttributeValue>> parameters =
      size % 2 == 0 ? std::nullopt
                    : std::optional<std::vector<AttributeValue>>(
                          {AttributeValue::string("a"), AttributeValue::list({AttributeValue::number("1")})});
  const auto statement = partiql::parse(text, parameters);
  if (!statement) return 0;
  const auto where = partiql::bind_where(*statement);
  if (where) {
    check_plan(*statement, *where);
    if (*where) holds(**where, sample());
  }
  partiql::shown_of(*statement, sample());
  const auto update = partiql::bind_update(*statement);
  if (!update || !*update) return 0;
  Item item = sample();
  if (!apply_update(**update, item)) return 0;
  const std::string bytes = encode_item(item);
  ItemReader reader(bytes);
  if (reader.all() != item || !reader.ok()) std::abort();
  return 0;
}
