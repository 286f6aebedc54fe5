#include "main/cloud.h"

#include <cerrno>
#include <cstring>
#include <future>
#include <optional>
#include <thread>

#include <sys/stat.h>
#include <unistd.h>

#include "access/authenticate.h"
#include "access/authenticate_form.h"
#include "access/authorize.h"
#include "access/credential_store.h"
#include "base/log.h"
#include "base/run.h"
#include "base/thread_pool.h"
#include "compute/engine.h"
#include "compute/runtime_images.h"
#include "compute/runtimes_folder.h"
#include "compute/sandbox.h"
#include "compute/substrates.h"
#include "events/outbox.h"
#include "images/layout.h"
#include "images/registry.h"
#include "images/registry_auth.h"
#include "images/store.h"
#include "main/blob_sweep.h"
#include "main/observability.h"
#include "net/certificates.h"
#include "net/client.h"
#include "net/server.h"
#include "pipeline/access_log.h"
#include "pipeline/pipeline.h"
#include "services/apigateway/apigateway.h"
#include "services/cloudformation/cloudformation.h"
#include "services/cloudwatch/cloudwatch.h"
#include "services/dynamodb/dynamodb.h"
#include "services/eventbridge/eventbridge.h"
#include "services/eventbridge/log_group_target.h"
#include "services/firehose/firehose.h"
#include "services/iam/iam.h"
#include "services/kinesis/kinesis.h"
#include "services/lambda/lambda.h"
#include "services/logs/logs.h"
#include "services/s3/s3.h"
#include "services/s3/verify_door.h"
#include "services/scheduler/scheduler.h"
#include "services/sns/sns.h"
#include "services/sqs/sqs.h"
#include "services/sts/sts.h"
#include "storage/open.h"
#include "wire/directory.h"
#include "wire/generated/s3.h"
#include "wire/named_operations.h"

namespace cumulet {
namespace {

constexpr std::size_t kBlockingThreads = 4;
constexpr std::uint64_t kPackageLimit = 250u << 20;

Error cannot(std::string what, const Error& why) {
  return Error("CannotStart", 500, std::move(what) + ": " + why.message());
}

Result<void> make_directory(const std::filesystem::path& directory, mode_t mode) {
  std::error_code failed;
  std::filesystem::create_directories(directory, failed);
  if (!failed && ::chmod(directory.c_str(), mode) == 0) return {};
  const std::string reason = failed ? failed.message() : std::strerror(errno);
  return Error("CannotStart", 500, "cannot make the directory " + directory.string() + ": " + reason);
}

}  // namespace

/// Members stand in the order in which they need each other.
struct Cloud::Parts {
  explicit Parts(const Config& c) : config(c) {}
  ~Parts() {
    // The loops end first: nothing may run while the parts that it uses go. Also when the start has failed half-way.
    if (loops) loops->stop();
  }

  Result<void> begin_sandboxes();
  void begin_store();
  Result<void> open_network();
  Result<void> open_compute();
  Result<void> open_stores();
  Result<void> open_access();
  void open_pipeline();
  void add_services();
  Result<void> listen();

  compute::EngineHooks engine_hooks();
  Result<void> open_images();
  lambda::Options lambda_options();
  sns::Options sns_options() const;
  Task<std::string> read_package(std::string account, std::string region, std::string bucket, std::string key,
                                 std::string version);
  Task<compute::Credentials> role_credentials(std::string role, std::string session);
  Result<void> sweep_images();
  Result<void> load_watches();
  Task<bool> is_blob_named(std::string id);

  const Config config;
  /// Opening the sandboxes waits for the kernel and opening the store for the disk: they do it beside all else.
  std::future<Result<std::unique_ptr<compute::Substrate>>> substrate;
  SystemClock clock;
  ThreadPool pool{kBlockingThreads};
  std::future<Result<std::unique_ptr<storage::Database>>> store;
  std::unique_ptr<storage::Database> database;
  std::unique_ptr<storage::BlobStore> blobs;
  std::unique_ptr<s3::SealingKey> sealing;
  std::unique_ptr<sns::Signer> signer;
  std::unique_ptr<access::CredentialStore> credentials;
  std::unique_ptr<access::Authenticator> authenticator;
  std::unique_ptr<access::FormAuthenticator> form_authenticator;
  std::unique_ptr<pipeline::AccessLog> access_log;
  std::unique_ptr<pipeline::Pipeline> pipeline;
  std::unique_ptr<net::Loops> loops;
  std::unique_ptr<net::Server> server;
  std::unique_ptr<net::Client> client;
  std::string certificate_authority;  ///< PEM; empty when the certificate is the user's own.
  std::unique_ptr<events::Outbox> outbox;
  wire::Directory directory;
  wire::NamedOperations operations;

