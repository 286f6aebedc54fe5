#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "storage/database.h"

namespace cumulet::eventbridge {

/// What an account has in a region. Rows are JSON documents with the members of the Describe operations' answers.
enum class Part {
  kBus,
  kRule,     ///< Of a bus.
  kTargets,  ///< Of a bus's rule, all in one row: what ListTargetsByRule answers.
  kArchive,
  kReplay,
  kApiDestination,
  kConnection,
  kSecret,    ///< Of a connection: what CreateConnection was given.
  kDue,       ///< Of a scheduled rule: when it is due next, in microseconds since 1970.
  kPosition,  ///< Of a running replay: the last event that it has replayed.
};

struct Named {
  Named(std::string n, std::string d) : name(std::move(n)), document(std::move(d)) {}
  std::string name;
  std::string document;
};

/// An event in an archive.
struct Archived {
  Archived(std::int64_t t, std::string i, std::string e) : time(t), id(std::move(i)), envelope(std::move(e)) {}
  std::int64_t time;  ///< Microseconds since 1970.
  std::string id;
  std::string envelope;
};

/// Layout, all below ("events", account, region):
///   ("part", part, bus or "", name)   a document
///   ("revision", bus)                 counts the changes of what events on a bus are matched with
///   ("tags", ARN)                     tags
///   ("archived", archive, time, id)   an event
/// Every function works inside the caller's transaction.
class Store {
 public:
  Store(std::string account, std::string region) : account_(std::move(account)), region_(std::move(region)) {}

  const std::string& account() const { return account_; }
  const std::string& region() const { return region_; }

  Task<std::optional<std::string>> find(storage::Transaction& txn, Part part, std::string bus, std::string name) const;
  void put(storage::Transaction& txn, Part part, const std::string& bus, const std::string& name,
           std::string document) const;
  void erase(storage::Transaction& txn, Part part, const std::string& bus, const std::string& name) const;
  /// Documents after `after` (excluded) whose names start with `prefix`, by name.
  Task<std::vector<Named>> list(storage::Transaction& txn, Part part, std::string bus, std::string prefix,
                                std::string after, std::size_t limit) const;

  Task<std::uint64_t> revision(storage::Transaction& txn, std::string bus) const;
  Task<void> bump_revision(storage::Transaction& txn, std::string bus) const;

  Task<std::map<std::string, std::string>> tags(storage::Transaction& txn, std::string arn) const;
  void put_tags(storage::Transaction& txn, const std::string& arn,
                const std::map<std::string, std::string>& tags) const;

  void put_archived(storage::Transaction& txn, const std::string& archive, const Archived& event) const;
  /// From `time` and `id` (excluded) on, before `until`.
  Task<std::vector<Archived>> list_archived(storage::Transaction& txn, std::string archive, std::int64_t time,
                                            std::string id, std::int64_t until, std::size_t limit) const;
  void erase_archived(storage::Transaction& txn, const std::string& archive, const Archived& event) const;

 private:
  std::string part_key(Part part, const std::string& bus, const std::string& name) const;

  std::string account_;
  std::string region_;
};

}  // namespace cumulet::eventbridge
