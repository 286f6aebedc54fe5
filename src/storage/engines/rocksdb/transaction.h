#pragma once

#include <optional>
#include <string>
#include <vector>

#include <rocksdb/status.h>

#include "storage/database.h"
#include "storage/engines/merge.h"
#include "storage/engines/rocksdb/gate.h"
#include "storage/log.h"

namespace cumulet::storage {

class RocksEngine;

/// Reads what is in memory inline on the loop, and hops to the thread pool for what is not.
class RocksTransaction final : public Transaction, public LogWriter {
 public:
  explicit RocksTransaction(RocksEngine& engine) : engine_(engine) {}

  Task<std::optional<std::string>> get(std::string key) override;
  Task<std::vector<KeyValue>> scan(KeyRange range, ScanOptions options) override;
  void put(std::string key, std::string value) override;
  void erase(std::string key) override;
  void append(std::string log, std::string value) override;
  Task<void> commit() override;
  Task<void> give_up() override;

 private:
  enum class Tier { kMemory, kDisk };

  const View& view();
  /// Nothing: it is not in memory.
  Result<std::optional<std::optional<std::string>>> read(const std::string& key, Tier tier);
  Result<std::optional<Scanned>> walk(const KeyRange& range, const ScanOptions& options, Tier tier);

  RocksEngine& engine_;
  Writes writes_;
  std::vector<Append> appends_;
  std::optional<View> view_;
  ReadSet reads_;
};

}  // namespace cumulet::storage