  std::unique_ptr<cloudwatch::CloudWatch> cloudwatch;  ///< Its metrics() is the MetricSink of all others.
  std::unique_ptr<logs::Logs> logs;
  std::unique_ptr<iam::Iam> iam;
  std::unique_ptr<sts::Sts> sts;
  std::unique_ptr<dynamodb::DynamoDb> dynamodb;
  std::unique_ptr<s3::S3> s3;
  std::unique_ptr<s3::VerifyDoor> verify_door;
  std::unique_ptr<kinesis::Kinesis> kinesis;
  std::unique_ptr<sqs::Sqs> sqs;
  std::unique_ptr<firehose::Firehose> firehose;
  std::unique_ptr<images::FolderSource> imported;
  std::unique_ptr<images::Registry> registry;
  std::unique_ptr<images::ImageStore> images;
  std::shared_ptr<compute::RuntimeImages> runtime_images;
  std::unique_ptr<compute::Engine> engine;
  std::unique_ptr<lambda::Lambda> lambda;
  std::unique_ptr<sns::Sns> sns;
  std::unique_ptr<apigateway::ApiGateway> apigateway;
  std::unique_ptr<eventbridge::EventBridge> eventbridge;
  std::unique_ptr<eventbridge::LogGroupTarget> log_groups;
  std::unique_ptr<scheduler::Scheduler> scheduler;
  std::unique_ptr<cloudformation::CloudFormation> cloudformation;
  std::optional<BlobSweep> blob_sweep;
  std::uint16_t port = 0;
};

Result<void> Cloud::Parts::begin_sandboxes() {
  const std::filesystem::path state = config.data_dir / "sandboxes";
  Result<void> made = make_directory(config.data_dir, 0700);
  if (made.ok()) made = make_directory(state, 0711);
  if (!made.ok()) return made;
  compute::SubstrateOptions options;
  options.state = state;
  options.names = config.substrates;
  options.microvm_kernel = config.microvm_kernel;
  substrate = std::async(std::launch::async, [options] { return compute::make_substrates(options); });
  return {};
}

void Cloud::Parts::begin_store() {
  store = std::async(std::launch::async, [this] {
    return storage::open_rocksdb(config.data_dir / "store", pool, std::size_t{config.store_memory} << 20);
  });
}

Result<void> Cloud::Parts::open_stores() {
  Result<std::unique_ptr<storage::Database>> opened = store.get();
  if (!opened.ok()) return cannot("cannot open the store in " + config.data_dir.string(), opened.error());
  database = std::move(*opened);
  Result<std::unique_ptr<storage::BlobStore>> files = storage::open_blob_files(config.data_dir / "blobs", pool);
  if (!files.ok()) return cannot("cannot open the objects in " + config.data_dir.string(), files.error());
  blobs = std::move(*files);
  Result<s3::SealingKey> key = s3::SealingKey::open(config.data_dir / "s3-key");
  if (!key.ok()) return std::move(key).error();
  sealing = std::make_unique<s3::SealingKey>(std::move(*key));
  Result<std::unique_ptr<sns::Signer>> opened_signer = sns::Signer::open(config.data_dir.string(), pool);
  if (!opened_signer.ok()) return std::move(opened_signer).error();
  signer = std::move(*opened_signer);
  Result<std::unique_ptr<pipeline::AccessLog>> log = pipeline::AccessLog::open(config.access_log);
  if (!log.ok()) return std::move(log).error();
  access_log = std::move(*log);
  return {};
}

Result<void> Cloud::Parts::open_access() {
  access::CredentialStore::Options options;
  options.account_id = config.account_id;
  options.root_file = config.data_dir / "root-credentials";
  options.roles_must_exist = !config.dev;
  credentials = std::make_unique<access::CredentialStore>(*database, clock, options);
  const Result<access::RootCredentials> root = run(credentials->open());
  if (!root.ok()) return cannot("cannot open the account", root.error());
  const auto mode = config.dev ? access::Authenticator::Mode::kLenient : access::Authenticator::Mode::kStrict;
  authenticator = std::make_unique<access::Authenticator>(*credentials, clock, mode);
  form_authenticator = std::make_unique<access::FormAuthenticator>(*credentials, clock, config.dev);
  return {};
}

Result<void> Cloud::Parts::open_network() {
  std::shared_ptr<net::TlsIdentity> identity;
  if (config.tls_cert.empty()) {
    Result<std::shared_ptr<net::LocalAuthority>> authority = net::LocalAuthority::open(config.data_dir.string());
    if (!authority.ok()) return cannot("cannot open the certificate authority", authority.error());
    certificate_authority = (*authority)->certificate();
    identity = std::move(*authority);
  } else {
    Result<std::shared_ptr<net::TlsIdentity>> files =
        net::identity_from_files(config.tls_cert.string(), config.tls_key.string());
    if (!files.ok()) return cannot("cannot use the certificate", files.error());
    identity = std::move(*files);
  }
  const unsigned cpus = std::max(1u, std::thread::hardware_concurrency());
  loops = std::make_unique<net::Loops>(config.threads != 0 ? config.threads : cpus);
  server = std::make_unique<net::Server>(
      *loops, [this](net::Request& request) { return pipeline->handle(request); }, net::Limits(), identity);
  client = std::make_unique<net::Client>();
  return {};
}

void Cloud::Parts::open_pipeline() {
  pipeline::Options options;
  options.region = config.region;
  options.public_host = config.public_host;
  pipeline = std::make_unique<pipeline::Pipeline>(
      *authenticator, [](const wire::Call& call) { return access::authorize(call); }, clock, *access_log, options);
  outbox = events::make_outbox(*database, clock);
}

compute::EngineHooks Cloud::Parts::engine_hooks() {
  compute::EngineHooks hooks;
  hooks.credentials = [this](const compute::FunctionVersion& version) { return lambda->credentials_for(version); };
  hooks.log = [this](const compute::FunctionVersion& version, const std::string& stream,
                     std::vector<compute::LogLine> lines) {
    std::vector<logs::Logs::Line> converted;
    converted.reserve(lines.size());
    for (compute::LogLine& line : lines) {
      converted.emplace_back(line.time.time_since_epoch().count() / 1000, std::move(line.message));
    }
    logs->append(logs::Logs::Address(version.account, version.region, version.log_group, stream), std::move(converted));
  };
  hooks.platform = [this](net::Request& request) { return pipeline->handle(request); };
  return hooks;
}

Result<void> Cloud::Parts::open_compute() {
  Result<std::unique_ptr<compute::Substrate>> sandboxes = substrate.get();
  if (!sandboxes.ok()) return cannot("cannot build sandboxes ('cumulet doctor' says more)", sandboxes.error());
  compute::EngineOptions options;
  options.runtimes = config.runtimes.empty() ? compute::find_runtimes_folder() : config.runtimes;
  options.own_runtimes = config.data_dir / "runtimes";
  options.images = runtime_images.get();
  options.certificate_authority = certificate_authority;
  options.exact_cpus = config.exact_cpus;
  if (config.egress != lambda::EgressRule::kNever) {
    options.egress.emplace();
    options.egress->opened = config.egress_allow;
    options.egress->resolver = config.egress_resolver;
  }
  options.state = config.data_dir / "engine";
  Result<void> made = make_directory(options.state, 0711);
  if (!made.ok()) return made;
  Result<std::unique_ptr<compute::Engine>> made_engine =
      compute::make_engine(*loops, *server, std::move(*sandboxes), clock, engine_hooks(), options);
  if (!made_engine.ok()) return cannot("cannot start the function engine", made_engine.error());
  engine = std::move(*made_engine);
  return {};
}

Result<void> Cloud::Parts::open_images() {
  Result<std::map<std::string, std::string>> logins = images::read_registry_logins(config.registry_logins);
  if (!logins.ok()) return cannot("cannot read the registry logins", logins.error());
  imported = std::make_unique<images::FolderSource>(config.data_dir / "images/files", pool);
  registry = std::make_unique<images::Registry>(std::move(*logins));
  images::ImageStoreOptions options;
  options.folder = config.data_dir / "images";
  options.sources = {imported.get(), registry.get()};
  options.fetch_limit = std::chrono::seconds(config.image_seconds);
  Result<std::unique_ptr<images::ImageStore>> made = images::ImageStore::make(std::move(options));
  if (!made.ok()) return cannot("cannot open the container images", made.error());
  images = std::move(*made);
  runtime_images = std::make_shared<compute::RuntimeImages>(*images, config.data_dir / "images");
  return {};
}

lambda::Options Cloud::Parts::lambda_options() {
  lambda::Options options;
  options.code = config.data_dir / "code";
  options.read_object = [this](std::string account, std::string region, std::string bucket, std::string key,
                               std::string version) {
    return read_package(std::move(account), std::move(region), std::move(bucket), std::move(key), std::move(version));
  };
  options.credentials_for_role = [this](std::string role, std::string session) {
    return role_credentials(std::move(role), std::move(session));
  };
  options.may_assume = [this](std::string role) {
    return credentials->service_may_assume(std::move(role), "lambda.amazonaws.com");
  };
  options.images = images.get();
  options.runtime_has_image = [this](const std::string& digest) { return runtime_images->names(digest); };
  options.authenticator = authenticator.get();
  options.substrates = config.substrates;
  options.services = &directory;
  options.metrics = &cloudwatch->metrics();
  options.services_need_permission = !config.dev;
  options.egress = config.egress;
  options.exact_streaming = config.exact_streaming;
  return options;
}

Task<std::string> Cloud::Parts::read_package(std::string account, std::string region, std::string bucket,
                                             std::string key, std::string version) {
  net::Request request;
  request.method = "GET";
  request.body = std::make_unique<StringBody>("");
  wire::Call call(request);
  call.caller = access::root_caller(account);
  call.region = std::move(region);
  call.time = clock.now();
  wire::s3::GetObjectRequest input;
  input.bucket = std::move(bucket);
  input.key = std::move(key);
  if (!version.empty()) input.version_id = std::move(version);
  const wire::s3::GetObjectOutput output = co_await directory.call<wire::s3::GetObject>("s3", call, input);
  co_return co_await read_all(
      *output.body, kPackageLimit,
      Error("InvalidParameterValueException", 400, "Unzipped size must be smaller than 262144000 bytes"));
}

Task<compute::Credentials> Cloud::Parts::role_credentials(std::string role, std::string session) {
  access::TemporaryCredentials issued = co_await credentials->credentials_for_role(std::move(role), std::move(session));
  compute::Credentials result;
  result.access_key_id = std::move(issued.access_key_id);
  result.secret_access_key = std::move(issued.secret_access_key);
  result.session_token = std::move(issued.session_token);
  co_return result;
}

sns::Options Cloud::Parts::sns_options() const {
  sns::Options options;
  options.public_url = config.public_host.empty() ? "" : "http://" + config.public_host;
  options.signing_host = config.sns_signing_host;
  options.smtp_url = config.smtp;
  options.smtp_from = config.smtp_from;
  options.sms_gateway = config.sms_gateway;
  if (!config.fcm_url.empty()) options.fcm_url = config.fcm_url;
  if (!config.apns_url.empty()) options.apns_url = options.apns_sandbox_url = config.apns_url;
  return options;
}

void Cloud::Parts::add_services() {
  cloudwatch = std::make_unique<cloudwatch::CloudWatch>(*database, clock, *outbox);
  logs = std::make_unique<logs::Logs>(*database, clock, *outbox, cloudwatch->metrics());
  iam = std::make_unique<iam::Iam>(*database, clock);
  sts = std::make_unique<sts::Sts>(*database, *credentials);
  dynamodb::Options table_options;
  table_options.outbox = outbox.get();
  table_options.directory = &directory;
  table_options.metrics = &cloudwatch->metrics();
  dynamodb = std::make_unique<dynamodb::DynamoDb>(*database, clock, table_options);
  s3 = std::make_unique<s3::S3>(*database, *blobs, clock, *sealing, *outbox, directory);
  if (config.encrypt_objects) s3->encrypt_new_buckets();
  kinesis::Options kinesis_options;
  kinesis_options.shard_limits = config.kinesis_shard_limits;
  kinesis_options.metrics = &cloudwatch->metrics();
  kinesis = std::make_unique<kinesis::Kinesis>(*database, clock, kinesis_options);
  sqs = std::make_unique<sqs::Sqs>(*database, clock);
  sqs->set_metrics(&cloudwatch->metrics());
  firehose = std::make_unique<firehose::Firehose>(*database, clock, directory, *kinesis);
  lambda = std::make_unique<lambda::Lambda>(*database, *blobs, *engine, *outbox, pool, clock, lambda_options());
  firehose->use_functions(*lambda);
  sns = std::make_unique<sns::Sns>(*database, clock, *outbox, *client, directory, pool, *signer, sns_options());
  sns->use_metrics(cloudwatch->metrics());
  sns->use_queues(*sqs);
  apigateway = std::make_unique<apigateway::ApiGateway>(*database, clock, *lambda, *client);
  apigateway->use_metrics(cloudwatch->metrics());
  eventbridge =
      std::make_unique<eventbridge::EventBridge>(*database, clock, *outbox, directory, *client, cloudwatch->metrics());
  log_groups = std::make_unique<eventbridge::LogGroupTarget>(directory, clock);
  scheduler =
      std::make_unique<scheduler::Scheduler>(*database, clock, *outbox, directory, operations, cloudwatch->metrics());
  cloudformation = std::make_unique<cloudformation::CloudFormation>(*database, clock, directory, *outbox);
  std::vector<std::string> names;
  const auto add = [this, &names](const wire::Service& service) {
    pipeline->add(service);
    directory.add(std::string(service.model().name()), service);
    operations.add(service);
    names.emplace_back(service.model().name());
  };
  add(apigateway->service());
  add(cloudformation->service());
  add(cloudwatch->service());
  add(dynamodb->service());
  add(dynamodb->streams_service());
  add(firehose->service());
  add(eventbridge->service());
  add(iam->service());
  add(kinesis->service());
  add(lambda->service());
  add(logs->service());
  add(s3->service());
  add(sqs->service());
  add(sns->service());
  add(scheduler->service());
  add(sts->service());
  // In the order in which they are asked; the last one owns every OPTIONS request that is left.
  pipeline->add(*apigateway);
  pipeline->add(*lambda);
  pipeline->add(*sns);
  pipeline->add(s3->website());
  pipeline->add(s3->forms(*form_authenticator));
  pipeline->add(s3->preflight());
  outbox->register_target("lambda", *lambda);
  outbox->register_target("firehose", *firehose);
  outbox->register_target("events", *eventbridge);
  outbox->register_target("logs", *log_groups);
  outbox->register_target("scheduler", *scheduler);
  outbox->register_target("kinesis", *kinesis);
  outbox->register_target("sqs", *sqs);
  outbox->register_target("s3", lambda->bucket_target());
  lambda->add_stream_source("dynamodb", dynamodb->stream_source());
  lambda->add_stream_source("kinesis", *kinesis);
  outbox->register_target("sns", *sns);
  outbox->register_target(std::string(s3::Lifecycle::kService), s3->lifecycle());
  outbox->register_target(std::string(s3::Replication::kService), s3->replication());
  outbox->register_target(std::string(s3::AccessLogs::kService), s3->access_logs());
  outbox->register_target(std::string(s3::Inventory::kService), s3->inventory());
  s3->watch().use_metrics(cloudwatch->metrics());
  pipeline->set_witness(s3->service(), s3->watch());
  pipeline->set_witness(s3->website(), s3->watch());
  const auto clock_moved = [this] {
    outbox->clock_moved();
    eventbridge->clock_moved();
    scheduler->clock_moved();
    s3->lifecycle().clock_moved();
    lambda->clock_moved();
    s3->scrubber().clock_moved();
    kinesis->clock_moved();
    s3->access_logs().clock_moved();
    s3->inventory().clock_moved();
  };
  add_observability(*pipeline, *database, clock, names, config.dev, clock_moved);
}

Result<void> Cloud::Parts::sweep_images() {
  const Result<void> swept =
      run(images->sweep([this](std::string digest) { return lambda->names_image(std::move(digest)); }));
  if (!swept.ok()) return cannot("cannot look through the container images", swept.error());
  return {};
}

Result<void> Cloud::Parts::load_watches() {
  const Result<void> loaded = run(s3->watch().load());
  if (!loaded.ok()) return cannot("cannot look through the buckets", loaded.error());
  return {};
}

Task<bool> Cloud::Parts::is_blob_named(std::string id) {
  if (co_await s3->names_blob(id)) co_return true;
  co_return co_await lambda->names_blob(id);
}

Result<void> Cloud::Parts::listen() {
  loops->run();
  outbox->start(loops->at(0));
  sns->start(loops->at(0));
  logs->start(loops->at(0));
  sqs->start(loops->at(0));
  cloudwatch->start(loops->at(0));
  cloudformation->start(loops->at(0));
  firehose->start(loops->at(loops->size() - 1));
  eventbridge->start(loops->at(0));
  scheduler->start(loops->at(0));
  s3->lifecycle().start(loops->at(0));
  s3->scrubber().start(loops->at(loops->size() - 1));
  s3->access_logs().start(loops->at(0));
  s3->inventory().start(loops->at(0));
  blob_sweep.emplace(*blobs, *database, [this](std::string id) { return is_blob_named(std::move(id)); });
  blob_sweep->start(loops->at(loops->size() - 1));
  verify_door = std::make_unique<s3::VerifyDoor>(s3->scrubber());
  const Result<void> opened = verify_door->open(config.data_dir);
  if (!opened.ok()) return cannot("cannot be asked to verify", opened.error());
  kinesis->start(loops->at(loops->size() - 1));
  dynamodb->start(loops->at(loops->size() - 1));
  std::vector<Loop*> all_loops;
  for (std::size_t i = 0; i < loops->size(); ++i) all_loops.push_back(&loops->at(i));
  lambda->start(all_loops);
  runtime_images->start(loops->at(loops->size() - 1));
  const Result<std::uint16_t> bound = server->listen(config.host, config.port);
  if (!bound.ok()) return cannot("cannot listen on " + config.host + ":" + std::to_string(config.port), bound.error());
  port = *bound;
  return {};
}

Cloud::Cloud(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Cloud::~Cloud() = default;

Result<std::unique_ptr<Cloud>> Cloud::start(const Config& config) {
  auto parts = std::make_unique<Parts>(config);
  Result<void> step = parts->begin_sandboxes();
  if (step.ok()) parts->begin_store();
  if (step.ok()) step = parts->open_network();
  if (step.ok()) step = parts->open_images();
  if (step.ok()) step = parts->open_compute();
  if (step.ok()) step = parts->open_stores();
  if (step.ok()) step = parts->open_access();
  if (step.ok()) parts->open_pipeline();
  if (step.ok()) parts->add_services();
  if (step.ok()) step = parts->sweep_images();
  if (step.ok()) step = parts->load_watches();
  if (step.ok()) step = parts->listen();
  if (!step.ok()) return std::move(step).error();
  return std::unique_ptr<Cloud>(new Cloud(std::move(parts)));
}

Result<void> Cloud::erase(const Config& config) {
  // Put aside whole, first: half a store could not be opened any more.
  const std::filesystem::path erased = config.data_dir / "erased";
  std::error_code failed;
  std::filesystem::remove_all(erased, failed);
  if (!failed) std::filesystem::create_directory(erased, failed);
  for (const char* part : {"store", "blobs", "code", "images"}) {
    if (!failed && std::filesystem::exists(config.data_dir / part))
      std::filesystem::rename(config.data_dir / part, erased / part, failed);
  }
  if (!failed) std::filesystem::remove_all(erased, failed);
  if (failed) return Error("CannotReset", 500, "cannot empty " + config.data_dir.string() + ": " + failed.message());
  return {};
}

std::uint16_t Cloud::port() const { return parts_->port; }

void Cloud::drain() {
  const SteadyTime deadline = std::chrono::steady_clock::now() + std::chrono::seconds(parts_->config.drain_seconds);
  parts_->runtime_images->close();
  parts_->sns->drain(deadline);
  parts_->sqs->stop(deadline);
  parts_->server->drain(deadline);
  parts_->firehose->stop(deadline);
  parts_->lambda->drain(deadline);
  parts_->scheduler->drain(deadline);
  parts_->eventbridge->drain(deadline);
  parts_->s3->lifecycle().drain(deadline);
  parts_->verify_door->close();
  parts_->s3->scrubber().drain(deadline);
  parts_->s3->access_logs().drain(deadline);
  parts_->s3->inventory().drain(deadline);
  parts_->blob_sweep->drain(deadline);
  parts_->outbox->drain(deadline);
  parts_->engine->drain(deadline);
  parts_->dynamodb->stop(deadline);
  parts_->logs->drain(deadline);
  parts_->cloudwatch->drain(deadline);
  // What is still being committed wakes up who waits for it, on a loop: while there are loops. The second time, the
  // first one's group has told everybody in it.
  for (int i = 0; i < 2; ++i) (void)run(wait_for_commits(*parts_->database));
}

}  // namespace cumulet
