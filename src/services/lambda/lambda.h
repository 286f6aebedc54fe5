#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "access/authenticate.h"
#include "access/policy.h"
#include "base/clock.h"
#include "base/thread_pool.h"
#include "compute/engine.h"
#include "events/function_invoker.h"
#include "events/metric_sink.h"
#include "events/outbox.h"
#include "events/stream_source.h"
#include "images/store.h"
#include "services/lambda/bucket_target.h"
#include "services/lambda/code_signing.h"
#include "services/lambda/code_store.h"
#include "services/lambda/egress_tag.h"
#include "services/lambda/event_source/event_sources.h"
#include "services/lambda/function_name.h"
#include "services/lambda/image_pulls.h"
#include "services/lambda/invocation_metrics.h"
#include "services/lambda/invocation_record.h"
#include "services/lambda/response_streaming.h"
#include "services/lambda/snapshots.h"
#include "services/lambda/store.h"
#include "storage/blob_store.h"
#include "storage/database.h"
#include "wire/directory.h"
#include "wire/generated/lambda.h"
#include "wire/service.h"
#include "wire/surface.h"

namespace cumulet::lambda {

namespace durable {
class Executions;
}

/// How long a durable function's executions may run, and are kept.
struct DurableTerms {
  std::int64_t timeout_seconds = 0;  ///< 0: the function is not durable.
  std::int64_t retention_days = 0;
};

/// What the service needs from outside; the composition root provides it.
struct Options {
  std::filesystem::path code;  ///< Where packages lie unpacked: a cache, may be emptied while nothing runs.
  /// An object of S3, whole (a package). Fails with S3's own errors.
  std::function<Task<std::string>(std::string account, std::string region, std::string bucket, std::string key,
                                  std::string version)>
      read_object;
  /// Temporary credentials of a role, for the functions that run under it.
  std::function<Task<compute::Credentials>(std::string role_arn, std::string session_name)> credentials_for_role;
  /// Whether the service may take on a role. Empty: always.
  std::function<Task<bool>(std::string role_arn)> may_assume;
  /// Checks signatures on function URLs with AuthType AWS_IAM. Null: they answer 403.
  access::Authenticator* authenticator = nullptr;
  /// The services that event source mappings read from, and that take records of invocations. Outlives Lambda.
  const wire::Directory* services = nullptr;
  events::MetricSink* metrics = nullptr;  ///< May be null.
  images::ImageStore* images = nullptr;   ///< Null: functions that are container images are refused.
  /// Whether something else than a function is made of an image, by its digest. Empty: nothing is.
  std::function<bool(const std::string& digest)> runtime_has_image;
  EgressRule egress = EgressRule::kNone;  ///< Which functions may reach the internet.
  bool exact_streaming = false;           ///< Streamed responses have AWS's bandwidth and no more.
  std::vector<std::string> substrates;    ///< What a function may choose by its tag cumulet:substrate.
  /// Whether a service that invokes a function for itself (S3, API Gateway, …) needs a permission in its policy.
  bool services_need_permission = true;
};

/// A function version that is ready to run, with what decides on its running.
struct Runnable {
  std::shared_ptr<const compute::FunctionVersion> version;
  compute::Allowance allowance;
  bool stops_recursion = true;
  std::string arn;  ///< As asked for: with the qualifier, if there was one.
  std::shared_ptr<const access::Policy> policy;
  std::shared_ptr<InvocationMetrics> metrics;  ///< Null when nobody takes them.
  DurableTerms durable;
};

/// AWS Lambda: functions, versions, aliases, layers, URLs, policies, and their invocation. Three doors lead to a
/// function: the operation Invoke, `invoke` for the other services, and `deliver` for events of the outbox
/// (asynchronous invocations). https://docs.aws.amazon.com/lambda/latest/api/
class Lambda final : public events::FunctionInvoker, public events::Target, public wire::Surface {
 public:
  Lambda(storage::Database& database, storage::BlobStore& blobs, compute::Engine& engine, events::Outbox& outbox,
         ThreadPool& pool, const Clock& clock, Options options);
  ~Lambda() override;

  const wire::Service& service() const { return service_; }

  Task<events::FunctionReply> invoke(std::string function, std::string payload, std::string source_arn) override;
  Task<events::Outcome> deliver(const events::Event& event) override;
  bool owns(const net::Request& request) const override;
  Task<net::Response> answer(net::Request& request, std::string request_id) override;

