#include "services/dynamodb/operations_batch.h"

#include <set>
#include <utility>

#include "services/dynamodb/errors.h"
#include "services/dynamodb/item_collection.h"
#include "services/dynamodb/permit.h"

namespace cumulet::dynamodb {
namespace {

constexpr std::size_t kMaxGets = 100;
constexpr std::size_t kMaxWrites = 25;
constexpr std::size_t kMaxReplyBytes = 16u << 20;

Error duplicates() { return invalid("Provided list of item keys contains duplicates"); }

Result<WritePlan> plan_of(shapes::WriteRequest& request) {
  if (request.put_request.has_value() == request.delete_request.has_value()) {
    return invalid(
        "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported "
        "datatypes");
  }
  return request.put_request ? WritePlan::put(request.put_request->item)
                             : WritePlan::remove(request.delete_request->key);
}

/// One table's share of a BatchGetItem.
struct Reads {
  Reads() = default;
  std::string name;
  shapes::KeysAndAttributes* request = nullptr;
  ProjectionRequest projection;
};

Result<Reads> reads_of(const wire::Call& call, const std::string& given, shapes::KeysAndAttributes& request) {
  Reads reads;
  Result<std::string> name = table_name_of(call, given);
  if (!name) return std::move(name).error();
  reads.name = std::move(*name);
  reads.request = &request;
  Result<ProjectionRequest> projection =
      projection_of(request.projection_expression, request.expression_attribute_names, request.attributes_to_get);
  if (!projection) return std::move(projection).error();
  reads.projection = std::move(*projection);
  for (Item& key : request.keys) {
    if (Result<void> done = normalise(key); !done) return std::move(done).error();
  }
  return reads;
}

/// What is left of a table's request from the key at `from`.
shapes::KeysAndAttributes rest_of(const shapes::KeysAndAttributes& request, std::size_t from) {
  shapes::KeysAndAttributes rest = request;
  rest.keys.erase(rest.keys.begin(), rest.keys.begin() + static_cast<std::ptrdiff_t>(from));
  return rest;
}

}  // namespace

Task<shapes::BatchGetItemOutput> BatchOperations::batch_get_item(wire::Call& call, shapes::BatchGetItemInput& input) {
  std::size_t count = 0;
  std::vector<Reads> batch;
  for (auto& [given, request] : input.request_items) {
    count += request.keys.size();
    if (count > kMaxGets) co_return invalid("Too many items requested for the BatchGetItem call");
    Result<Reads> reads = reads_of(call, given, request);
    batch.push_back(co_await std::move(reads));
  }

  shapes::BatchGetItemOutput output;
  output.responses.emplace();
  output.unprocessed_keys.emplace();
  std::vector<shapes::ConsumedCapacity> consumed;
  std::size_t bytes = 0;
  const std::unique_ptr<storage::Transaction> transaction = store_.database().begin();
  for (const Reads& reads : batch) {
    const TablePtr table = co_await store_.find_table(*transaction, call.account(), call.region, reads.name);
    if (!table) co_return table_not_found();
    co_await permit(call, *table);
    if (reads.projection.expression) co_await check_key_paths(*table, *reads.projection.expression);
    std::vector<std::string> rows;
    std::set<std::string_view> seen;
    for (const Item& key : reads.request->keys) {
      co_await check_key(table->keys, key);
      rows.push_back(Store::item_key(*table, key));
    }
    for (const std::string& row : rows) {
      if (!seen.insert(row).second) co_return duplicates();
    }
    std::vector<Item>& items = (*output.responses)[reads.name];
    Capacity capacity;
    const Result<void> admitted = store_.throttle().admit(*table, nullptr, Capacity::Kind::kRead, call.time);
    if (!admitted) {
      if (batch.size() == 1) co_return admitted.error();
      (*output.unprocessed_keys)[reads.name] = *reads.request;
      continue;
    }
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (bytes >= kMaxReplyBytes) {
        (*output.unprocessed_keys)[reads.name] = rest_of(*reads.request, i);
        break;
      }
      std::optional<StoredItem> found = co_await Store::get_item(*transaction, rows[i]);
      capacity.add_table(read_units(found ? found->size : 0, reads.request->consistent_read.value_or(false)));
      if (!found) continue;
      bytes += found->size;
      items.push_back(reads.projection.projection ? reads.projection.projection->apply(found->item)
                                                  : std::move(found->item));
    }
    store_.charge(*table, capacity, Capacity::Kind::kRead, call.time);
    if (auto report = capacity.report(input.return_consumed_capacity, reads.name, Capacity::Kind::kRead)) {
      consumed.push_back(std::move(*report));
    }
  }
  co_await transaction->commit();
  if (!consumed.empty()) output.consumed_capacity = std::move(consumed);
  co_return output;
}

