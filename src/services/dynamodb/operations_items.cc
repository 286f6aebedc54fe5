#include "services/dynamodb/operations_items.h"

#include <set>
#include <utility>

#include "services/dynamodb/errors.h"
#include "services/dynamodb/item_collection.h"
#include "services/dynamodb/permit.h"

namespace cumulet::dynamodb {
namespace {

std::optional<Item> unless_empty(Item item) {
  if (item.empty()) return std::nullopt;
  return item;
}

}  // namespace

Result<void> check_attributes_to_get(const std::optional<std::vector<std::string>>& attributes) {
  if (!attributes) return {};
  std::set<std::string_view> seen;
  for (const std::string& name : *attributes) {
    if (!seen.insert(name).second) return invalid_parameter("Duplicate value in attribute name: " + name);
  }
  return {};
}

Result<ProjectionRequest> projection_of(const std::optional<std::string>& expression,
                                        const std::optional<std::map<std::string, std::string>>& names,
                                        const std::optional<std::vector<std::string>>& attributes_to_get) {
  Result<void> checked =
      check_parameter_mix({{"ProjectionExpression", expression.has_value()}},
                          {{"AttributesToGet", attributes_to_get.has_value()}}, names.has_value(), false);
  if (!checked) return std::move(checked).error();
  ProjectionRequest request;
  if (attributes_to_get) {
    checked = check_attributes_to_get(attributes_to_get);
    if (!checked) return std::move(checked).error();
    request.projection = Projection::of_names(*attributes_to_get);
    return request;
  }
  if (!expression) return request;
  std::optional<Item> no_values;
  Result<Placeholders> placeholders = Placeholders::make(names, no_values);
  if (!placeholders) return std::move(placeholders).error();
  Result<std::optional<BoundExpression>> bound = placeholders->bind(ExpressionKind::kProjection, expression);
  if (!bound) return std::move(bound).error();
  checked = placeholders->check_all_used();
  if (!checked) return std::move(checked).error();
  request.expression = std::move(*bound);
  request.projection = Projection::of_expression(*request.expression);
  return request;
}

Task<shapes::GetItemOutput> ItemOperations::get_item(wire::Call& call, shapes::GetItemInput& input) {
  std::string name = co_await table_name_of(call, input.table_name);
  const ProjectionRequest wanted =
      co_await projection_of(input.projection_expression, input.expression_attribute_names, input.attributes_to_get);
  co_await normalise(input.key);

  const std::unique_ptr<storage::Transaction> transaction = store_.database().begin();
  const TablePtr table = co_await store_.find_table(*transaction, call.account(), call.region, name);
  if (!table) co_return table_not_found();
  co_await permit(call, *table);
  co_await check_key(table->keys, input.key);
  if (wanted.expression) co_await check_key_paths(*table, *wanted.expression);
  co_await store_.throttle().admit(*table, nullptr, Capacity::Kind::kRead, call.time);
  std::optional<StoredItem> found = co_await Store::get_item(*transaction, Store::item_key(*table, input.key));
  co_await transaction->commit();

  shapes::GetItemOutput output;
  Capacity capacity;
  capacity.add_table(read_units(found ? found->size : 0, input.consistent_read.value_or(false)));
  store_.charge(*table, capacity, Capacity::Kind::kRead, call.time);
  output.consumed_capacity = capacity.report(input.return_consumed_capacity, name, Capacity::Kind::kRead);
  if (found) output.item = wanted.projection ? wanted.projection->apply(found->item) : std::move(found->item);
  co_return output;
}

Task<WriteOutcome> ItemOperations::attempt_write(storage::Transaction& transaction, wire::Call& call,
                                                 const std::string& name, const WritePlan& plan, bool wants_before) {
  WriteOutcome outcome;
  outcome.table = co_await store_.find_table(transaction, call.account(), call.region, name);
  if (!outcome.table) co_return table_not_found();
  const Table& table = *outcome.table;
  co_await permit(call, table, plan.permission());
  co_await plan.check_against(table);
  const std::string key = Store::item_key(table, plan.subject());

  if (!wants_before && !plan.needs_before() && Store::may_write_blindly(table)) {
    outcome.after = co_await plan.apply(table, nullptr);
    Store::write_blindly(transaction, key, *outcome.after, outcome.capacity);
    co_await store_.throttle().admit(table, outcome.capacity, Capacity::Kind::kWrite, call.time);
    co_return outcome;
  }
  outcome.before = co_await Store::get_item(transaction, key);
  const StoredItem* before = outcome.before ? &*outcome.before : nullptr;
  if (!plan.condition().holds(before ? &before->item : nullptr)) {
    outcome.failure = plan.refusal(before ? &before->item : nullptr);
    outcome.capacity.add_table(write_units(before ? before->size : 0));
    co_await store_.throttle().admit(table, outcome.capacity, Capacity::Kind::kWrite, call.time);
    co_return outcome;
  }
  outcome.after = co_await plan.apply(table, before);
  const StoredItem* after = outcome.after ? &*outcome.after : nullptr;
  if (has_collections(table)) outcome.collection_bytes = co_await adjust_collection(transaction, table, before, after);
  store_.write(transaction, table, key, before, after, outcome.capacity);
  co_await store_.throttle().admit(table, outcome.capacity, Capacity::Kind::kWrite, call.time);
  co_return outcome;
}

// A condition that does not hold still commits, without writes: the reply must not show what is not durable yet.
Task<WriteOutcome> ItemOperations::execute(wire::Call& call, const std::string& table_name, const WritePlan& plan,
                                           bool wants_before) {
  WriteOutcome outcome = co_await decide(call, table_name, plan, wants_before);
  if (outcome.failure) co_return std::move(*outcome.failure);
  co_return outcome;
}

Task<WriteOutcome> ItemOperations::decide(wire::Call& call, const std::string& table_name, const WritePlan& plan,
                                          bool wants_before) {
  const std::string name = co_await table_name_of(call, table_name);
  const auto body = [&](storage::Transaction& transaction) {
    return attempt_write(transaction, call, name, plan, wants_before);
  };
  WriteOutcome outcome = co_await storage::transact(store_.database(), body);
  store_.charge(*outcome.table, outcome.capacity, Capacity::Kind::kWrite, call.time);
  co_return outcome;
}

Task<shapes::PutItemOutput> ItemOperations::put_item(wire::Call& call, shapes::PutItemInput& input) {
  const WritePlan plan = co_await WritePlan::put(input);
  const bool old = input.return_values == "ALL_OLD";
  WriteOutcome done =
      co_await execute(call, input.table_name, plan, old || wants_capacity(input.return_consumed_capacity));
  shapes::PutItemOutput output;
  if (old && done.before) output.attributes = std::move(done.before->item);
  output.consumed_capacity =
      done.capacity.report(input.return_consumed_capacity, done.table->name, Capacity::Kind::kWrite);
  output.item_collection_metrics =
      collection_metrics(input.return_item_collection_metrics, *done.table, plan.subject(), done.collection_bytes);
  co_return output;
}

Task<shapes::DeleteItemOutput> ItemOperations::delete_item(wire::Call& call, shapes::DeleteItemInput& input) {
  const WritePlan plan = co_await WritePlan::remove(input);
  WriteOutcome done = co_await execute(call, input.table_name, plan, true);
  shapes::DeleteItemOutput output;
  if (input.return_values == "ALL_OLD" && done.before) output.attributes = std::move(done.before->item);
  output.consumed_capacity =
      done.capacity.report(input.return_consumed_capacity, done.table->name, Capacity::Kind::kWrite);
  output.item_collection_metrics =
      collection_metrics(input.return_item_collection_metrics, *done.table, plan.subject(), done.collection_bytes);
  co_return output;
}

Task<shapes::UpdateItemOutput> ItemOperations::update_item(wire::Call& call, shapes::UpdateItemInput& input) {
  const WritePlan plan = co_await WritePlan::update(input);
  WriteOutcome done = co_await execute(call, input.table_name, plan, true);
  shapes::UpdateItemOutput output;
  const std::string returned = input.return_values.value_or("NONE");
  if (returned == "ALL_OLD") {
    if (done.before) output.attributes = std::move(done.before->item);
  } else if (returned == "ALL_NEW") {
    output.attributes = std::move(done.after->item);
  } else if (returned == "UPDATED_OLD") {
    if (done.before) output.attributes = unless_empty(plan.touched(done.before->item));
  } else if (returned == "UPDATED_NEW") {
    output.attributes = unless_empty(plan.touched(done.after->item));
  }
  output.consumed_capacity =
      done.capacity.report(input.return_consumed_capacity, done.table->name, Capacity::Kind::kWrite);
  output.item_collection_metrics =
      collection_metrics(input.return_item_collection_metrics, *done.table, plan.subject(), done.collection_bytes);
  co_return output;
}

}  // namespace cumulet::dynamodb