  /// Streams that event source mappings may name: "kinesis", "dynamodb". Before `start`.
  void add_stream_source(const std::string& service, events::StreamSource& source);
  /// Begins to work on event source mappings. Any thread.
  void start(std::vector<Loop*> loops);
  void clock_moved();  ///< Any thread.
  /// Event sources are read no more; what runs for them ends until the deadline. Blocks; not on a loop.
  void drain(SteadyTime deadline);
  /// For the outbox: buckets as destinations.
  events::Target& bucket_target() { return bucket_target_; }

  /// For the engine: credentials of the version's role.
  Task<compute::Credentials> credentials_for(const compute::FunctionVersion& version);
  /// For the sweep of blobs at start: whether some function or layer is made of it.
  Task<bool> names_blob(std::string id);
  /// For the sweep of images at start.
  Task<bool> names_image(std::string digest);

 private:
  using Call = wire::Call;
  using Configuration = wire::lambda::FunctionConfiguration;

  // operations_functions.cc
  void register_functions();
  Task<Configuration> create_function(Call& call, const wire::lambda::CreateFunctionRequest& input);
  Task<Configuration> update_code(Call& call, const wire::lambda::UpdateFunctionCodeRequest& input);
  Task<Configuration> update_configuration(Call& call, const wire::lambda::UpdateFunctionConfigurationRequest& input);
  Task<wire::lambda::DeleteFunctionResponse> delete_function(Call& call,
                                                             const wire::lambda::DeleteFunctionRequest& input);
  Task<Configuration> create_in(Call& call, const wire::lambda::CreateFunctionRequest& input, const Package& package,
                                const PullRow* pull, storage::Transaction& txn);
  Task<std::string> read_code(Call& call, const wire::lambda::FunctionCode& code, std::string operation);
  Task<Package> take_zip(Call& call, const wire::lambda::UpdateFunctionCodeRequest& input);
  Task<void> check_runtime(Call& call, std::string runtime);
  Task<void> check_role(std::string role);
  Task<std::vector<wire::lambda::Layer>> find_layers(storage::Transaction& txn, std::vector<std::string> arns,
                                                     std::string account);

  // operations_images.cc
  /// An image that a function is to be made of.
  struct ImageCode {
    Package package;
    std::string architecture;
    images::HeldImage held;                        ///< It is here …
    std::optional<images::ResolvedImage> pending;  ///< … or has to be fetched.
  };
  Task<ImageCode> find_image(Call& call, std::string uri, std::optional<std::vector<std::string>> architectures,
                             bool wait);
  PullRow pull_of(const FunctionName& name, const ImageCode& code, bool update) const;
  Task<Configuration> begin_image_update(FunctionName name, ImageCode code,
                                         const wire::lambda::UpdateFunctionCodeRequest& input);
  void begin_pull(PullRow pull, std::optional<images::ResolvedImage> image);
  Task<images::HeldImage> pull_once(PullRow pull, std::optional<images::ResolvedImage> image);
  Task<void> follow_pull(PullRow pull, std::optional<images::ResolvedImage> image);
  Task<void> resume_pulls();
  Task<void> drop_code(std::string blob, std::string sha);
  Task<void> use_image(compute::FunctionVersion& version, VersionRow row);

  // operations_snapshots.cc
  void begin_snapshot(const Configuration& published);
  Task<compute::SnapshotResult> snapshot_once(FunctionName name);
  Task<void> follow_snapshot(SnapshotRow wanted);
  Task<void> resume_snapshots();
  static Result<void> check_snapshot(const Configuration& configuration);

  // operations_reading.cc
  void register_reading();
  Task<wire::lambda::GetFunctionResponse> get_function(Call& call, const wire::lambda::GetFunctionRequest& input);
  Task<Configuration> get_configuration(Call& call, const wire::lambda::GetFunctionConfigurationRequest& input);
  Task<wire::lambda::ListFunctionsResponse> list_functions(Call& call, const wire::lambda::ListFunctionsRequest& input);
  Task<wire::lambda::GetAccountSettingsResponse> account_settings(Call& call);

  // operations_versions.cc
  void register_versions();
  Task<Configuration> publish_version(Call& call, const wire::lambda::PublishVersionRequest& input);
  Task<Configuration> publish_in(storage::Transaction& txn, const Store& store, std::string name,
                                 std::optional<std::string> description);
  Task<wire::lambda::ListVersionsByFunctionResponse> list_versions(
      Call& call, const wire::lambda::ListVersionsByFunctionRequest& input);
  Task<wire::lambda::AliasConfiguration> create_alias(Call& call, const wire::lambda::CreateAliasRequest& input);
  Task<wire::lambda::AliasConfiguration> get_alias(Call& call, const wire::lambda::GetAliasRequest& input);
  Task<wire::lambda::AliasConfiguration> update_alias(Call& call, const wire::lambda::UpdateAliasRequest& input);
  Task<wire::lambda::DeleteAliasOutput> delete_alias(Call& call, const wire::lambda::DeleteAliasRequest& input);
  Task<wire::lambda::ListAliasesResponse> list_aliases(Call& call, const wire::lambda::ListAliasesRequest& input);

