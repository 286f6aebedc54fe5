#include "services/dynamodb/operations_partiql.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "base/digest.h"
#include "services/dynamodb/errors.h"
#include "services/dynamodb/keys.h"
#include "services/dynamodb/operations_query.h"
#include "services/dynamodb/permit.h"
#include "storage/key.h"

namespace cumulet::dynamodb {
namespace {

using partiql::Returning;
using partiql::Statement;
using partiql::Verb;

constexpr std::size_t kPageBytes = 1u << 20;

Error no_whole_key() { return invalid("Where clause does not contain a mandatory equality on all key attributes"); }

Error no_key_in_select(const std::string& operation) {
  return invalid("Select statements within " + operation + " must specify the primary key in the where clause.");
}

/// attribute_not_exists(hash key).
BoundExpression absence_of(const KeySchema& schema) {
  auto expression = std::make_shared<Expression>();
  PathStep step;
  step.name = schema.hash.name;
  expression->paths.push_back(PathSteps{step});
  expression->nodes.emplace_back();
  Node absent;
  absent.kind = NodeKind::kFunction;
  absent.function = Function::kAttributeNotExists;
  absent.children = {0};
  expression->nodes.push_back(std::move(absent));
  expression->root = 1;
  return BoundExpression::with_values(std::move(expression), {});
}

/// What RETURNING asks for of a write that was done.
std::optional<Item> returned(const Statement& statement, const WritePlan& plan, WriteOutcome& done) {
  const bool old = statement.returning == Returning::kAllOld || statement.returning == Returning::kModifiedOld;
  std::optional<StoredItem>& side = old ? done.before : done.after;
  if (statement.returning == Returning::kNothing || !side) return std::nullopt;
  if (statement.returning == Returning::kAllOld || statement.returning == Returning::kAllNew) {
    return std::move(side->item);
  }
  return plan.touched(side->item);
}

/// An error as the batch tells it for one statement.
shapes::BatchStatementError batch_error(const Error& error) {
  constexpr std::array<std::pair<std::string_view, const char*>, 7> kCodes = {{
      {"ConditionalCheckFailedException", "ConditionalCheckFailed"},
      {"ItemCollectionSizeLimitExceededException", "ItemCollectionSizeLimitExceeded"},
      {"ProvisionedThroughputExceededException", "ProvisionedThroughputExceeded"},
      {"ThrottlingException", "ThrottlingError"},
      {"ResourceNotFoundException", "ResourceNotFound"},
      {"DuplicateItemException", "DuplicateItem"},
      {"ValidationException", "ValidationError"},
  }};
  shapes::BatchStatementError told;
  const auto known =
      std::find_if(kCodes.begin(), kCodes.end(), [&](const auto& code) { return code.first == error.code(); });
  told.code = known == kCodes.end() ? "InternalServerError" : known->second;
  told.message = error.message();
  return told;
}

}  // namespace

Task<PartiqlOperations::PreparedPtr> PartiqlOperations::prepare(wire::Call& call, std::string text,
                                                                Parameters parameters) {
  auto prepared = std::make_unique<Prepared>();
  prepared->statement = co_await partiql::parse(text, parameters);
  prepared->fingerprint = partiql::fingerprint_of(text, parameters);
  prepared->name = co_await table_name_of(call, prepared->statement.table);
  const std::unique_ptr<storage::Transaction> transaction = store_.database().begin();
  prepared->table = co_await store_.find_table(*transaction, call.account(), call.region, prepared->name);
  if (!prepared->table) co_return table_not_found();
  co_await transaction->commit();
  prepared->where = co_await partiql::bind_where(prepared->statement);
  co_return prepared;
}

Result<WritePlan> PartiqlOperations::plan_of(Prepared& prepared, const std::optional<std::string>& return_on_failure) {
  Statement& statement = prepared.statement;
  const KeySchema& schema = prepared.table->keys;
  if (statement.verb == Verb::kInsert) {
    prepared.subject = statement.item;
    return WritePlan::bound(WritePlan::Kind::kPut, prepared.subject, absence_of(schema), std::nullopt, true);
  }
  std::optional<partiql::WholeKey> key = partiql::whole_key(prepared.where, schema);
  if (!key) return no_whole_key();
  prepared.subject = std::move(key->key);
  const bool removes = statement.verb == Verb::kDelete;
  const WritePlan::Kind kind = removes                           ? WritePlan::Kind::kDelete
                               : statement.verb == Verb::kUpdate ? WritePlan::Kind::kUpdate
                                                                 : WritePlan::Kind::kCheck;
  Result<std::optional<BoundExpression>> update = partiql::bind_update(statement);
  if (!update) return std::move(update).error();
  // To delete what is not there is no fault, unless something else was asked of it.
  std::optional<BoundExpression> condition;
  if (!removes || !key->only) condition = prepared.where;
  Result<WritePlan> plan = WritePlan::bound(kind, prepared.subject, std::move(condition), std::move(*update));
  if (plan) plan->set_return_on_failure(return_on_failure);
  return plan;
}

Task<PartiqlOperations::Selected> PartiqlOperations::select(wire::Call& call, const Prepared& prepared, Bounds bounds) {
  const Statement& statement = prepared.statement;
  const Condition filter(prepared.where);
  const std::optional<Projection> everything;
  const std::unique_ptr<storage::Transaction> transaction = store_.database().begin();
  ReadPlan plan;
  plan.table = co_await store_.find_table(*transaction, call.account(), call.region, prepared.name);
  if (!plan.table) co_return table_not_found();
  plan.consistent = bounds.consistent;
  plan.index = co_await index_for(*plan.table, statement.index, plan.consistent);
  co_await permit(call, *plan.table, "PartiQLSelect", plan.index);
  plan.filter = &filter;
  plan.projection = &everything;
  if (prepared.where) co_await check_key_paths(*plan.table, *prepared.where);
  std::vector<std::string> named;
  for (const PathSteps& path : statement.shown) named.push_back(path.front().name);
  co_await choose_attributes(plan, std::nullopt, named, true);
  co_await store_.throttle().admit(*plan.table, plan.index, Capacity::Kind::kRead, call.time);

  const std::string rows = keys::rows_of(plan.table->rows, plan.index ? plan.index->number : keys::kItems);
  const KeySchema& schema = plan.index ? plan.index->keys : plan.table->keys;
  const partiql::SelectPlan ranges = co_await partiql::plan_select(statement, prepared.where, schema, rows);
  plan.reverse = ranges.reverse;
  partiql::Place place;
  if (bounds.token) {
    place = co_await partiql::place_of(*bounds.token, prepared.fingerprint);
    if (place.range >= ranges.ranges.size()) co_return invalid("Invalid NextToken");
  }
  Selected selected;
  std::size_t scanned = 0;
  std::size_t bytes = 0;
  for (; place.range < ranges.ranges.size(); ++place.range, place.row.clear()) {
    const bool full = bytes >= kPageBytes || (bounds.limit && scanned >= *bounds.limit);
    if (full) {
      selected.next_token = partiql::token_of(place, prepared.fingerprint);
      break;
    }
    plan.range = ranges.ranges[place.range];
    if (!place.row.empty()) {
      if (place.row < plan.range.begin || (!plan.range.end.empty() && place.row >= plan.range.end)) {
        co_return invalid("Invalid NextToken");
      }
      if (plan.reverse) {
        plan.range.end = place.row;
      } else {
        plan.range.begin = place.row + '\0';
      }
    }
    if (bounds.limit) plan.limit = *bounds.limit - scanned;
    Page page = co_await QueryOperations::read(*transaction, plan);
    scanned += page.scanned;
    bytes += page.bytes;
    selected.capacity.add(page.capacity);
    for (Item& item : page.items) selected.items.push_back(partiql::shown_of(statement, std::move(item)));
    if (!page.last_key) continue;
    place.row = plan.index ? Store::entry_key(*plan.table, *plan.index, *page.last_key)
                           : Store::item_key(*plan.table, *page.last_key);
    selected.next_token = partiql::token_of(place, prepared.fingerprint);
    selected.last_key = std::move(page.last_key);
    break;
  }
  co_await transaction->commit();
  store_.charge(*plan.table, selected.capacity, Capacity::Kind::kRead, call.time);
  co_return selected;
}

Task<shapes::ExecuteStatementOutput> PartiqlOperations::execute_statement(wire::Call& call,
                                                                          shapes::ExecuteStatementInput& input) {
  const PreparedPtr prepared = co_await prepare(call, input.statement, input.parameters);
  shapes::ExecuteStatementOutput output;
  output.items.emplace();
  if (prepared->statement.verb == Verb::kExists) {
    co_return invalid("EXISTS() is only supported in ExecuteTransaction");
  }
  if (prepared->statement.reads()) {
    Bounds bounds;
    bounds.consistent = input.consistent_read.value_or(false);
    if (input.limit) bounds.limit = static_cast<std::size_t>(*input.limit);
    bounds.token = input.next_token;
    Selected selected = co_await select(call, *prepared, std::move(bounds));
    output.items = std::move(selected.items);
    output.next_token = std::move(selected.next_token);
    output.last_evaluated_key = std::move(selected.last_key);
    output.consumed_capacity =
        selected.capacity.report(input.return_consumed_capacity, prepared->name, Capacity::Kind::kRead);
    co_return output;
  }
  if (input.next_token) co_return invalid("Invalid NextToken");
  const WritePlan plan = co_await plan_of(*prepared, input.return_values_on_condition_check_failure);
  WriteOutcome done = co_await items_.execute(call, prepared->name, plan, true);
  if (std::optional<Item> item = returned(prepared->statement, plan, done)) output.items->push_back(std::move(*item));
  output.consumed_capacity =
      done.capacity.report(input.return_consumed_capacity, prepared->name, Capacity::Kind::kWrite);
  co_return output;
}

Task<shapes::BatchStatementResponse> PartiqlOperations::read_one(wire::Call& call, const Prepared& prepared,
                                                                 bool consistent, Capacity& capacity) {
  if (prepared.statement.index || !partiql::whole_key(prepared.where, prepared.table->keys)) {
    co_return no_key_in_select("BatchExecuteStatement");
  }
  Bounds bounds;
  bounds.consistent = consistent;
  Selected selected = co_await select(call, prepared, std::move(bounds));
  capacity.add(selected.capacity);
  shapes::BatchStatementResponse response;
  if (!selected.items.empty()) response.item = std::move(selected.items.front());
  co_return response;
}

Task<shapes::BatchStatementResponse> PartiqlOperations::write_one(wire::Call& call, Prepared& prepared,
                                                                  std::optional<std::string> wanted,
                                                                  Capacity& capacity) {
  const WritePlan plan = co_await plan_of(prepared, wanted);
  WriteOutcome done = co_await items_.decide(call, prepared.name, plan, true);
  capacity.add(done.capacity);
  shapes::BatchStatementResponse response;
  if (done.failure) {
    response.error = batch_error(*done.failure);
    if (wanted == "ALL_OLD" && done.before && !plan.is_insert()) response.error->item = std::move(done.before->item);
    co_return response;
  }
  response.item = returned(prepared.statement, plan, done);
  co_return response;
}

Task<shapes::BatchStatementResponse> PartiqlOperations::one_of_batch(wire::Call& call,
                                                                     shapes::BatchStatementRequest& request,
                                                                     Capacity& capacity, bool& is_read) {
  const PreparedPtr prepared = co_await prepare(call, request.statement, request.parameters);
  if (prepared->statement.verb == Verb::kExists) {
    co_return invalid("EXISTS() is only supported in ExecuteTransaction");
  }
  is_read = prepared->statement.reads();
  shapes::BatchStatementResponse response;
  if (is_read) {
    response = co_await read_one(call, *prepared, request.consistent_read.value_or(false), capacity);
  } else {
    response = co_await write_one(call, *prepared, request.return_values_on_condition_check_failure, capacity);
  }
  response.table_name = prepared->name;
  co_return response;
}

Task<shapes::BatchExecuteStatementOutput> PartiqlOperations::batch_execute_statement(
    wire::Call& call, shapes::BatchExecuteStatementInput& input) {
  std::size_t reads = 0;
  std::size_t writes = 0;
  for (const shapes::BatchStatementRequest& request : input.statements) {
    const Result<Statement> statement = partiql::parse(request.statement, request.parameters);
    if (statement) ++((*statement).reads() ? reads : writes);
  }
  if (reads > 0 && writes > 0) {
    co_return invalid("The batch must consist of either all read statements or all write statements");
  }
  shapes::BatchExecuteStatementOutput output;
  output.responses.emplace();
  std::map<std::string, std::pair<Capacity, bool>> capacities;
  for (shapes::BatchStatementRequest& request : input.statements) {
    Capacity capacity;
    bool is_read = false;
    Result<shapes::BatchStatementResponse> response = co_await attempt(one_of_batch(call, request, capacity, is_read));
    if (!response.ok()) {
      output.responses->emplace_back().error = batch_error(response.error());
      continue;
    }
    auto& [total, read] = capacities[response->table_name.value_or("")];
    total.add(capacity);
    read = is_read;
    output.responses->push_back(std::move(*response));
  }
  std::vector<shapes::ConsumedCapacity> consumed;
  for (const auto& [table, entry] : capacities) {
    const Capacity::Kind kind = entry.second ? Capacity::Kind::kRead : Capacity::Kind::kWrite;
    if (auto report = entry.first.report(input.return_consumed_capacity, table, kind)) {
      consumed.push_back(std::move(*report));
    }
  }
  if (!consumed.empty()) output.consumed_capacity = std::move(consumed);
  co_return output;
}

// All from one view of the store, as TransactGetItems.
Task<shapes::ExecuteTransactionOutput> PartiqlOperations::read_all(wire::Call& call,
                                                                   const std::vector<PreparedPtr>& statements,
                                                                   std::optional<std::string> wanted_capacity) {
  shapes::ExecuteTransactionOutput output;
  output.responses.emplace();
  TransactionOperations::Done done;
  done.repeated = true;  // Reads.
  const std::unique_ptr<storage::Transaction> transaction = store_.database().begin();
  for (const PreparedPtr& prepared : statements) {
    const TablePtr table = co_await store_.find_table(*transaction, call.account(), call.region, prepared->name);
    if (!table) co_return table_not_found();
    co_await permit(call, *table, "PartiQLSelect");
    const std::optional<partiql::WholeKey> key = partiql::whole_key(prepared->where, table->keys);
    if (!key || prepared->statement.index) co_return no_key_in_select("ExecuteTransaction");
    co_await check_key(table->keys, key->key);
    co_await check_key_paths(*table, *prepared->where);
    co_await store_.throttle().admit(*table, nullptr, Capacity::Kind::kRead, call.time);
    std::optional<StoredItem> found = co_await Store::get_item(*transaction, Store::item_key(*table, key->key));
    done.tables[prepared->name] = table;
    done.capacities[prepared->name].add_table(read_units(found ? found->size : 0, true, true));
    shapes::ItemResponse& response = output.responses->emplace_back();
    if (!found || !Condition(prepared->where).holds(&found->item)) continue;
    response.item = partiql::shown_of(prepared->statement, std::move(found->item));
  }
  co_await transaction->commit();
  for (const auto& [name, table] : done.tables) {
    store_.charge(*table, done.capacities[name], Capacity::Kind::kRead, call.time);
  }
  output.consumed_capacity = TransactionOperations::consumed(done, wanted_capacity);
  co_return output;
}

Task<shapes::ExecuteTransactionOutput> PartiqlOperations::execute_transaction(wire::Call& call,
                                                                              shapes::ExecuteTransactionInput& input) {
  std::vector<PreparedPtr> statements;
  std::size_t reads = 0;
  for (shapes::ParameterizedStatement& statement : input.transact_statements) {
    statements.push_back(co_await prepare(call, statement.statement, statement.parameters));
    if (statements.back()->statement.reads()) ++reads;
  }
  if (reads == statements.size()) co_return co_await read_all(call, statements, input.return_consumed_capacity);
  if (reads > 0) {
    co_return invalid("A transaction must consist of either all read statements or all write statements");
  }
  std::vector<TransactionOperations::Action> actions;
  TransactionOperations::Terms terms;
  terms.token = input.client_request_token;
  for (std::size_t i = 0; i < statements.size(); ++i) {
    const auto& wanted = input.transact_statements[i].return_values_on_condition_check_failure;
    Result<WritePlan> plan = plan_of(*statements[i], wanted);
    actions.emplace_back(co_await std::move(plan), statements[i]->name);
    terms.fingerprint += statements[i]->fingerprint;
  }
  terms.fingerprint = sha256(terms.fingerprint);
  const TransactionOperations::Done done = co_await transactions_.execute(call, actions, terms);
  shapes::ExecuteTransactionOutput output;
  output.responses.emplace(statements.size());
  output.consumed_capacity = TransactionOperations::consumed(done, input.return_consumed_capacity);
  co_return output;
}

}  // namespace cumulet::dynamodb
