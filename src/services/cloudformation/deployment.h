#pragma once

#include <atomic>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "events/outbox.h"
#include "services/cloudformation/intrinsics.h"
#include "services/cloudformation/resource_type.h"
#include "services/cloudformation/store.h"
#include "storage/database.h"

namespace cumulet::cloudformation {

/// A template ready to be deployed: transformed, its parameters resolved, its conditions decided, its resources in
/// order.
struct Plan {
  Template definition;
  Scope scope;  ///< `definition` points into this plan: it does not move.
  std::set<std::string> active;
  std::vector<std::string> order;
};
/// Fails with ValidationError, also on a resource type that `types` does not know.
Result<std::unique_ptr<Plan>> make_plan(const std::string& body, const std::map<std::string, std::string>& parameters,
                                        std::map<std::string, std::string> pseudo, const ResourceTypes& types);

/// The pseudo parameters of a stack.
std::map<std::string, std::string> pseudo_parameters(const std::string& account, const std::string& region,
                                                     const std::string& stack_name, const std::string& stack_id);

/// Brings one stack to where its status says it is going: one step after the other, each recorded before the next, so
/// that a server that died goes on where it was. Lives as long as its job.
class Deployment {
 public:
  Deployment(storage::Database& database, const Clock& clock, const wire::Directory& directory, events::Outbox& outbox,
             const ResourceTypes& types, std::atomic<std::uint64_t>& sequence, Job job);

  Task<void> run();

 private:
  Task<void> step();
  Task<void> create_stack();
  Task<void> update_stack();
  Task<void> roll_update_back();
  Task<void> delete_stack();
  Task<void> roll_creation_back();

  /// Makes and changes resources until they are what the template says; gives the reason when one failed.
  Task<std::string> apply(std::string body, std::map<std::string, std::string> parameters);
  Task<void> deploy_resource(const Plan& plan, std::string logical_id);
  Task<void> create_resource(const Resource& wanted, StackResource resource, Value properties);
  Task<void> update_resource(const Resource& wanted, StackResource resource, Value properties);
  /// Makes a new resource in the place of one that exists.
  Task<void> replace_resource(const Resource& wanted, StackResource resource, Value properties);
  /// In a rollback: takes back what the update had replaced or dropped. False when there is no such thing.
  Task<bool> take_back(const Resource& wanted, StackResource resource, const Value& properties);
  Task<Made> make(ResourceType& type, const StackResource& resource, const Value& properties, bool again);
  Task<void> fill_outputs(const Plan& plan);
  /// Fails when another stack imports an export of this one that is not in `kept` or has another value there.
  Task<void> check_exports(storage::Transaction& txn, const std::map<std::string, std::string>& kept) const;
  Task<void> drop_unwanted(const Plan& plan);
  Task<void> clean_up();
  Task<bool> remove_leftover(Leftover leftover);
  /// Removes all resources, dependents first; gives the logical ids that failed.
  Task<std::vector<std::string>> remove_all(bool creation_failed);
  Task<bool> remove_resource(StackResource resource, bool creation_failed);

  Task<void> set_status(std::string status, std::string reason = {});
  Task<void> save(const StackResource& resource, std::string status, std::string reason = {});
  Task<void> finish();
  Task<void> load();
  ResourceContext context_for(const StackResource& resource);
  StackEvent event_for(std::string logical_id, std::string physical_id, std::string type, std::string status,
                       std::string reason) const;

  storage::Database& database_;
  const Clock& clock_;
  const wire::Directory& directory_;
  events::Outbox& outbox_;
  const ResourceTypes& types_;
  std::atomic<std::uint64_t>& sequence_;
  const Job job_;
  const Store store_;
  net::Request request_;
  wire::Call call_;
  Stack stack_;
  std::map<std::string, StackResource> resources_;
  std::map<std::string, std::string> imports_;
  std::set<std::string> imported_;  ///< Those that the template used.
};

}  // namespace cumulet::cloudformation