Task<bool> BatchOperations::write_one(storage::Transaction& transaction, wire::Call& call, const WritePlan& plan,
                                      const shapes::BatchWriteItemInput& input, WriteResult& result) {
  const Table& table = *result.tables.back();
  const std::string key = Store::item_key(table, plan.subject());
  if (!plan.needs_before() && !wants_capacity(input.return_consumed_capacity) && Store::may_write_blindly(table)) {
    const std::optional<StoredItem> after = co_await plan.apply(table, nullptr);
    if (!store_.throttle().admit(table, nullptr, Capacity::Kind::kWrite, call.time)) co_return false;
    Store::write_blindly(transaction, key, *after, result.capacities.back());
    co_return true;
  }
  const std::optional<StoredItem> stored = co_await Store::get_item(transaction, key);
  const std::optional<StoredItem> made = co_await plan.apply(table, stored ? &*stored : nullptr);
  const StoredItem* before = stored ? &*stored : nullptr;
  const StoredItem* after = made ? &*made : nullptr;
  if (!store_.throttle().admit(table, nullptr, Capacity::Kind::kWrite, call.time)) co_return false;
  for (const Index& index : table.indexes) {
    const bool touched = (before && belongs_in(index, before->item)) || (after && belongs_in(index, after->item));
    if (touched && !store_.throttle().admit(table, &index, Capacity::Kind::kWrite, call.time)) co_return false;
  }
  std::uint64_t bytes = 0;
  if (has_collections(table)) bytes = co_await adjust_collection(transaction, table, before, after);
  store_.write(transaction, table, key, before, after, result.capacities.back());
  auto metrics = collection_metrics(input.return_item_collection_metrics, table, plan.subject(), bytes);
  if (metrics) result.metrics.back().push_back(std::move(*metrics));
  co_return true;
}

Task<BatchOperations::WriteResult> BatchOperations::write(storage::Transaction& transaction, wire::Call& call,
                                                          const std::vector<TableWrites>& batch,
                                                          const shapes::BatchWriteItemInput& input) {
  WriteResult result;
  for (const TableWrites& writes : batch) {
    const TablePtr table = co_await store_.find_table(transaction, call.account(), call.region, writes.name);
    if (!table) co_return table_not_found();
    co_await permit(call, *table);
    result.tables.push_back(table);
    result.capacities.emplace_back();
    result.throttled.emplace_back();
    result.metrics.emplace_back();
    std::set<std::string> seen;
    for (const WritePlan& plan : writes.plans) {
      co_await plan.check_against(*table);
      if (!seen.insert(Store::item_key(*table, plan.subject())).second) co_return duplicates();
    }
    for (std::size_t i = 0; i < writes.plans.size(); ++i) {
      const bool done = co_await write_one(transaction, call, writes.plans[i], input, result);
      if (!done) result.throttled.back().push_back(i);
    }
  }
  co_return result;
}

Task<shapes::BatchWriteItemOutput> BatchOperations::batch_write_item(wire::Call& call,
                                                                     shapes::BatchWriteItemInput& input) {
  std::size_t count = 0;
  std::vector<TableWrites> batch;
  for (auto& [given, requests] : input.request_items) {
    TableWrites& writes = batch.emplace_back();
    writes.given_name = given;
    writes.name = co_await table_name_of(call, given);
    count += requests.size();
    if (count > kMaxWrites) co_return invalid("Too many items requested for the BatchWriteItem call");
    for (shapes::WriteRequest& request : requests) {
      Result<WritePlan> plan = plan_of(request);
      writes.plans.push_back(co_await std::move(plan));
    }
  }
  const auto body = [&](storage::Transaction& transaction) { return write(transaction, call, batch, input); };
  WriteResult done = co_await storage::transact(store_.database(), body);

  shapes::BatchWriteItemOutput output;
  output.unprocessed_items.emplace();
  std::vector<shapes::ConsumedCapacity> consumed;
  std::map<std::string, std::vector<shapes::ItemCollectionMetrics>> metrics;
  std::size_t left = 0;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    store_.charge(*done.tables[i], done.capacities[i], Capacity::Kind::kWrite, call.time);
    const std::vector<shapes::WriteRequest>& requests = input.request_items.at(batch[i].given_name);
    for (const std::size_t place : done.throttled[i]) {
      (*output.unprocessed_items)[batch[i].given_name].push_back(requests[place]);
    }
    left += done.throttled[i].size();
    if (auto report =
            done.capacities[i].report(input.return_consumed_capacity, batch[i].name, Capacity::Kind::kWrite)) {
      consumed.push_back(std::move(*report));
    }
    if (!done.metrics[i].empty()) metrics[batch[i].name] = std::move(done.metrics[i]);
  }
  if (left == count && left > 0) {
    for (const TablePtr& table : done.tables) {
      co_await store_.throttle().admit(*table, nullptr, Capacity::Kind::kWrite, call.time);
      for (const Index& index : table->indexes) {
        co_await store_.throttle().admit(*table, &index, Capacity::Kind::kWrite, call.time);
      }
    }
  }
  if (!consumed.empty()) output.consumed_capacity = std::move(consumed);
  if (!metrics.empty()) output.item_collection_metrics = std::move(metrics);
  co_return output;
}

}  // namespace cumulet::dynamodb
