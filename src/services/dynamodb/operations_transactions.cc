#include "services/dynamodb/operations_transactions.h"

#include <chrono>
#include <set>
#include <utility>

#include "base/digest.h"
#include "services/dynamodb/errors.h"
#include "services/dynamodb/item_codec.h"
#include "services/dynamodb/item_collection.h"
#include "services/dynamodb/keys.h"
#include "services/dynamodb/permit.h"
#include "storage/row.h"
#include "wire/attribute_value_json.h"
#include "wire/json_writer.h"

namespace cumulet::dynamodb {
namespace {

constexpr std::size_t kMaxActions = 100;
constexpr std::size_t kMaxBytes = 4u << 20;
constexpr std::chrono::minutes kTokenLife{10};

/// Why one action stopped a transaction; an empty code: it did not.
struct Reason {
  std::string code;
  std::string message;
  std::optional<Item> item;
};

/// Codes and messages in the order of the actions, in the message and as CancellationReasons.
Error cancelled(const std::vector<Reason>& reasons) {
  std::string codes;
  wire::JsonWriter json;
  json.begin_array();
  for (const Reason& reason : reasons) {
    const std::string code = reason.code.empty() ? "None" : reason.code;
    codes.append(codes.empty() ? "" : ", ").append(code);
    json.begin_object().key("Code").string(code);
    if (!reason.message.empty()) json.key("Message").string(reason.message);
    if (reason.item) json.key("Item").raw(wire::attribute_map_json(*reason.item));
    json.end_object();
  }
  json.end_array();
  return Error(errors::kTransactionCanceled,
               "Transaction cancelled, please refer cancellation reasons for specific reasons [" + codes + "]")
      .with_json("CancellationReasons", json.take());
}

Reason reason_of(const Error& error) {
  Reason reason;
  reason.code = "ValidationError";
  if (error.is(errors::kThroughputExceeded)) reason.code = "ProvisionedThroughputExceeded";
  if (error.is(errors::kThrottling)) reason.code = "ThrottlingError";
  if (error.is(errors::kItemCollectionSizeLimitExceeded)) reason.code = "ItemCollectionSizeLimitExceeded";
  reason.message = error.message();
  return reason;
}

Reason condition_reason(const WritePlan& plan, const StoredItem* before) {
  Reason reason;
  reason.code = plan.is_insert() ? "DuplicateItem" : "ConditionalCheckFailed";
  reason.message = plan.refusal(nullptr).message();
  if (before && plan.return_on_failure() == "ALL_OLD") reason.item = before->item;
  return reason;
}

Error repeated_item() { return invalid("Transaction request cannot include multiple operations on one item"); }

using Names = std::optional<std::map<std::string, std::string>>;

void add_maps(storage::RowWriter& row, const Names& names, const std::optional<Item>& values) {
  row.text_map(names.value_or(std::map<std::string, std::string>()));
  row.text(encode_item(values.value_or(Item())));
}

/// What tells one request from another under the same token.
std::string fingerprint_of(const shapes::TransactWriteItemsInput& input) {
  storage::RowWriter row;
  for (const shapes::TransactWriteItem& item : input.transact_items) {
    if (item.put) {
      row.text("put").text(item.put->table_name).text(encode_item(item.put->item));
      row.optional_text(item.put->condition_expression);
      add_maps(row, item.put->expression_attribute_names, item.put->expression_attribute_values);
    }
    if (item.delete_) {
      row.text("delete").text(item.delete_->table_name).text(encode_item(item.delete_->key));
      row.optional_text(item.delete_->condition_expression);
      add_maps(row, item.delete_->expression_attribute_names, item.delete_->expression_attribute_values);
    }
    if (item.update) {
      row.text("update").text(item.update->table_name).text(encode_item(item.update->key));
      row.text(item.update->update_expression).optional_text(item.update->condition_expression);
      add_maps(row, item.update->expression_attribute_names, item.update->expression_attribute_values);
    }
    if (item.condition_check) {
      row.text("check").text(item.condition_check->table_name).text(encode_item(item.condition_check->key));
      row.text(item.condition_check->condition_expression);
      add_maps(row, item.condition_check->expression_attribute_names,
               item.condition_check->expression_attribute_values);
    }
  }
  return sha256(std::move(row).bytes());
}

}  // namespace

Result<TransactionOperations::Action> TransactionOperations::action_of(const wire::Call& call,
                                                                       shapes::TransactWriteItem& item) {
  const int count =
      (item.put ? 1 : 0) + (item.delete_ ? 1 : 0) + (item.update ? 1 : 0) + (item.condition_check ? 1 : 0);
  if (count != 1) return invalid("TransactItems can only contain one of Check, Put, Update or Delete");
  const auto finish = [&call](Result<WritePlan> plan, const std::string& table) -> Result<Action> {
    if (!plan) return std::move(plan).error();
    Result<std::string> name = table_name_of(call, table);
    if (!name) return std::move(name).error();
    return Action(std::move(*plan), std::move(*name));
  };
  if (item.put) return finish(WritePlan::put(*item.put), item.put->table_name);
  if (item.delete_) return finish(WritePlan::remove(*item.delete_), item.delete_->table_name);
  if (item.update) return finish(WritePlan::update(*item.update), item.update->table_name);
  return finish(WritePlan::check(*item.condition_check), item.condition_check->table_name);
}

Task<bool> TransactionOperations::find_token(storage::Transaction& transaction, wire::Call& call,
                                             const std::string& token, const std::string& fingerprint) {
  const std::string key = keys::token_row(call.account(), call.region, token);
  const std::optional<std::string> row = co_await transaction.get(key);
  const std::int64_t now = call.time.time_since_epoch().count();
  if (row) {
    storage::RowReader reader(*row);
    const std::int64_t expires = reader.signed_number();
    const std::string known = reader.text();
    if (expires > now) {
      if (known == fingerprint) co_return true;
      co_return Error(errors::kIdempotentParameterMismatch,
                      "Request parameters do not match those of an earlier request with the same client token");
    }
  }
  co_return false;
}

void TransactionOperations::put_token(storage::Transaction& transaction, wire::Call& call, const std::string& token,
                                      const std::string& fingerprint) {
  const std::string key = keys::token_row(call.account(), call.region, token);
  const std::int64_t expires = call.time.time_since_epoch().count() + std::chrono::microseconds(kTokenLife).count();
  storage::RowWriter fresh;
  fresh.signed_number(expires).text(fingerprint);
  transaction.put(key, std::move(fresh).bytes());
  transaction.put(keys::token_expiry_row(expires, call.account(), call.region, token), "");
}

// First everything is read and decided, then everything is written: a cancelled transaction has written nothing, and
// still commits, so that its reply shows only what is durable.
Task<TransactionOperations::Done> TransactionOperations::write(storage::Transaction& transaction, wire::Call& call,
                                                               const std::vector<Action>& actions, const Terms& terms) {
  Done done;
  struct Change {
    TablePtr table;
    std::string key;
    std::optional<StoredItem> before;
    std::optional<StoredItem> after;
  };
  std::vector<Change> changes(actions.size());
  std::vector<Reason> reasons(actions.size());
  std::set<std::string> seen;
  bool stopped = false;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < actions.size(); ++i) {
    const WritePlan& plan = actions[i].plan;
    Change& change = changes[i];
    change.table = co_await store_.find_table(transaction, call.account(), call.region, actions[i].table);
    if (!change.table) co_return table_not_found();
    co_await permit(call, *change.table, plan.permission());
    Result<void> fits = plan.check_against(*change.table);
    if (!fits) {
      reasons[i] = reason_of(fits.error());
      stopped = true;
      continue;
    }
    done.tables[actions[i].table] = change.table;
    change.key = Store::item_key(*change.table, plan.subject());
    if (!seen.insert(change.key).second) co_return repeated_item();
    change.before = co_await Store::get_item(transaction, change.key);
    const StoredItem* before = change.before ? &*change.before : nullptr;
    if (!plan.condition().holds(before ? &before->item : nullptr)) {
      reasons[i] = condition_reason(plan, before);
      stopped = true;
      continue;
    }
    if (plan.kind() == WritePlan::Kind::kCheck) continue;
    Result<std::optional<StoredItem>> after = plan.apply(*change.table, before);
    if (!after) {
      reasons[i] = reason_of(after.error());
      stopped = true;
      continue;
    }
    change.after = std::move(*after);
    if (change.after) bytes += change.after->size;
  }
  const bool repeated = terms.token && co_await find_token(transaction, call, *terms.token, terms.fingerprint);
  if (repeated) {
    done.repeated = true;
    for (std::size_t i = 0; i < actions.size(); ++i) {
      const std::size_t size = changes[i].before ? changes[i].before->size : 0;
      done.capacities[actions[i].table].add_table(read_units(size, true, true));
    }
    co_return done;
  }
  if (stopped) {
    done.failure = cancelled(reasons);
    co_return done;
  }
  if (bytes > kMaxBytes) {
    co_return invalid("Collection size of items in the transaction exceeds the maximum of 4 MB");
  }
  if (terms.token) put_token(transaction, call, *terms.token, terms.fingerprint);
  for (std::size_t i = 0; i < actions.size(); ++i) {
    const Change& change = changes[i];
    const WritePlan& plan = actions[i].plan;
    Capacity& capacity = done.capacities[actions[i].table];
    if (plan.kind() == WritePlan::Kind::kCheck) {
      capacity.add_table(write_units(change.before ? change.before->size : 0, true));
      continue;
    }
    const StoredItem* before = change.before ? &*change.before : nullptr;
    const StoredItem* after = change.after ? &*change.after : nullptr;
    std::uint64_t bytes = 0;
    if (has_collections(*change.table)) {
      const Result<std::uint64_t> adjusted =
          co_await attempt(adjust_collection(transaction, *change.table, before, after));
      if (adjusted.ok()) {
        bytes = *adjusted;
      } else if (adjusted.error().is(errors::kItemCollectionSizeLimitExceeded)) {
        reasons[i] = reason_of(adjusted.error());
        co_return cancelled(reasons);
      } else {
        co_return adjusted.error();
      }
    }
    store_.write(transaction, *change.table, change.key, before, after, capacity, true);
    auto metrics = collection_metrics(terms.metrics, *change.table, plan.subject(), bytes);
    if (metrics) done.metrics[actions[i].table].push_back(std::move(*metrics));
  }
  for (std::size_t i = 0; i < actions.size(); ++i) {
    const Capacity& capacity = done.capacities[actions[i].table];
    const Result<void> admitted =
        store_.throttle().admit(*changes[i].table, capacity, Capacity::Kind::kWrite, call.time);
    if (admitted) continue;
    reasons[i] = reason_of(admitted.error());
    stopped = true;
  }
  if (stopped) co_return cancelled(reasons);
  co_return done;
}

