#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/task.h"
#include "services/dynamodb/bucket_access.h"
#include "services/dynamodb/keys.h"
#include "services/dynamodb/store.h"
#include "services/dynamodb/transfer.h"

namespace cumulet::dynamodb {

/// Reads the objects of an import into its table, one after the other.
class Importer {
 public:
  Importer(Store& store, const wire::Directory* directory, std::function<bool()> stopping)
      : store_(store), bucket_(directory, store.clock()), stopping_(std::move(stopping)) {}

  /// One object: says whether that was all. One that a crash interrupts is read again from its start.
  Task<bool> step(keys::JobKey job, std::string row);

 private:
  Task<void> read_object(Transfer& transfer, const Table& table, std::string key);
  Task<void> take_records(Transfer& transfer, const Table& table, std::vector<std::string>& header,
                          std::vector<std::string> records);
  Task<bool> put_items(storage::Transaction& transaction, const Table& table,
                       const std::vector<storage::KeyValue>& rows) const;
  Task<bool> save(storage::Transaction& transaction, const Transfer& transfer, const std::string& row) const;

  Store& store_;
  BucketAccess bucket_;
  std::function<bool()> stopping_;
};

}  // namespace cumulet::dynamodb
