#pragma once

#include <optional>
#include <string>
#include <vector>

#include "services/cloudformation/stack.h"
#include "storage/database.h"

namespace cumulet::events {
class Outbox;
}

/// The keys of one account and region. Layout, all below ("cfn", account, region):
///   ("stack", name)                     the live stack of that name
///   ("gone", id)                        a deleted stack, found by its id
///   ("resource", stack id, logical id)  its resources
///   ("leftover", stack id, physical id) what waits to be removed
///   ("event", stack id, sequence)       its events, oldest first
///   ("change-set", stack name, name)    change sets
///   ("export", name)                    [stack id, value]
/// and ("cfn-job", stack id): [account, region, name] of every stack with work to do: found again after a crash.
namespace cumulet::cloudformation {

struct Job {
  std::string account;
  std::string region;
  std::string stack_name;
  std::string stack_id;
};

class Store {
 public:
  Store(std::string account, std::string region) : account_(std::move(account)), region_(std::move(region)) {}

  Task<std::optional<Stack>> find_stack(storage::Transaction& txn, std::string name) const;
  /// By name, or by id; a deleted one by its id only.
  Task<std::optional<Stack>> find_stack_by(storage::Transaction& txn, std::string name_or_id) const;
  void put_stack(storage::Transaction& txn, const Stack& stack) const;
  /// Moves a stack to the deleted ones.
  void bury_stack(storage::Transaction& txn, const Stack& stack) const;
  Task<std::vector<Stack>> list_stacks(storage::Transaction& txn, bool with_deleted) const;

  void put_resource(storage::Transaction& txn, const std::string& stack_id, const StackResource& resource) const;
  void erase_resource(storage::Transaction& txn, const std::string& stack_id, const std::string& logical_id) const;
  Task<std::vector<StackResource>> list_resources(storage::Transaction& txn, std::string stack_id) const;

  void put_leftover(storage::Transaction& txn, const std::string& stack_id, const Leftover& leftover) const;
  void erase_leftover(storage::Transaction& txn, const std::string& stack_id, const std::string& physical_id) const;
  Task<std::vector<Leftover>> list_leftovers(storage::Transaction& txn, std::string stack_id) const;

  /// The event of a stack; EventBridge is told of it through the outbox.
  void put_event(storage::Transaction& txn, events::Outbox& outbox, const std::string& stack_id, std::uint64_t sequence,
                 const StackEvent& event) const;
  /// Newest first, those before `before`.
  Task<std::vector<std::pair<std::uint64_t, StackEvent>>> list_events(storage::Transaction& txn, std::string stack_id,
                                                                      std::uint64_t before, std::size_t limit) const;

  Task<std::optional<ChangeSet>> find_change_set(storage::Transaction& txn, std::string stack_name,
                                                 std::string name) const;
  void put_change_set(storage::Transaction& txn, const ChangeSet& change_set) const;
  void erase_change_set(storage::Transaction& txn, const std::string& stack_name, const std::string& name) const;
  Task<std::vector<ChangeSet>> list_change_sets(storage::Transaction& txn, std::string stack_name) const;

  Task<std::optional<std::pair<std::string, std::string>>> find_export(storage::Transaction& txn,
                                                                       std::string name) const;
  void put_export(storage::Transaction& txn, const std::string& name, const std::string& stack_id,
                  const std::string& value) const;
  void erase_export(storage::Transaction& txn, const std::string& name) const;
  struct Export {
    std::string name;
    std::string stack_id;
    std::string value;
  };
  Task<std::vector<Export>> list_exports(storage::Transaction& txn) const;

  void put_job(storage::Transaction& txn, const Stack& stack) const;
  void erase_job(storage::Transaction& txn, const std::string& stack_id) const;

 private:
  std::string key(std::string_view kind) const;
  std::string key(std::string_view kind, std::string_view a) const;
  std::string key(std::string_view kind, std::string_view a, std::string_view b) const;

  std::string account_;
  std::string region_;
};

Task<std::vector<Job>> list_jobs(storage::Transaction& txn);

}  // namespace cumulet::cloudformation
