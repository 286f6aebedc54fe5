#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "storage/database.h"
#include "wire/generated/scheduler.h"

namespace cumulet::scheduler {

/// A schedule as it is stored.
struct Schedule {
  wire::scheduler::GetScheduleOutput shown;
  std::string client_token;
  std::optional<Timestamp> tick;  ///< The time that its expression names next.
  Timestamp due;                  ///< When it is invoked for that: in a flexible window some time later.
};

struct Group {
  wire::scheduler::GetScheduleGroupOutput shown;
};

/// Layout, all below ("scheduler", account, region):
///   ("schedule", group, name)   schedule row
///   ("group", name)             group row; the group "default" has none
///   ("tags", ARN)               tags of a group
/// Every function works inside the caller's transaction.
class Store {
 public:
  Store(std::string account, std::string region) : account_(std::move(account)), region_(std::move(region)) {}

  const std::string& account() const { return account_; }
  const std::string& region() const { return region_; }

  Task<std::optional<Schedule>> find(storage::Transaction& txn, std::string group, std::string name) const;
  void put(storage::Transaction& txn, const Schedule& schedule) const;
  void erase(storage::Transaction& txn, const std::string& group, const std::string& name) const;
  /// Behind `after` (a group and a name), of one group or of all; names start with `prefix`.
  Task<std::vector<Schedule>> list(storage::Transaction& txn, std::optional<std::string> group, std::string prefix,
                                   std::pair<std::string, std::string> after, std::size_t limit) const;

  Task<std::optional<Group>> find_group(storage::Transaction& txn, std::string name) const;
  void put_group(storage::Transaction& txn, const Group& group) const;
  void erase_group(storage::Transaction& txn, const std::string& name) const;
  Task<std::vector<Group>> list_groups(storage::Transaction& txn, std::string prefix, std::string after,
                                       std::size_t limit) const;

  Task<std::map<std::string, std::string>> tags(storage::Transaction& txn, std::string arn) const;
  void put_tags(storage::Transaction& txn, const std::string& arn,
                const std::map<std::string, std::string>& tags) const;

 private:
  std::string account_;
  std::string region_;
};

inline constexpr std::string_view kDefaultGroup = "default";

}  // namespace cumulet::scheduler
