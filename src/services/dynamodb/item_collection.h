#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/task.h"
#include "services/dynamodb/capacity.h"
#include "services/dynamodb/store.h"
#include "services/dynamodb/table.h"
#include "storage/database.h"

/// Item collections: all items with one hash key, with their entries in the local indexes. Only tables that have local
/// indexes know how large theirs are; each has a row with its bytes, which changes with its items.
namespace cumulet::dynamodb {

constexpr std::uint64_t kMaxCollectionBytes = std::uint64_t{10} << 30;

bool has_collections(const Table& table);

/// Counts the replacement of an item, either of which may be missing, and gives the bytes of its collection. Fails with
/// ItemCollectionSizeLimitExceededException when a collection that is too large would grow.
Task<std::uint64_t> adjust_collection(storage::Transaction& transaction, const Table& table, const StoredItem* before,
                                      const StoredItem* after);

/// In the form that ReturnItemCollectionMetrics asks for; nothing for a table without collections.
std::optional<shapes::ItemCollectionMetrics> collection_metrics(const std::optional<std::string>& wanted,
                                                                const Table& table, const Item& item,
                                                                std::uint64_t bytes);

}  // namespace cumulet::dynamodb
