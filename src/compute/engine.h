#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/task.h"
#include "compute/egress/policy.h"
#include "compute/logging_settings.h"
#include "net/server.h"

/// The function engine: runs invocations of function versions in execution environments, keeps warm ones, reaps idle
/// ones.
namespace cumulet::compute {

class ResponseStream;
class RuntimeImages;
class Substrate;

struct Credentials {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;
};

/// A container image as the root of a function's environments, with what it starts.
struct FunctionImage {
  std::filesystem::path root;  ///< As images::ImageStore makes it.
  std::vector<std::string> entrypoint;
  std::vector<std::string> command;
  std::string working_directory;
  std::vector<std::pair<std::string, std::string>> environment;
};

/// Everything that shapes an execution environment. Immutable: a change of code or configuration makes another one with
/// another `key`, and environments of the old key finish what they run and are reaped.
struct FunctionVersion {
  std::string key;  ///< Unique per code and configuration: environments are shared within it only.
  std::string account;
  std::string region;
  std::string name;
  std::string version;  ///< "$LATEST" or a number.
  std::string arn;      ///< Unqualified.
  std::string role;     ///< ARN of the role it runs under.
  std::string runtime;  ///< python3.12, nodejs22.x, provided.al2023 …
  std::string handler;
  std::filesystem::path code;                                       ///< Unpacked package; shown at /var/task.
  std::vector<std::filesystem::path> layers;                        ///< Unpacked layers in order; merged at /opt.
  std::vector<std::shared_ptr<const std::filesystem::path>> holds;  ///< What keeps these folders from going.
  /// Instead of runtime, code and layers. Null: a package.
  std::shared_ptr<const FunctionImage> image;
  std::map<std::string, std::string> environment;
  std::uint32_t memory_mib = 128;
  std::uint32_t timeout_seconds = 3;
  std::uint32_t ephemeral_mib = 512;
  std::string log_group;  ///< /aws/lambda/NAME
  /// AWS_LAMBDA_INITIALIZATION_TYPE: "on-demand", "provisioned-concurrency", or "snap-start": one environment is kept
  /// as it was when it had initialised, and is restored for the next that is needed.
  std::string initialization_type = "on-demand";
  bool snap_start() const { return initialization_type == "snap-start"; }
  bool tenant_isolated = false;  ///< Each tenant has environments of its own, and each invocation a tenant.
  std::string tenant_id;         ///< Whose environments these are, if it is isolated. The engine sets it.
  bool egress = false;           ///< May reach the internet.
  std::string substrate;         ///< Empty: the server's first one. See substrates.h.
  LoggingSettings logging;
};

struct Invocation {
  std::string request_id;
  std::string payload;
  std::string invoked_arn;     ///< As invoked: with the qualifier, if one was given.
  std::string client_context;  ///< JSON, may be empty.
  std::string trace_id;
  std::string tenant_id;  ///< Of a function that isolates its tenants; else empty.
  bool tail = false;      ///< The last 4 KB of the log are wanted.
  /// Takes the response piece by piece, if the function streams it. Null: it is wanted as a whole.
  std::shared_ptr<ResponseStream> stream;
};

/// How many invocations of a function may run at once.
struct Allowance {
  Allowance() = default;
  explicit Allowance(std::int64_t r, std::int64_t t = 0) : reserved(r), taken(t) {}
  std::int64_t reserved = -1;  ///< Its own concurrency; negative: it shares what the account has left.
  std::int64_t taken = 0;      ///< What others of its account and region have reserved.
};

struct InvocationResult {
  std::string payload;
  std::string function_error;  ///< Empty, or "Unhandled".
  std::string content_type;    ///< Of a streamed response that was gathered, as the runtime said; else empty.
  std::string log_tail;        ///< Raw text (not base64).
  double duration_ms = 0;
  double billed_ms = 0;
  double init_ms = 0;     ///< 0 on a warm environment.
  double restore_ms = 0;  ///< Of an environment that was restored for it.
};

/// One line of a function's log.
struct LogLine {
  LogLine(Timestamp t, std::string m) : time(t), message(std::move(m)) {}
  Timestamp time;
  std::string message;  ///< Without the final newline.
};

/// What the engine needs from the rooms above it; the composition root provides it.
struct EngineHooks {
  /// Fresh temporary credentials of the version's role, good for at least two hours: no environment lives longer.
  std::function<Task<Credentials>(const FunctionVersion&)> credentials;
  /// Takes log lines, in order, in batches, at the latest when an invocation has ended. Must not fail the caller.
  std::function<void(const FunctionVersion&, const std::string& log_stream, std::vector<LogLine> lines)> log;
  /// Answers HTTP requests that functions send to the platform (their AWS_ENDPOINT_URL).
  net::Handler platform;
};

struct EngineOptions {
  std::chrono::seconds idle_time{600};       ///< After it, an idle environment is reaped.
  std::chrono::seconds snapshot_time{3600};  ///< After it, the snapshot of a version that nobody calls goes.
  std::uint32_t account_concurrency = 1000;  ///< Of each account in each region.
  std::filesystem::path runtimes;            ///< The folder of runtime clients (runtimes/ of this project).
  std::filesystem::path own_runtimes;        ///< Further runtimes, by the server's user; need not be there.
  RuntimeImages* images = nullptr;           ///< Those that runtimes name. Null: such runtimes cannot be used.
  std::filesystem::path state;               ///< A directory of the engine's own: /etc of the sandboxes, merged layers.
  /// PEM of the authority that signed our certificates. With it, AWS's own names lead to us inside sandboxes, and are
  /// trusted: for SDKs that do not know AWS_ENDPOINT_URL.
  std::string certificate_authority;
  std::uint32_t max_environments = 0;  ///< 0: what memory allows.
  /// Once initialised, a function has memory / 1,769 MiB processors at most, as on AWS. Otherwise it may use a whole
  /// one that nobody else wants.
  bool exact_cpus = false;
  /// Where functions with egress may go. Nothing: there is none.
  std::optional<egress::Settings> egress;
};

/// How far the environments of a version that are to be held ready have come.
struct ProvisionState {
  std::uint32_t ready = 0;
  bool failed = false;  ///< The last one did not initialise. It is tried again, ever more seldom.
};

/// How the making of a snapshot ended.
struct SnapshotResult {
  bool made = false;
  bool timed_out = false;
  std::string error_type;  ///< Of the function's initialisation; empty: it was ours that failed.
  std::string document;    ///< {"errorType":…,"errorMessage":…}
};

/// What `find_runtime` says of a runtime identifier on this host.
struct RuntimeStatus {
  bool supported = false;  ///< The identifier names a runtime that we know.
  bool installed = false;
  std::string detail;  ///< The interpreter found, or the package to install.
};

class Engine {
 public:
  virtual ~Engine() = default;

