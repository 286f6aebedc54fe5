#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "base/clock.h"
#include "base/loop.h"
#include "events/outbox.h"
#include "services/cloudformation/deployment.h"
#include "services/cloudformation/deployment_watch.h"
#include "wire/directory.h"
#include "wire/generated/cloudformation.h"
#include "wire/service.h"

namespace cumulet::cloudformation {

/// CloudFormation: stacks, change sets, events. An operation records what is to be done; a Deployment does it, on a
/// loop of its own, and goes on after a crash. Resources are made through the public operations of their services.
/// https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/
class CloudFormation {
 public:
  CloudFormation(storage::Database& database, const Clock& clock, const wire::Directory& directory,
                 events::Outbox& outbox);

  const wire::Service& service() const { return service_; }
  /// Goes on with what an earlier run left, and takes on new work from then on.
  void start(Loop& loop);

 private:
  using Call = wire::Call;
  template <typename Operation>
  using Out = typename Operation::Output;

  // operations_stacks.cc
  void register_stacks();
  Task<wire::cloudformation::CreateStackOutput> create_stack(Call& call,
                                                             const wire::cloudformation::CreateStackInput& input);
  Task<wire::cloudformation::UpdateStackOutput> update_stack(Call& call,
                                                             const wire::cloudformation::UpdateStackInput& input);
  Task<Out<wire::cloudformation::DeleteStack>> delete_stack(Call& call,
                                                            const wire::cloudformation::DeleteStackInput& input);
  Task<wire::cloudformation::UpdateTerminationProtectionOutput> update_termination_protection(
      Call& call, const wire::cloudformation::UpdateTerminationProtectionInput& input);

  // operations_change_sets.cc
  void register_change_sets();
  Task<wire::cloudformation::CreateChangeSetOutput> create_change_set(
      Call& call, const wire::cloudformation::CreateChangeSetInput& input);
  Task<wire::cloudformation::DescribeChangeSetOutput> describe_change_set(
      Call& call, const wire::cloudformation::DescribeChangeSetInput& input);
  Task<wire::cloudformation::ExecuteChangeSetOutput> execute_change_set(
      Call& call, const wire::cloudformation::ExecuteChangeSetInput& input);
  Task<wire::cloudformation::DeleteChangeSetOutput> delete_change_set(
      Call& call, const wire::cloudformation::DeleteChangeSetInput& input);
  Task<wire::cloudformation::ListChangeSetsOutput> list_change_sets(
      Call& call, const wire::cloudformation::ListChangeSetsInput& input);
  Task<ChangeSet> require_change_set(storage::Transaction& txn, const Store& store, std::string name,
                                     std::optional<std::string> stack);
  Task<void> compare(Call& call, const Store& store, const std::optional<Stack>& stack, ChangeSet& change_set);

  // operations_reading.cc
  void register_reading();
  Task<wire::cloudformation::DescribeStacksOutput> describe_stacks(
      Call& call, const wire::cloudformation::DescribeStacksInput& input);
  Task<wire::cloudformation::ListStacksOutput> list_stacks(Call& call,
                                                           const wire::cloudformation::ListStacksInput& input);
  Task<wire::cloudformation::DescribeStackEventsOutput> describe_stack_events(
      Call& call, const wire::cloudformation::DescribeStackEventsInput& input);
  Task<wire::cloudformation::DescribeStackResourcesOutput> describe_stack_resources(
      Call& call, const wire::cloudformation::DescribeStackResourcesInput& input);
  Task<wire::cloudformation::DescribeStackResourceOutput> describe_stack_resource(
      Call& call, const wire::cloudformation::DescribeStackResourceInput& input);
  Task<wire::cloudformation::ListStackResourcesOutput> list_stack_resources(
      Call& call, const wire::cloudformation::ListStackResourcesInput& input);
  Task<wire::cloudformation::ListExportsOutput> list_exports(Call& call,
                                                             const wire::cloudformation::ListExportsInput& input);
  Task<wire::cloudformation::GetTemplateOutput> get_template(Call& call,
                                                             const wire::cloudformation::GetTemplateInput& input);
  Task<wire::cloudformation::GetTemplateSummaryOutput> get_template_summary(
      Call& call, const wire::cloudformation::GetTemplateSummaryInput& input);
  Task<wire::cloudformation::ValidateTemplateOutput> validate_template(
      Call& call, const wire::cloudformation::ValidateTemplateInput& input);

  // sources.cc: where templates come from
  Task<std::string> template_body(Call& call, std::optional<std::string> body, std::optional<std::string> url);
  Task<std::string> read_url(Call& call, std::string url);

  /// Writes the stack with a new status, its event and its job in the caller's transaction.
  void record_work(storage::Transaction& txn, const Store& store, const Stack& stack);
  /// Starts the deployment that `record_work` promised. After the commit.
  void begin(Job job);

  storage::Database& database_;
  const Clock& clock_;
  const wire::Directory& directory_;
  events::Outbox& outbox_;
  const ResourceTypes types_;
  const std::shared_ptr<DeploymentWatch> watch_ = std::make_shared<DeploymentWatch>();
  wire::Service service_;
  std::atomic<std::uint64_t> sequence_;
  std::atomic<Loop*> loop_{nullptr};
};

/// The stack, by name or id; fails with "Stack with id x does not exist".
Task<Stack> require_stack(storage::Transaction& txn, const Store& store, std::string name);
/// Fails with InsufficientCapabilitiesException when the template makes IAM resources (or asks for a transform outside
/// a change set) and the caller does not acknowledge it.
Result<void> check_capabilities(const std::string& body, const std::vector<std::string>& capabilities,
                                bool through_change_set);
/// The parameters that a request gives; UsePreviousValue takes them from the stack.
Result<std::map<std::string, std::string>> given_parameters(
    const std::optional<std::vector<wire::cloudformation::Parameter>>& list,
    const std::map<std::string, std::string>& previous);
std::map<std::string, std::string> given_tags(const std::optional<std::vector<wire::cloudformation::Tag>>& list);
Result<void> check_stack_name(const std::string& name);
/// All deployments are of the standard mode here.
Result<void> refuse_deployment_mode(const std::optional<wire::cloudformation::DeploymentConfig>& asked);

}  // namespace cumulet::cloudformation