Task<shapes::TransactWriteItemsOutput> TransactionOperations::transact_write_items(
    wire::Call& call, shapes::TransactWriteItemsInput& input) {
  if (input.transact_items.size() > kMaxActions) {
    co_return invalid("Member must have length less than or equal to 100");
  }
  std::vector<Action> actions;
  actions.reserve(input.transact_items.size());
  for (shapes::TransactWriteItem& item : input.transact_items) {
    Result<Action> action = action_of(call, item);
    actions.push_back(co_await std::move(action));
  }
  Terms terms;
  terms.token = input.client_request_token;
  if (terms.token) terms.fingerprint = fingerprint_of(input);
  terms.metrics = input.return_item_collection_metrics;
  Done done = co_await execute(call, actions, terms);

  shapes::TransactWriteItemsOutput output;
  output.consumed_capacity = consumed(done, input.return_consumed_capacity);
  if (!done.metrics.empty()) output.item_collection_metrics = std::move(done.metrics);
  co_return output;
}

Task<TransactionOperations::Done> TransactionOperations::execute(wire::Call& call, const std::vector<Action>& actions,
                                                                 const Terms& terms) {
  const auto body = [&](storage::Transaction& transaction) { return write(transaction, call, actions, terms); };
  Done done = co_await storage::transact(store_.database(), body);
  if (done.failure) co_return std::move(*done.failure);
  const Capacity::Kind kind = done.repeated ? Capacity::Kind::kRead : Capacity::Kind::kWrite;
  for (const auto& [name, table] : done.tables) {
    store_.charge(*table, done.capacities[name], kind, call.time);
  }
  co_return done;
}

