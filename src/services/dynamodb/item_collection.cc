#include "services/dynamodb/item_collection.h"

#include <algorithm>
#include <vector>

#include "services/dynamodb/errors.h"
#include "services/dynamodb/keys.h"
#include "storage/row.h"

namespace cumulet::dynamodb {
namespace {

/// What an item counts in its collection: itself and its entries in the local indexes.
std::uint64_t bytes_of(const Table& table, const StoredItem* item) {
  if (!item) return 0;
  std::uint64_t bytes = item->size;
  for (const Index& index : table.indexes) {
    if (index.global || !belongs_in(index, item->item)) continue;
    const bool whole = index.projection == ProjectionType::kAll;
    bytes += whole ? item->size : item_size(entry_of(table, index, item->item));
  }
  return bytes;
}

}  // namespace

bool has_collections(const Table& table) {
  return std::any_of(table.indexes.begin(), table.indexes.end(), [](const Index& index) { return !index.global; });
}

Task<std::uint64_t> adjust_collection(storage::Transaction& transaction, const Table& table, const StoredItem* before,
                                      const StoredItem* after) {
  const std::uint64_t less = bytes_of(table, before);
  const std::uint64_t more = bytes_of(table, after);
  if (!before && !after) co_return 0;
  const Item& item = after ? after->item : before->item;
  std::string key = keys::collection_row(table.rows, partition_key(item.at(table.keys.hash.name)));
  const std::optional<std::string> row = co_await transaction.get(key);
  const std::uint64_t known = row ? storage::RowReader(*row).number() : 0;
  const std::uint64_t bytes = known + more - std::min(less, known + more);
  if (bytes > kMaxCollectionBytes && more > less) {
    co_return Error(errors::kItemCollectionSizeLimitExceeded, "Collection size exceeded.");
  }
  if (bytes == known) co_return bytes;
  if (bytes == 0) {
    transaction.erase(std::move(key));
    co_return 0;
  }
  storage::RowWriter changed;
  changed.number(bytes);
  transaction.put(std::move(key), std::move(changed).bytes());
  co_return bytes;
}

std::optional<shapes::ItemCollectionMetrics> collection_metrics(const std::optional<std::string>& wanted,
                                                                const Table& table, const Item& item,
                                                                std::uint64_t bytes) {
  if (wanted != "SIZE" || !has_collections(table)) return std::nullopt;
  shapes::ItemCollectionMetrics metrics;
  metrics.item_collection_key = Item{{table.keys.hash.name, item.at(table.keys.hash.name)}};
  const auto gigabytes = static_cast<double>(bytes >> 30);
  metrics.size_estimate_range_gb = std::vector<double>{gigabytes, gigabytes + 1};
  return metrics;
}

}  // namespace cumulet::dynamodb
