#include "services/lambda/lambda.h"

#include "base/ids.h"
#include "base/log.h"
#include "services/lambda/durable/executions.h"
#include "services/lambda/route.h"

namespace cumulet::lambda {

namespace api = wire::lambda;

Error user_error(ErrorKind kind, std::string message) { return Error(kind, std::move(message)).with("Type", "User"); }

Error invalid(std::string message) {
  return user_error(api::errors::kInvalidParameterValueException, std::move(message));
}

Error function_not_found(const std::string& arn) {
  return user_error(api::errors::kResourceNotFoundException, "Function not found: " + arn);
}

Lambda::Lambda(storage::Database& database, storage::BlobStore& blobs, compute::Engine& engine, events::Outbox& outbox,
               ThreadPool& pool, const Clock& clock, Options options)
    : database_(database),
      blobs_(blobs),
      engine_(engine),
      outbox_(outbox),
      clock_(clock),
      options_(std::move(options)),
      code_(options_.code, blobs, pool),
      code_signing_(database, clock),
      service_(api::model()),
      location_key_(random_bytes(32)),
      bucket_target_(*options_.services, clock),
      sources_(poller_tools()) {
  // Any commit to our keys makes the compiled routes stale.
  for (const char* space : {"lambda", "lambda-url", "lambda-provisioned"}) {
    database_.on_commit(storage::Key(space).bytes(), [changes = changes_](const auto&...) { ++*changes; });
  }
  register_functions();
  register_reading();
  register_versions();
  register_settings();
  register_layers();
  register_urls();
  register_invoke();
  register_event_sources();
  register_recursion();
  register_provisioned();
  executions_ = make_executions();
  register_runtime_management();
  register_layer_permissions();
  code_signing_.register_on(service_);
  outbox_.register_target("lambda", *this);
}

Lambda::~Lambda() = default;

PollerTools Lambda::poller_tools() {
  PollerTools tools(database_, outbox_, clock_, *options_.services);
  tools.metrics = options_.metrics;
  tools.invoke = [this](const MappingRow& mapping, std::string payload, std::string trace) {
    return invoke_batch(mapping, std::move(payload), std::move(trace));
  };
  tools.role = [this](const MappingRow& mapping) { return role_of(mapping); };
  return tools;
}

void Lambda::add_stream_source(const std::string& service, events::StreamSource& source) {
  sources_.add_stream_source(service, source);
}

void Lambda::start(std::vector<Loop*> loops) {
  if (!loops.empty()) {
    executions_->start(*loops.front());
    loops.front()->post([this] {
      cumulet::start(resume_pulls(), [](const Result<void>& done) {
        if (!done) log::error("images are not fetched", {{"why", done.error().message()}});
      });
      cumulet::start(resume_snapshots(), [](const Result<void>& done) {
        if (!done) log::error("snapshots are not made", {{"why", done.error().message()}});
      });
      cumulet::start(follow_provisioning(), [](const Result<void>& done) {
        if (!done) log::error("provisioned concurrency was not restored", {{"why", done.error().message()}});
      });
    });
  }
  sources_.start(std::move(loops));
}

void Lambda::clock_moved() { executions_->clock_moved(); }

void Lambda::drain(SteadyTime deadline) {
  sources_.drain(deadline);
  executions_->drain(deadline);
}

Task<compute::Credentials> Lambda::credentials_for(const compute::FunctionVersion& version) {
  return options_.credentials_for_role(version.role, version.name);
}

Task<bool> Lambda::names_blob(std::string id) {
  const std::unique_ptr<storage::Transaction> txn = database_.begin();
  co_return co_await find_blob_name(*txn, id);
}

Task<VersionRow> Lambda::require_version(storage::Transaction& txn, FunctionName name) {
  const Store store(name.account, name.region);
  const std::string qualifier = name.qualifier.value_or("$LATEST");
  std::optional<std::uint64_t> number = version_number(qualifier);
  if (!number) {
    const std::optional<api::AliasConfiguration> alias = co_await store.find_alias(txn, name.name, qualifier);
    if (alias) number = version_number(alias->function_version.value_or(""));
  }
  std::optional<VersionRow> row;
  if (number) row = co_await store.find_version(txn, name.name, *number);
  if (!row) co_await fail(function_not_found(name.qualified_arn()));
  co_return std::move(*row);
}

/// 2026-11-22T10:20:30.123+0000
std::string Lambda::last_modified() const {
  std::string text = iso8601(clock_.now(), true);
  text.pop_back();
  return text + "+0000";
}

}  // namespace cumulet::lambda