std::optional<std::vector<shapes::ConsumedCapacity>> TransactionOperations::consumed(
    const Done& done, const std::optional<std::string>& wanted) {
  const Capacity::Kind kind = done.repeated ? Capacity::Kind::kRead : Capacity::Kind::kWrite;
  std::vector<shapes::ConsumedCapacity> reports;
  for (const auto& [table, capacity] : done.capacities) {
    if (auto report = capacity.report(wanted, table, kind, true)) reports.push_back(std::move(*report));
  }
  if (reports.empty()) return std::nullopt;
  return reports;
}

Task<shapes::TransactGetItemsOutput> TransactionOperations::transact_get_items(wire::Call& call,
                                                                               shapes::TransactGetItemsInput& input) {
  struct Read {
    Read() = default;
    std::string table;
    ProjectionRequest projection;
  };
  std::vector<Read> reads;
  for (shapes::TransactGetItem& item : input.transact_items) {
    Read& read = reads.emplace_back();
    read.table = co_await table_name_of(call, item.get.table_name);
    read.projection =
        co_await projection_of(item.get.projection_expression, item.get.expression_attribute_names, std::nullopt);
    co_await normalise(item.get.key);
  }
  shapes::TransactGetItemsOutput output;
  output.responses.emplace();
  std::map<std::string, TablePtr> tables;
  std::map<std::string, Capacity> capacities;
  std::vector<Reason> reasons(reads.size());
  std::set<std::string> seen;
  bool stopped = false;
  std::size_t bytes = 0;
  const std::unique_ptr<storage::Transaction> transaction = store_.database().begin();
  for (std::size_t i = 0; i < reads.size(); ++i) {
    const Item& key = input.transact_items[i].get.key;
    const TablePtr table = co_await store_.find_table(*transaction, call.account(), call.region, reads[i].table);
    if (!table) co_return table_not_found();
    co_await permit(call, *table, "GetItem");
    if (reads[i].projection.expression) co_await check_key_paths(*table, *reads[i].projection.expression);
    shapes::ItemResponse& response = output.responses->emplace_back();
    if (Result<void> fits = check_key(table->keys, key); !fits) {
      reasons[i] = reason_of(fits.error());
      stopped = true;
      continue;
    }
    const std::string row = Store::item_key(*table, key);
    if (!seen.insert(row).second) co_return repeated_item();
    tables[reads[i].table] = table;
    if (Result<void> admitted = store_.throttle().admit(*table, nullptr, Capacity::Kind::kRead, call.time); !admitted) {
      reasons[i] = reason_of(admitted.error());
      stopped = true;
      continue;
    }
    std::optional<StoredItem> found = co_await Store::get_item(*transaction, row);
    capacities[reads[i].table].add_table(read_units(found ? found->size : 0, true, true));
    if (!found) continue;
    bytes += found->size;
    const std::optional<Projection>& projection = reads[i].projection.projection;
    response.item = projection ? projection->apply(found->item) : std::move(found->item);
  }
  co_await transaction->commit();
  for (const auto& [name, table] : tables) {
    store_.charge(*table, capacities[name], Capacity::Kind::kRead, call.time);
  }
  if (stopped) co_return cancelled(reasons);
  if (bytes > kMaxBytes) {
    co_return invalid("Collection size of items in the transaction exceeds the maximum of 4 MB");
  }
  std::vector<shapes::ConsumedCapacity> consumed;
  for (const auto& [table, capacity] : capacities) {
    if (auto report = capacity.report(input.return_consumed_capacity, table, Capacity::Kind::kRead, true)) {
      consumed.push_back(std::move(*report));
    }
  }
  if (!consumed.empty()) output.consumed_capacity = std::move(consumed);
  co_return output;
}

}  // namespace cumulet::dynamodb
