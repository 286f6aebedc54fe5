#include "services/dynamodb/operations_query.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "services/dynamodb/errors.h"
#include "services/dynamodb/item_codec.h"
#include "services/dynamodb/key_condition.h"
#include "services/dynamodb/keys.h"
#include "services/dynamodb/permit.h"
#include "storage/key.h"

namespace cumulet::dynamodb {
namespace {

constexpr std::size_t kPageBytes = 1u << 20;
constexpr std::size_t kChunkRows = 512;

/// The expressions of a Query or Scan, parsed and bound.
struct ReadExpressions {
  ReadExpressions() = default;
  std::optional<BoundExpression> key_condition;
  std::optional<BoundExpression> projection_expression;
  std::optional<Projection> projection;
  Condition filter;
};

using Names = std::optional<std::map<std::string, std::string>>;

Result<ReadExpressions> bind_expressions(const Names& names, std::optional<Item>& values,
                                         const std::optional<std::string>& key_condition,
                                         const std::optional<std::string>& filter,
                                         const std::optional<std::string>& projection) {
  ReadExpressions bound;
  Result<Placeholders> placeholders = Placeholders::make(names, values);
  if (!placeholders) return std::move(placeholders).error();
  Result<std::optional<BoundExpression>> keys = placeholders->bind(ExpressionKind::kKeyCondition, key_condition);
  if (!keys) return std::move(keys).error();
  bound.key_condition = std::move(*keys);
  Result<std::optional<BoundExpression>> condition = placeholders->bind(ExpressionKind::kFilter, filter);
  if (!condition) return std::move(condition).error();
  if (*condition) bound.filter = Condition(std::move(*condition));
  Result<std::optional<BoundExpression>> shown = placeholders->bind(ExpressionKind::kProjection, projection);
  if (!shown) return std::move(shown).error();
  bound.projection_expression = std::move(*shown);
  if (bound.projection_expression) bound.projection = Projection::of_expression(*bound.projection_expression);
  if (Result<void> used = placeholders->check_all_used(); !used) return std::move(used).error();
  return bound;
}

Result<void> check_conditional_operator(const std::optional<std::string>& conditional_operator,
                                        const std::optional<LegacyCondition::Conditions>& filter) {
  if (!conditional_operator) return {};
  if (!filter || filter->empty()) {
    return invalid_parameter("ConditionalOperator cannot be used without Filter or Expected");
  }
  if (filter->size() == 1) {
    return invalid_parameter("ConditionalOperator can only be used when Filter or Expected has two or more elements");
  }
  return {};
}

const KeySchema& schema_of(const ReadPlan& plan) { return plan.index ? plan.index->keys : plan.table->keys; }
std::uint32_t rows_number(const ReadPlan& plan) { return plan.index ? plan.index->number : keys::kItems; }

bool is_projected(const Table& table, const Index& index, const std::string& name) {
  return index.projection == ProjectionType::kAll || table.keys.has(name) || index.keys.has(name) ||
         (index.projection == ProjectionType::kInclude &&
          std::find(index.non_key_attributes.begin(), index.non_key_attributes.end(), name) !=
              index.non_key_attributes.end());
}

std::vector<std::string> named_attributes(const ReadExpressions& bound,
                                          const std::optional<std::vector<std::string>>& attributes_to_get) {
  if (attributes_to_get) return *attributes_to_get;
  std::vector<std::string> names;
  if (bound.projection_expression) {
    for (const std::string_view name : bound.projection_expression->top_level_names()) names.emplace_back(name);
  }
  return names;
}

/// The key of the row that a start key names; the start key must have exactly the attributes of the table's and the
/// index's keys.
Result<std::string> row_of(const ReadPlan& plan, const Item& start, const Error& otherwise) {
  std::map<std::string, Type> wanted;
  for (const KeySchema* schema : {&plan.table->keys, plan.index ? &plan.index->keys : nullptr}) {
    if (!schema) continue;
    wanted.emplace(schema->hash.name, schema->hash.type);
    if (schema->range) wanted.emplace(schema->range->name, schema->range->type);
  }
  if (start.size() != wanted.size()) return otherwise;
  for (const auto& [name, type] : wanted) {
    const auto found = start.find(name);
    if (found == start.end() || !found->second.is(type)) return otherwise;
    if (type != Type::kNumber && found->second.text().empty()) return otherwise;
  }
  return plan.index ? Store::entry_key(*plan.table, *plan.index, start) : Store::item_key(*plan.table, start);
}

/// Continues after the row with that key.
void start_after(ReadPlan& plan, std::string key) {
  if (plan.reverse) {
    plan.range.end = std::move(key);
  } else {
    plan.range.begin = std::move(key) + '\0';
  }
}

Result<void> normalise_start(Item& start) {
  for (auto& [name, value] : start) {
    Result<void> done = normalise(value);
    if (done) continue;
    const std::string& message = done.error().message();
    const bool plain =
        message.find("umeric value") != std::string::npos || message.find("significant digits") != std::string::npos ||
        message.find("with magnitude") != std::string::npos || message.find("contains duplicates") != std::string::npos;
    return invalid((plain ? "" : "The provided starting key is invalid: ") + message);
  }
  return {};
}

/// A filter of a Query must leave the keys alone.
Result<void> check_filter_keys(const KeySchema& schema, const Condition& filter) {
  std::vector<std::string> keys{schema.hash.name};
  if (schema.range) keys.push_back(schema.range->name);
  for (const std::string& key : keys) {
    const char* parameter = nullptr;
    if (filter.legacy() && filter.legacy()->mentions(key)) parameter = "QueryFilter";
    if (filter.expression()) {
      const std::vector<std::string_view> names = filter.expression()->top_level_names();
      if (std::find(names.begin(), names.end(), key) != names.end()) parameter = "Filter Expression";
    }
    if (parameter) {
      return invalid(std::string(parameter) +
                     " can only contain non-primary key attributes: Primary key attribute: " + key);
    }
  }
  return {};
}

Result<void> continue_query(ReadPlan& plan, const Item& start, const KeyCondition& condition) {
  const std::string rows = keys::rows_of(plan.table->rows, rows_number(plan));
  Result<std::string> row = row_of(plan, start, invalid("The provided starting key is invalid"));
  if (!row) return std::move(row).error();
  const bool inside = *row >= plan.range.begin && (plan.range.end.empty() || *row < plan.range.end);
  if (!inside) {
    const bool same_partition = row->starts_with(rows + partition_key(condition.hash));
    if (same_partition) return invalid("The provided starting key does not match the range key predicate");
    return invalid("The provided starting key is outside query boundaries based on provided conditions");
  }
  start_after(plan, std::move(*row));
  return {};
}

/// The rows of one segment: places are the four bytes after the rows' beginning.
storage::KeyRange segment_rows(const std::string& rows, std::uint64_t segment, std::uint64_t total) {
  constexpr std::uint64_t kPlaces = std::uint64_t{1} << 32;
  const auto at = [&rows](std::uint64_t place) {
    std::string key = rows;
    for (int shift = 24; shift >= 0; shift -= 8) key += static_cast<char>(place >> shift);
    return key;
  };
  const std::uint64_t first = (segment * kPlaces + total - 1) / total;
  const std::uint64_t end = ((segment + 1) * kPlaces + total - 1) / total;
  return storage::KeyRange(at(first), end >= kPlaces ? storage::after_prefix(rows) : at(end));
}

Result<void> check_segments(const shapes::ScanInput& input) {
  if (input.segment && !input.total_segments) {
    return invalid(
        "The TotalSegments parameter is required but was not present in the request when Segment parameter "
        "is present");
  }
  if (input.total_segments && !input.segment) {
    return invalid(
        "The Segment parameter is required but was not present in the request when parameter TotalSegments "
        "is present");
  }
  if (input.segment && *input.segment >= *input.total_segments) {
    return invalid("The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: " +
                   std::to_string(*input.segment) +
                   " is not less than TotalSegments: " + std::to_string(*input.total_segments));
  }
  return {};
}

Result<void> continue_scan(ReadPlan& plan, const shapes::ScanInput& input) {
  const Error wrong = invalid(plan.index ? "The provided starting key is invalid"
                                         : "The provided starting key is invalid: The provided key element does not "
                                           "match the schema");
  Result<std::string> row = row_of(plan, *input.exclusive_start_key, wrong);
  if (!row) return std::move(row).error();
  if (*row < plan.range.begin || (!plan.range.end.empty() && *row >= plan.range.end)) {
    return invalid(
        "The provided starting key is invalid: Invalid ExclusiveStartKey. Please use ExclusiveStartKey with "
        "correct Segment. TotalSegments: " +
        std::to_string(input.total_segments.value_or(1)) + " Segment: " + std::to_string(input.segment.value_or(0)));
  }
  start_after(plan, std::move(*row));
  return {};
}

Item last_key_of(const ReadPlan& plan, const Item& item) {
  Item key = key_of(plan.table->keys, item);
  if (plan.index) key.merge(key_of(plan.index->keys, item));
  return key;
}

void count_capacity(const ReadPlan& plan, Page& page, std::size_t bytes) {
  const double units = read_units(bytes, plan.consistent);
  if (!plan.index) {
    page.capacity.add_table(units);
  } else if (plan.index->global) {
    page.capacity.add_global_index(plan.index->name, units);
  } else {
    page.capacity.add_local_index(plan.index->name, units);
  }
}

Result<void> check_paths(const Table& table, const ReadExpressions& bound) {
  if (bound.projection_expression) {
    if (Result<void> checked = check_key_paths(table, *bound.projection_expression); !checked) return checked;
  }
  return bound.filter.expression() ? check_key_paths(table, *bound.filter.expression()) : Result<void>();
}

}  // namespace

Result<const Index*> index_for(const Table& table, const std::optional<std::string>& name, bool consistent) {
  if (!name) return static_cast<const Index*>(nullptr);
  const Index* index = table.find_index(*name);
  if (!index) return invalid("The table does not have the specified index: " + *name);
  if (index->global && consistent) {
    return invalid("Consistent reads are not supported on global secondary indexes");
  }
  if (index->status != IndexStatus::kActive) {
    return invalid("Cannot read from backfilling global secondary index: " + *name);
  }
  return index;
}

Result<void> choose_attributes(ReadPlan& plan, const std::optional<std::string>& select,
                               const std::vector<std::string>& named, bool by_expression) {
  const std::string wanted = select.value_or("");
  const std::string parameter = by_expression ? "ProjectionExpression" : "AttributesToGet";
  if (wanted == "ALL_PROJECTED_ATTRIBUTES" && !plan.index) {
    return invalid_parameter("ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName");
  }
  if (wanted == "SPECIFIC_ATTRIBUTES" && named.empty()) {
    return invalid_parameter(
        "Must specify the AttributesToGet or ProjectionExpression when choosing to get "
        "SPECIFIC_ATTRIBUTES");
  }
  if (!named.empty() && !wanted.empty() && wanted != "SPECIFIC_ATTRIBUTES") {
    return invalid_parameter("Cannot specify the " + parameter + " when choosing to get " +
                             (wanted == "COUNT" ? "only the Count" : wanted));
  }
  plan.count_only = wanted == "COUNT";
  if (!plan.index || plan.index->projection == ProjectionType::kAll) return {};
  if (wanted == "ALL_ATTRIBUTES") {
    if (plan.index->global) {
      return invalid_parameter("Select type ALL_ATTRIBUTES is not supported for global secondary index " +
                               plan.index->name + " because its projection type is not ALL");
    }
    plan.fetch_items = true;
    return {};
  }
  for (const std::string& name : named) {
    if (is_projected(*plan.table, *plan.index, name)) continue;
    if (plan.index->global) {
      return invalid_parameter("Global secondary index " + plan.index->name + " does not project [" + name + "]");
    }
    plan.fetch_items = true;
  }
  return {};
}

Task<Page> QueryOperations::read(storage::Transaction& transaction, const ReadPlan& plan) {
  Page page;
  storage::KeyRange range = plan.range;
  std::size_t bytes = 0;
  const std::vector<std::string_view> looked_at = plan.filter->attributes();
  while (!page.last_key) {
    storage::ScanOptions options;
    options.reverse = plan.reverse;
    options.byte_limit = kPageBytes;
    options.limit = plan.limit ? std::min(*plan.limit - page.scanned, kChunkRows) : kChunkRows;
    const std::vector<storage::KeyValue> rows = co_await transaction.scan(range, options);
    if (rows.empty()) break;
    for (const storage::KeyValue& row : rows) {
      const ItemReader reader(row.value);
      if (!reader.ok()) co_return Error(errors::kInternalFailure, "An item in the store is damaged.");
      bytes += reader.size();
      ++page.scanned;
      if (plan.fetch_items) {
        co_await take_fetched(transaction, plan, row.value, page);
      } else {
        take(plan, looked_at, row.value, page);
      }
      if (bytes >= kPageBytes || (plan.limit && page.scanned >= *plan.limit)) {
        page.last_key = last_key_of(plan, ItemReader(row.value).all());
        break;
      }
    }
    if (plan.reverse) {
      range.end = rows.back().key;
    } else {
      range.begin = rows.back().key + '\0';
    }
  }
  count_capacity(plan, page, bytes);
  page.bytes = bytes;
  co_return page;
}

// Only what the filter looks at is decoded, until it is known that the item will be shown.
void QueryOperations::take(const ReadPlan& plan, const std::vector<std::string_view>& looked_at, const std::string& row,
                           Page& page) {
  if (plan.filter->given()) {
    const Item seen = ItemReader(row).only(looked_at);
    if (!plan.filter->holds(&seen)) return;
  }
  ++page.count;
  if (plan.count_only) return;
  Item item = ItemReader(row).all();
  page.items.push_back(*plan.projection ? (*plan.projection)->apply(item) : std::move(item));
}

Task<void> QueryOperations::take_fetched(storage::Transaction& transaction, const ReadPlan& plan,
                                         const std::string& row, Page& page) {
  Item item = ItemReader(row).all();
  std::optional<StoredItem> whole = co_await Store::get_item(transaction, Store::item_key(*plan.table, item));
  if (whole) {
    page.capacity.add_table(read_units(whole->size, plan.consistent));
    item = std::move(whole->item);
  }
  if (!plan.filter->holds(&item)) co_return;
  ++page.count;
  if (plan.count_only) co_return;
  page.items.push_back(*plan.projection ? (*plan.projection)->apply(item) : std::move(item));
}

Task<shapes::QueryOutput> QueryOperations::query(wire::Call& call, shapes::QueryInput& input) {
  const std::string name = co_await table_name_of(call, input.table_name);
  const bool legacy_keys = input.key_conditions.has_value() && !input.key_condition_expression;
  Result<void> mix =
      check_parameter_mix({{"ProjectionExpression", input.projection_expression.has_value()},
                           {"FilterExpression", input.filter_expression.has_value()},
                           {"KeyConditionExpression", input.key_condition_expression.has_value()}},
                          {{"AttributesToGet", input.attributes_to_get.has_value()},
                           {"QueryFilter", input.query_filter.has_value()},
                           {"ConditionalOperator", input.conditional_operator.has_value()},
                           {"KeyConditions", input.key_conditions.has_value() && !legacy_keys}},
                          input.expression_attribute_names.has_value(), input.expression_attribute_values.has_value());
  co_await std::move(mix);
  co_await check_attributes_to_get(input.attributes_to_get);
  co_await check_conditional_operator(input.conditional_operator, input.query_filter);
  if (input.exclusive_start_key) co_await normalise_start(*input.exclusive_start_key);
  if (!input.key_conditions && !input.key_condition_expression) {
    co_return invalid("Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.");
  }
  ReadExpressions bound =
      co_await bind_expressions(input.expression_attribute_names, input.expression_attribute_values,
                                input.key_condition_expression, input.filter_expression, input.projection_expression);
  if (input.query_filter) {
    bound.filter = Condition(co_await LegacyCondition::of_conditions(*input.query_filter, input.conditional_operator));
  }
  if (input.attributes_to_get) bound.projection = Projection::of_names(*input.attributes_to_get);
  if (legacy_keys) co_await check_conditions(*input.key_conditions);

  const std::unique_ptr<storage::Transaction> transaction = store_.database().begin();
  ReadPlan plan;
  plan.table = co_await store_.find_table(*transaction, call.account(), call.region, name);
  if (!plan.table) co_return table_not_found();
  plan.consistent = input.consistent_read.value_or(false);
  plan.index = co_await index_for(*plan.table, input.index_name, plan.consistent);
  co_await permit(call, *plan.table, {}, plan.index);
  co_await check_paths(*plan.table, bound);
  co_await store_.throttle().admit(*plan.table, plan.index, Capacity::Kind::kRead, call.time);
  plan.reverse = !input.scan_index_forward.value_or(true);
  if (input.limit) plan.limit = static_cast<std::size_t>(*input.limit);
  plan.filter = &bound.filter;
  plan.projection = &bound.projection;
  co_await check_filter_keys(schema_of(plan), bound.filter);
  co_await choose_attributes(plan, input.select, named_attributes(bound, input.attributes_to_get),
                             bound.projection_expression.has_value());

  Result<KeyCondition> matched = legacy_keys ? key_condition_of(*input.key_conditions, schema_of(plan))
                                             : key_condition_of(*bound.key_condition, schema_of(plan));
  const KeyCondition condition = co_await std::move(matched);
  plan.range = rows_matching(condition, keys::rows_of(plan.table->rows, rows_number(plan)));
  if (input.exclusive_start_key) co_await continue_query(plan, *input.exclusive_start_key, condition);

  Page page = co_await read(*transaction, plan);
  co_await transaction->commit();
  store_.charge(*plan.table, page.capacity, Capacity::Kind::kRead, call.time);

  shapes::QueryOutput output;
  if (!plan.count_only) output.items = std::move(page.items);
  output.count = static_cast<std::int32_t>(page.count);
  output.scanned_count = static_cast<std::int32_t>(page.scanned);
  output.last_evaluated_key = std::move(page.last_key);
  output.consumed_capacity = page.capacity.report(input.return_consumed_capacity, name, Capacity::Kind::kRead);
  co_return output;
}

Task<shapes::ScanOutput> QueryOperations::scan(wire::Call& call, shapes::ScanInput& input) {
  const std::string name = co_await table_name_of(call, input.table_name);
  Result<void> mix =
      check_parameter_mix({{"ProjectionExpression", input.projection_expression.has_value()},
                           {"FilterExpression", input.filter_expression.has_value()}},
                          {{"AttributesToGet", input.attributes_to_get.has_value()},
                           {"ScanFilter", input.scan_filter.has_value()},
                           {"ConditionalOperator", input.conditional_operator.has_value()}},
                          input.expression_attribute_names.has_value(), input.expression_attribute_values.has_value());
  co_await std::move(mix);
  co_await check_attributes_to_get(input.attributes_to_get);
  co_await check_conditional_operator(input.conditional_operator, input.scan_filter);
  if (input.exclusive_start_key) co_await normalise_start(*input.exclusive_start_key);
  co_await check_segments(input);
  ReadExpressions bound = co_await bind_expressions(input.expression_attribute_names, input.expression_attribute_values,
                                                    std::nullopt, input.filter_expression, input.projection_expression);
  if (input.scan_filter) {
    bound.filter = Condition(co_await LegacyCondition::of_conditions(*input.scan_filter, input.conditional_operator));
  }
  if (input.attributes_to_get) bound.projection = Projection::of_names(*input.attributes_to_get);

  const std::unique_ptr<storage::Transaction> transaction = store_.database().begin();
  ReadPlan plan;
  plan.table = co_await store_.find_table(*transaction, call.account(), call.region, name);
  if (!plan.table) co_return table_not_found();
  plan.consistent = input.consistent_read.value_or(false);
  plan.index = co_await index_for(*plan.table, input.index_name, plan.consistent);
  co_await permit(call, *plan.table, {}, plan.index);
  co_await check_paths(*plan.table, bound);
  co_await store_.throttle().admit(*plan.table, plan.index, Capacity::Kind::kRead, call.time);
  if (input.limit) plan.limit = static_cast<std::size_t>(*input.limit);
  plan.filter = &bound.filter;
  plan.projection = &bound.projection;
  co_await choose_attributes(plan, input.select, named_attributes(bound, input.attributes_to_get),
                             bound.projection_expression.has_value());
  plan.range = segment_rows(keys::rows_of(plan.table->rows, rows_number(plan)),
                            static_cast<std::uint64_t>(input.segment.value_or(0)),
                            static_cast<std::uint64_t>(input.total_segments.value_or(1)));
  if (input.exclusive_start_key) co_await continue_scan(plan, input);

  Page page = co_await read(*transaction, plan);
  co_await transaction->commit();
  store_.charge(*plan.table, page.capacity, Capacity::Kind::kRead, call.time);

  shapes::ScanOutput output;
  if (!plan.count_only) output.items = std::move(page.items);
  output.count = static_cast<std::int32_t>(page.count);
  output.scanned_count = static_cast<std::int32_t>(page.scanned);
  output.last_evaluated_key = std::move(page.last_key);
  output.consumed_capacity = page.capacity.report(input.return_consumed_capacity, name, Capacity::Kind::kRead);
  co_return output;
}

}  // namespace cumulet::dynamodb