  // operations_settings.cc: concurrency, permissions, tags, event invoke configuration
  void register_settings();
  Task<wire::lambda::Concurrency> put_concurrency(Call& call, const wire::lambda::PutFunctionConcurrencyRequest& input);
  Task<wire::lambda::GetFunctionConcurrencyResponse> get_concurrency(
      Call& call, const wire::lambda::GetFunctionConcurrencyRequest& input);
  Task<wire::lambda::DeleteFunctionConcurrencyOutput> delete_concurrency(
      Call& call, const wire::lambda::DeleteFunctionConcurrencyRequest& input);
  Task<wire::lambda::AddPermissionResponse> add_permission(Call& call, const wire::lambda::AddPermissionRequest& input);
  Task<wire::lambda::RemovePermissionOutput> remove_permission(Call& call,
                                                               const wire::lambda::RemovePermissionRequest& input);
  Task<wire::lambda::GetPolicyResponse> get_policy(Call& call, const wire::lambda::GetPolicyRequest& input);
  Task<wire::lambda::TagResourceOutput> tag_resource(Call& call, const wire::lambda::TagResourceRequest& input);
  Task<wire::lambda::UntagResourceOutput> untag_resource(Call& call, const wire::lambda::UntagResourceRequest& input);
  Task<wire::lambda::ListTagsResponse> list_tags(Call& call, const wire::lambda::ListTagsRequest& input);
  Task<wire::lambda::FunctionEventInvokeConfig> put_event_config(
      Call& call, const wire::lambda::PutFunctionEventInvokeConfigRequest& input);
  Task<wire::lambda::FunctionEventInvokeConfig> update_event_config(
      Call& call, const wire::lambda::UpdateFunctionEventInvokeConfigRequest& input);
  Task<wire::lambda::FunctionEventInvokeConfig> get_event_config(
      Call& call, const wire::lambda::GetFunctionEventInvokeConfigRequest& input);
  Task<wire::lambda::DeleteFunctionEventInvokeConfigOutput> delete_event_config(
      Call& call, const wire::lambda::DeleteFunctionEventInvokeConfigRequest& input);
  Task<wire::lambda::ListFunctionEventInvokeConfigsResponse> list_event_configs(
      Call& call, const wire::lambda::ListFunctionEventInvokeConfigsRequest& input);

  // operations_provisioned.cc
  void register_provisioned();
  Task<wire::lambda::PutProvisionedConcurrencyConfigResponse> put_provisioned_config(
      Call& call, const wire::lambda::PutProvisionedConcurrencyConfigRequest& input);
  Task<wire::lambda::GetProvisionedConcurrencyConfigResponse> get_provisioned_config(
      Call& call, const wire::lambda::GetProvisionedConcurrencyConfigRequest& input);
  Task<wire::lambda::DeleteProvisionedConcurrencyConfigOutput> delete_provisioned_config(
      Call& call, const wire::lambda::DeleteProvisionedConcurrencyConfigRequest& input);
  Task<wire::lambda::ListProvisionedConcurrencyConfigsResponse> list_provisioned_configs(
      Call& call, const wire::lambda::ListProvisionedConcurrencyConfigsRequest& input);
  Task<compute::ProvisionState> provision_state(FunctionName name);
  Task<void> follow_provisioning();

  // operations_recursion.cc
  void register_recursion();
  Task<wire::lambda::PutFunctionRecursionConfigResponse> put_recursion(
      Call& call, const wire::lambda::PutFunctionRecursionConfigRequest& input);
  Task<wire::lambda::GetFunctionRecursionConfigResponse> get_recursion(
      Call& call, const wire::lambda::GetFunctionRecursionConfigRequest& input);

  // operations_runtime_management.cc
  void register_runtime_management();
  Task<wire::lambda::PutRuntimeManagementConfigResponse> put_runtime_management(
      Call& call, const wire::lambda::PutRuntimeManagementConfigRequest& input);
  Task<wire::lambda::GetRuntimeManagementConfigResponse> get_runtime_management(
      Call& call, const wire::lambda::GetRuntimeManagementConfigRequest& input);

