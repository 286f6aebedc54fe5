#pragma once

#include <string>
#include <vector>

#include "base/task.h"
#include "services/dynamodb/bucket_access.h"
#include "services/dynamodb/keys.h"
#include "services/dynamodb/store.h"
#include "services/dynamodb/transfer.h"

namespace cumulet::dynamodb {

/// Writes the copy of a table to S3, file by file, then the manifests.
/// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.Output.html
class Exporter {
 public:
  Exporter(Store& store, const wire::Directory* directory) : store_(store), bucket_(directory, store.clock()) {}

  /// One file: says whether that was all. A file that a crash interrupts is written again under the same name.
  Task<bool> step(keys::JobKey job, std::string row);

 private:
  Task<void> write_next(Transfer& transfer, std::vector<storage::KeyValue> rows) const;
  Task<void> write_manifests(const Transfer& transfer) const;
  Task<std::string> put(const Transfer& transfer, std::string key, std::string bytes) const;
  Task<bool> save(storage::Transaction& transaction, const Transfer& transfer, const std::string& row) const;

  Store& store_;
  BucketAccess bucket_;
};

}  // namespace cumulet::dynamodb
