#include "services/dynamodb/store.h"

#include <algorithm>

#include "base/text.h"
#include "services/dynamodb/errors.h"
#include "services/dynamodb/item_codec.h"
#include "services/dynamodb/keys.h"
#include "services/dynamodb/kinesis_record.h"
#include "services/dynamodb/undo_log.h"

namespace cumulet::dynamodb {
namespace {

constexpr std::size_t kKnownTables = 10'000;

/// An index's row for an item: nothing when the item is not in the index.
struct Entry {
  std::string key;
  std::string value;
  std::size_t size = 0;
};

std::optional<Entry> entry_for(const Table& table, const Index& index, const StoredItem* item) {
  if (!item || !belongs_in(index, item->item)) return std::nullopt;
  Entry entry;
  entry.key = Store::entry_key(table, index, item->item);
  if (index.projection == ProjectionType::kAll) {
    entry.size = item->size;
    entry.value = encode_item(item->item, item->size);
  } else {
    const Item shown = entry_of(table, index, item->item);
    entry.size = item_size(shown);
    entry.value = encode_item(shown, entry.size);
  }
  return entry;
}

void write_index(storage::Transaction& transaction, const Table& table, const Index& index, const StoredItem* before,
                 const StoredItem* after, Capacity& capacity, bool transactional) {
  const std::optional<Entry> old_entry = entry_for(table, index, before);
  std::optional<Entry> new_entry = entry_for(table, index, after);
  if (old_entry && new_entry && old_entry->key == new_entry->key && old_entry->value == new_entry->value) return;
  double units = 0;
  if (old_entry && (!new_entry || old_entry->key != new_entry->key)) {
    transaction.erase(old_entry->key);
    units += write_units(old_entry->size, transactional);
  }
  if (new_entry) {
    const bool replaces = old_entry && old_entry->key == new_entry->key;
    const std::size_t larger = replaces ? std::max(old_entry->size, new_entry->size) : new_entry->size;
    units += write_units(larger, transactional);
    transaction.put(std::move(new_entry->key), std::move(new_entry->value));
  }
  if (units == 0) return;
  if (index.global) {
    capacity.add_global_index(index.name, units);
  } else {
    capacity.add_local_index(index.name, units);
  }
}

Result<void> check_index_key(const Index& index, const KeyAttribute& attribute, const Item& item, bool is_hash) {
  const auto found = item.find(attribute.name);
  if (found == item.end()) return {};
  const AttributeValue& value = found->second;
  if (!value.is(attribute.type)) {
    return invalid_parameter("Type mismatch for Index Key " + attribute.name +
                             " Expected: " + std::string(wire::type_name(attribute.type)) +
                             " Actual: " + type_text(value) + " IndexName: " + index.name);
  }
  if (attribute.type == Type::kNumber) return {};
  if (value.text().empty()) {
    return invalid(
        "One or more parameter values are not valid. A value specified for a secondary index key is not supported. The "
        "AttributeValue for a key attribute cannot contain an empty " +
        std::string(attribute.type == Type::kString ? "string" : "binary") + " value. IndexName: " + index.name +
        ", IndexKey: " + attribute.name);
  }
  if (is_hash && value.text().size() > kMaxHashKeyBytes) {
    return invalid_parameter("Size of hashkey has exceeded the maximum size limit of2048 bytes");
  }
  if (!is_hash && value.text().size() > kMaxRangeKeyBytes) {
    return invalid_parameter("Aggregated size of all range keys has exceeded the size limit of 1024 bytes");
  }
  return {};
}

}  // namespace

Task<TablePtr> Store::find_table(storage::Transaction& transaction, std::string account, std::string region,
                                 std::string name) {
  TablePtr table = co_await find_any_table(transaction, std::move(account), std::move(region), std::move(name));
  if (table && table->status != TableStatus::kActive) co_return TablePtr();
  co_return table;
}

Task<TablePtr> Store::find_any_table(storage::Transaction& transaction, std::string account, std::string region,
                                     std::string name) {
  std::string key = keys::table_row(account, region, name);
  std::optional<std::string> row = co_await transaction.get(key);
  if (!row) co_return TablePtr();
  {
    std::lock_guard lock(mutex_);
    const auto found = known_.find(key);
    if (found != known_.end() && found->second.row == *row) co_return found->second.table;
  }
  Result<Table> decoded = Table::decode(std::move(account), std::move(region), std::move(name), *row);
  Table table = co_await std::move(decoded);
  TablePtr shared = std::make_shared<const Table>(std::move(table));
  std::lock_guard lock(mutex_);
  if (known_.size() >= kKnownTables) known_.clear();
  known_[std::move(key)] = Known{std::move(*row), shared};
  co_return shared;
}

void Store::charge(const Table& table, const Capacity& taken, Capacity::Kind kind, Timestamp now) {
  throttle_.charge(table, taken, kind, now);
  metrics_.consumed(table, taken, kind);
}

void Store::put_table(storage::Transaction& transaction, const Table& table) const {
  transaction.put(keys::table_row(table.account, table.region, table.name), table.encode());
}

std::string Store::item_key(const Table& table, const Item& item) {
  return keys::rows_of(table.rows, keys::kItems) + encoded_key(table.keys, item);
}

// The table's key follows the index's: many items may have the same index key.
std::string Store::entry_key(const Table& table, const Index& index, const Item& item) {
  std::string key = keys::rows_of(table.rows, index.number) + encoded_key(index.keys, item);
  append_ordered(key, item.at(table.keys.hash.name));
  if (table.keys.range) append_ordered(key, item.at(table.keys.range->name));
  return key;
}

Task<std::optional<StoredItem>> Store::get_item(storage::Transaction& transaction, std::string key) {
  const std::optional<std::string> row = co_await transaction.get(std::move(key));
  if (!row) co_return std::optional<StoredItem>();
  ItemReader reader(*row);
  const std::size_t size = reader.size();
  Item item = reader.all();
  if (!reader.ok()) co_return Error(errors::kInternalFailure, "An item in the store is damaged.");
  co_return std::optional<StoredItem>(StoredItem(std::move(item), size));
}

void Store::write(storage::Transaction& transaction, const Table& table, const std::string& key,
                  const StoredItem* before, const StoredItem* after, Capacity& capacity, bool transactional,
                  ChangeOrigin origin) const {
  capacity.add_table(write_units(std::max(before ? before->size : 0, after ? after->size : 0), transactional));
  if (after) {
    transaction.put(key, encode_item(after->item, after->size));
  } else if (before) {
    transaction.erase(key);
  }
  for (const Index& index : table.indexes) {
    write_index(transaction, table, index, before, after, capacity, transactional);
  }
  if (table.tells_changes()) {
    const Timestamp now = clock_.now();
    const Item* old_item = before ? &before->item : nullptr;
    if (table.stream.enabled)
      append_change(transaction, table, key, old_item, after ? &after->item : nullptr, origin, now);
    if (table.recovery.logs()) append_undo(transaction, table, key, old_item, now);
    if (outbox_) {
      send_to_kinesis(transaction, *outbox_, table, old_item, after ? &after->item : nullptr, origin, now);
    }
  }
  if (!table.time_to_live.enabled) return;
  const std::uint64_t old_expiry = before ? expiry_of(table, before->item).value_or(0) : 0;  // 0: never
  const std::uint64_t new_expiry = after ? expiry_of(table, after->item).value_or(0) : 0;
  if (old_expiry == new_expiry) return;
  const std::string_view item_key = std::string_view(key).substr(table.rows.size());
  if (old_expiry != 0) transaction.erase(keys::expiry_row(table.rows, old_expiry, item_key));
  if (new_expiry != 0) transaction.put(keys::expiry_row(table.rows, new_expiry, item_key), key);
}

void Store::write_blindly(storage::Transaction& transaction, const std::string& key, const StoredItem& after,
                          Capacity& capacity) {
  capacity.add_table(write_units(after.size));
  transaction.put(key, encode_item(after.item, after.size));
}

bool Store::may_write_blindly(const Table& table) {
  return table.indexes.empty() && !table.time_to_live.enabled && !table.tells_changes();
}

void Store::write_entry(storage::Transaction& transaction, const Table& table, const Index& index, const Item& item) {
  const StoredItem stored(item, item_size(item));
  std::optional<Entry> entry = entry_for(table, index, &stored);
  if (entry) transaction.put(std::move(entry->key), std::move(entry->value));
}

void Store::write_expiry(storage::Transaction& transaction, const Table& table, const Item& item) {
  const std::optional<std::uint64_t> expiry = expiry_of(table, item);
  if (!expiry) return;
  std::string key = item_key(table, item);
  std::string row = keys::expiry_row(table.rows, *expiry, std::string_view(key).substr(table.rows.size()));
  transaction.put(std::move(row), std::move(key));
}

// Fractions of a second are ignored, and so is what is no time at all.
std::optional<std::uint64_t> expiry_of(const Table& table, const Item& item) {
  if (!table.time_to_live.enabled) return std::nullopt;
  const auto found = item.find(table.time_to_live.attribute);
  if (found == item.end() || !found->second.is(Type::kNumber)) return std::nullopt;
  const std::string& text = found->second.text();
  const std::optional<std::int64_t> seconds = parse_int(std::string_view(text).substr(0, text.find('.')));
  constexpr std::int64_t kFar = std::int64_t{1} << 53;
  if (!seconds || *seconds <= 0 || *seconds > kFar) return std::nullopt;
  return static_cast<std::uint64_t>(*seconds);
}

Result<void> check_index_keys(const Table& table, const Item& item) {
  for (const Index& index : table.indexes) {
    if (Result<void> checked = check_index_key(index, index.keys.hash, item, true); !checked) return checked;
    if (!index.keys.range) continue;
    if (Result<void> checked = check_index_key(index, *index.keys.range, item, false); !checked) return checked;
  }
  return {};
}

}  // namespace cumulet::dynamodb
