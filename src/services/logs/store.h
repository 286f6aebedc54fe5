#pragma once

#include <optional>
#include <string>
#include <vector>

#include "services/logs/model.h"
#include "storage/database.h"

namespace cumulet::logs {

/// The keys of one account and region. Layout, all below ("logs", account, region):
///   ("g", group)                                group row
///   ("s", group, stream)                        stream row
///   ("f", group)                                the group's metric filters and subscription filters
///   ("e", group, stream, time, sequence)        event: ingestion time, message
/// Every function works inside the caller's transaction.
class Store {
 public:
  Store(std::string account, std::string region) : account_(std::move(account)), region_(std::move(region)) {}

  Task<std::optional<LogGroup>> find_group(storage::Transaction& txn, std::string name) const;
  void put_group(storage::Transaction& txn, const LogGroup& group) const;
  void erase_group(storage::Transaction& txn, const std::string& name) const;
  /// Groups after `after` (excluded) whose names start with `prefix`.
  Task<std::vector<LogGroup>> list_groups(storage::Transaction& txn, std::string prefix, std::string after,
                                          std::size_t limit) const;

  Task<std::optional<LogStream>> find_stream(storage::Transaction& txn, std::string group, std::string name) const;
  void put_stream(storage::Transaction& txn, const std::string& group, const LogStream& stream) const;
  void erase_stream(storage::Transaction& txn, const std::string& group, const std::string& name) const;
  Task<std::vector<LogStream>> list_streams(storage::Transaction& txn, std::string group, std::string prefix,
                                            std::string after, std::size_t limit) const;

  std::string filters_key(const std::string& group) const;

  void put_event(storage::Transaction& txn, const std::string& group, const std::string& stream,
                 const LogEvent& event) const;
  /// Events of a stream at or after `from` and before `to`, oldest first; with `newest` the last ones, newest first.
  Task<std::vector<LogEvent>> list_events(storage::Transaction& txn, std::string group, std::string stream,
                                          Position from, Position to, std::size_t limit, bool newest) const;
  /// Erases up to `limit` events before `before`; true when there may be more.
  Task<bool> erase_events(storage::Transaction& txn, std::string group, std::string stream, Position before,
                          std::size_t limit) const;

 private:
  std::string group_key(const std::string& group) const;
  std::string stream_key(const std::string& group, const std::string& stream) const;
  std::string event_key(const std::string& group, const std::string& stream, Position position) const;

  std::string account_;
  std::string region_;
};

/// The accounts and regions that have a log group, for the sweep: found by seeking, not by reading all.
Task<std::vector<std::pair<std::string, std::string>>> list_spaces(storage::Transaction& txn);

}  // namespace cumulet::logs