  // operations_layer_permissions.cc
  /// Fails unless the layer version is the account's own, or its policy lets the account use it.
  Task<void> may_use_layer(storage::Transaction& txn, std::string layer_arn, std::string account);
  void register_layer_permissions();
  Task<wire::lambda::AddLayerVersionPermissionResponse> add_layer_permission(
      Call& call, const wire::lambda::AddLayerVersionPermissionRequest& input);
  Task<wire::lambda::RemoveLayerVersionPermissionOutput> remove_layer_permission(
      Call& call, const wire::lambda::RemoveLayerVersionPermissionRequest& input);
  Task<wire::lambda::GetLayerVersionPolicyResponse> get_layer_policy(
      Call& call, const wire::lambda::GetLayerVersionPolicyRequest& input);

  // operations_layers.cc
  void register_layers();
  using Packages = std::vector<std::pair<std::string, std::string>>;  ///< Blob and digest of each.
  /// Erases those of the layer versions that were deleted and that no function has any more. Gives their packages, to
  /// be dropped after the commit.
  Task<Packages> erase_unused_layers(storage::Transaction& txn, std::vector<std::string> arns);
  Task<void> drop_packages(Packages packages);
  Task<wire::lambda::PublishLayerVersionResponse> publish_layer(Call& call,
                                                                const wire::lambda::PublishLayerVersionRequest& input);
  Task<wire::lambda::GetLayerVersionResponse> get_layer(Call& call, std::string layer, std::int64_t version);
  Task<wire::lambda::ListLayersResponse> list_layers(Call& call, const wire::lambda::ListLayersRequest& input);
  Task<wire::lambda::ListLayerVersionsResponse> list_layer_versions(
      Call& call, const wire::lambda::ListLayerVersionsRequest& input);
  Task<wire::lambda::DeleteLayerVersionOutput> delete_layer(Call& call,
                                                            const wire::lambda::DeleteLayerVersionRequest& input);

  // operations_urls.cc
  void register_urls();
  Task<wire::lambda::CreateFunctionUrlConfigResponse> create_url(
      Call& call, const wire::lambda::CreateFunctionUrlConfigRequest& input);
  Task<wire::lambda::GetFunctionUrlConfigResponse> get_url(Call& call,
                                                           const wire::lambda::GetFunctionUrlConfigRequest& input);
  Task<wire::lambda::UpdateFunctionUrlConfigResponse> update_url(
      Call& call, const wire::lambda::UpdateFunctionUrlConfigRequest& input);
  Task<wire::lambda::DeleteFunctionUrlConfigOutput> delete_url(
      Call& call, const wire::lambda::DeleteFunctionUrlConfigRequest& input);
  Task<wire::lambda::ListFunctionUrlConfigsResponse> list_urls(
      Call& call, const wire::lambda::ListFunctionUrlConfigsRequest& input);

  // url_surface.cc
  Task<net::Response> answer_url(net::Request& request, std::string request_id);
  Task<net::Response> call_url(net::Request& request, std::string id, UrlTarget target, UrlRow url,
                               std::string request_id);

  // operations_invoke.cc
  void register_invoke();
  Task<wire::lambda::InvocationResponse> invoke_operation(Call& call, const wire::lambda::InvocationRequest& input);
  Task<wire::lambda::InvokeWithResponseStreamResponse> invoke_streaming(
      Call& call, const wire::lambda::InvokeWithResponseStreamRequest& input);
  /// The invocation goes on whether or not anybody reads.
  StreamedInvocation begin_streaming(Runnable target, compute::Invocation invocation);
  Task<compute::InvocationResult> run_to_the_end(Runnable target, compute::Invocation invocation);
  Task<wire::lambda::InvokeAsyncResponse> invoke_async(Call& call, const wire::lambda::InvokeAsyncRequest& input);
  Task<void> record_invocation(const Runnable& runnable, std::string payload, std::string trace, std::string tenant,
                               Call& call);
  /// Of a durable function: an execution, to its end.
  Task<compute::InvocationResult> run(const Runnable& runnable, compute::Invocation invocation);
  Task<compute::InvocationResult> run_once(const Runnable& runnable, compute::Invocation invocation);
  /// Whether `source_arn`, if it is a service's resource, may invoke the function.
  Result<void> permit(const Runnable& runnable, const std::string& source_arn, const std::string& account) const;

  Task<BatchReply> invoke_batch(const MappingRow& mapping, std::string payload, std::string trace);

  // durable/doors.cc
  std::unique_ptr<durable::Executions> make_executions();
  Task<DurableTerms> durable_terms(FunctionName name);
  Task<wire::lambda::InvocationResponse> invoke_durable(Call& call, const wire::lambda::InvocationRequest& input,
                                                        const Runnable& runnable, std::string payload,
                                                        std::string trace);
  Task<compute::InvocationResult> run_durable(const Runnable& runnable, compute::Invocation invocation);
  Task<events::Outcome> start_durable(const events::Event& event, const Runnable& runnable, std::string trace);