  /// Runs one invocation to its end. Function errors (exceptions, time-outs, exits) are results, not Errors; Errors are
  /// TooManyRequestsException (429, with field Reason), and ServiceException (500) when no sandbox can be made.
  /// Any loop.
  virtual Task<InvocationResult> invoke(std::shared_ptr<const FunctionVersion> version, Invocation invocation,
                                        Allowance allowance) = 0;
  /// Holds so many environments of this version initialised, called for or not, until its key is retired. More calls
  /// than that get environments on demand.
  virtual void provision(std::shared_ptr<const FunctionVersion> version, std::uint32_t count) = 0;
  virtual ProvisionState provisioned(const std::string& version_key) const = 0;
  /// Initialises an environment of a version that is `snap_start()` and keeps it, to be restored; after that, another
  /// one is made whenever it has been used or lost, until nobody calls the version for `snapshot_time`. Fails with
  /// ServiceUnavailable when the server ends first.
  virtual Task<SnapshotResult> make_snapshot(std::shared_ptr<const FunctionVersion> version) = 0;
  /// Environments of this key get no new invocation, finish what they run, and go.
  virtual void retire(const std::string& version_key) = 0;
  virtual RuntimeStatus find_runtime(const std::string& identifier) = 0;
  /// Finishes what runs, until the deadline, and ends all environments. Blocks; not on a loop.
  virtual void drain(SteadyTime deadline) = 0;
};

/// Fails when the catalogue of runtimes cannot be read or the state directory not be written.
Result<std::unique_ptr<Engine>> make_engine(net::Loops& loops, net::Server& server,
                                            std::unique_ptr<Substrate> substrate, const Clock& clock, EngineHooks hooks,
                                            EngineOptions options);

}  // namespace cumulet::compute