  // operations_event_sources.cc
  void register_event_sources();
  using Mapping = wire::lambda::EventSourceMappingConfiguration;
  Task<Mapping> create_mapping(Call& call, const wire::lambda::CreateEventSourceMappingRequest& input);
  Task<Mapping> get_mapping(Call& call, const wire::lambda::GetEventSourceMappingRequest& input);
  Task<Mapping> update_mapping(Call& call, const wire::lambda::UpdateEventSourceMappingRequest& input);
  Task<Mapping> delete_mapping(Call& call, const wire::lambda::DeleteEventSourceMappingRequest& input);
  Task<wire::lambda::ListEventSourceMappingsResponse> list_mappings_of(
      Call& call, const wire::lambda::ListEventSourceMappingsRequest& input);
  Task<FunctionName> mapped_function(Call& call, std::string function_name);
  Task<void> check_source(const MappingRow& mapping, std::int32_t function_timeout);
  Task<std::int32_t> timeout_of(std::string function_arn);
  Task<std::string> role_of(const MappingRow& mapping);
  PollerTools poller_tools();

  // asynchronous.cc
  struct Settings;
  Task<Settings> settings_of(FunctionName name);
  Task<events::Outcome> try_event(const events::Event& event, const Settings& settings, const Runnable& target,
                                  InvocationRecord record);
  Task<events::Outcome> give_up(const events::Event& event, const Settings& settings, const Runnable& target,
                                InvocationRecord record);
  Task<void> send(std::string destination, const InvocationRecord& record);

  // runnable.cc: what runs, compiled, until something of any function changes.
  struct Route;
  Task<Runnable> runnable(FunctionName name);
  Task<std::shared_ptr<const Route>> load_route(FunctionName name);
  Task<std::shared_ptr<const compute::FunctionVersion>> load_version(FunctionName name, bool for_snapshot = false);
  std::shared_ptr<InvocationMetrics> metrics_of(const FunctionName& name);
  Task<std::int64_t> reserved_in(std::string account, std::string region);

  /// The version row that a name with a qualifier means; fails with ResourceNotFoundException.
  Task<VersionRow> require_version(storage::Transaction& txn, FunctionName name);
  std::string last_modified() const;
  /// Where a package may be fetched for the next ten minutes.
  std::string code_location(const Call& call, const std::string& blob) const;
  Task<net::Response> answer_code(const net::Request& request);

  storage::Database& database_;
  storage::BlobStore& blobs_;
  compute::Engine& engine_;
  events::Outbox& outbox_;
  const Clock& clock_;
  const Options options_;
  CodeStore code_;
  CodeSigning code_signing_;
  wire::Service service_;
  const std::string location_key_;  ///< Signs code locations.
  BucketTarget bucket_target_;
  EventSources sources_;
  std::unique_ptr<durable::Executions> executions_;

  std::atomic<std::uint64_t> provisioning_turn_{0};
  std::mutex mutex_;
  std::uint64_t provisioning_done_ = 0;
  std::set<std::string> provisioned_keys_;  ///< What the engine was told to hold ready.
  /// Commits to our keys so far. The store counts on after this object is gone.
  const std::shared_ptr<std::atomic<std::uint64_t>> changes_ = std::make_shared<std::atomic<std::uint64_t>>(0);
  std::uint64_t cached_at_ = 0;
  /// What the functions of an account and region have reserved, as of a count of `reservations_`.
  struct ReservedSum {
    std::uint64_t as_of = 0;
    std::int64_t sum = 0;
  };
  std::atomic<std::uint64_t> reservations_{1};  ///< Grows when a function reserves concurrency or gives it up.
  std::map<std::string, ReservedSum, std::less<>> reserved_sums_;
  std::map<std::string, std::shared_ptr<const Route>, std::less<>> routes_;
  /// Of the functions whose routes are in use, so that a change does not begin them anew.
  std::map<std::string, std::weak_ptr<InvocationMetrics>, std::less<>> metrics_;
};

/// An error of the caller's making, as Lambda renders it (with the member Type).
Error user_error(ErrorKind kind, std::string message);
Error invalid(std::string message);  ///< InvalidParameterValueException
Error function_not_found(const std::string& arn);
/// Nothing when the text is JSON, else what is wrong with it.
std::optional<std::string> json_problem(const std::string& text);

}  // namespace cumulet::lambda
