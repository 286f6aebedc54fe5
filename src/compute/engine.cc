#include "compute/engine.h"

#include <condition_variable>
#include <map>
#include <mutex>

#include "base/ids.h"
#include "base/log.h"
#include "base/metrics.h"
#include "compute/code_cache.h"
#include "compute/extensions/host.h"
#include "compute/pool.h"

namespace cumulet::compute {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kCodeCaches = "code_caches";

/// A tenant's own: nobody else's invocation comes into its environments.
std::shared_ptr<const FunctionVersion> version_of_tenant(const FunctionVersion& version, const std::string& tenant) {
  auto own = std::make_shared<FunctionVersion>(version);
  own->tenant_id = tenant;
  own->key += " tenant " + tenant;
  return own;
}

/// How many invocations run, by function and by account and region. Thread-safe.
class Concurrency {
 public:
  explicit Concurrency(std::uint32_t account_limit) : account_limit_(account_limit) {}

  /// Holds one place until it goes.
  class Place {
   public:
    Place(Concurrency* owner, std::string function, std::string account)
        : owner_(owner), function_(std::move(function)), account_(std::move(account)) {}
    Place(Place&& other) noexcept
        : owner_(std::exchange(other.owner_, nullptr)),
          function_(std::move(other.function_)),
          account_(std::move(other.account_)) {}
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (owner_) owner_->leave(function_, account_);
    }

   private:
    Concurrency* owner_;
    std::string function_;
    std::string account_;  ///< Empty when the function runs on its own reservation.
  };

  Result<Place> enter(const FunctionVersion& version, Allowance allowance) {
    const std::lock_guard lock(mutex_);
    std::uint32_t& of_function = functions_[version.arn];
    if (allowance.reserved >= 0) {
      if (of_function >= allowance.reserved) {
        const auto error = throttled("ReservedFunctionConcurrentInvocationLimitExceeded");
        forget(functions_, version.arn);
        return error;
      }
      ++of_function;
      return Place(this, version.arn, std::string());
    }
    const std::string account = version.account + " " + version.region;
    std::uint32_t& of_account = accounts_[account];
    if (of_account + allowance.taken >= account_limit_) {
      forget(functions_, version.arn);
      forget(accounts_, account);
      return throttled("ConcurrentInvocationLimitExceeded");
    }
    ++of_function;
    ++of_account;
    return Place(this, version.arn, account);
  }

  std::size_t running() const {
    const std::lock_guard lock(mutex_);
    return functions_.size();
  }

 private:
  using Counts = std::map<std::string, std::uint32_t>;

  static Error throttled(const char* reason) {
    return Error("TooManyRequestsException", 429, "Rate Exceeded.").with("Reason", reason).with("Type", "User");
  }
  static void forget(Counts& counts, const std::string& key) {
    if (const auto found = counts.find(key); found != counts.end() && found->second == 0) counts.erase(found);
  }
  static void decrease(Counts& counts, const std::string& key) {
    const auto found = counts.find(key);
    if (found != counts.end() && --found->second == 0) counts.erase(found);
  }
  void leave(const std::string& function, const std::string& account) {
    const std::lock_guard lock(mutex_);
    decrease(functions_, function);
    if (!account.empty()) decrease(accounts_, account);
  }

  const std::uint32_t account_limit_;
  mutable std::mutex mutex_;
  Counts functions_;
  Counts accounts_;
};

class PooledEngine final : public Engine {
 public:
  PooledEngine(net::Loops& loops, net::Server& server, std::unique_ptr<Substrate> substrate,
               const cumulet::Clock& clock, EngineHooks hooks, EngineOptions options)
      : substrate_(std::move(substrate)),
        hooks_(std::move(hooks)),
        options_(std::move(options)),
        parts_(loops, server, *substrate_, clock, hooks_, options_),
        clients_(options_.runtimes, options_.state),
        files_(1),
        concurrency_(options_.account_concurrency),
        invocations_(Metrics::instance().counter("cumulet_function_invocations_total")),
        cold_(Metrics::instance().counter("cumulet_function_cold_starts_total")) {
    parts_.clients = &clients_;
    parts_.files = &files_;
    parts_.pump = std::make_shared<OutputPump>();
  }

  Result<void> prepare() {
    Result<Catalogue> catalogue = Catalogue::load(options_.runtimes, options_.own_runtimes);
    if (!catalogue) return std::move(catalogue).error();
    catalogue_.emplace(std::move(catalogue).value());
    parts_.catalogue = &*catalogue_;
    if (options_.images != nullptr) {
      options_.images->want(catalogue_->images());
      catalogue_->use_images([images = options_.images](const std::string& name) { return images->find(name); });
    }
    Result<RuntimeRoot> root = RuntimeRoot::make(options_.state, options_.certificate_authority);
    if (!root) return std::move(root).error();
    parts_.root = std::move(root).value();
    Result<std::filesystem::path> host = write_extension_host(options_.state);
    if (!host) return std::move(host).error();
    parts_.extension_host = std::move(host).value();
    if (options_.egress) {
      Result<std::unique_ptr<egress::Gateway>> gateway = egress::Gateway::make(*options_.egress);
      if (!gateway) return std::move(gateway).error();
      gateway_ = std::move(gateway).value();
      parts_.gateway = gateway_.get();
    }
    remove_leftovers();
    code_caches_.emplace(options_.state / kCodeCaches);
    parts_.code_caches = &*code_caches_;
    parking_.emplace(parts_);
    pool_.emplace(parts_, *parking_);
    return {};
  }

  Task<InvocationResult> invoke(std::shared_ptr<const FunctionVersion> version, Invocation invocation,
                                Allowance allowance) override {
    Result<Concurrency::Place> entered = concurrency_.enter(*version, allowance);
    if (!entered) co_return std::move(entered).error();
    const Concurrency::Place place = std::move(entered).value();
    invocations_.add();
    if (version->tenant_isolated) version = version_of_tenant(*version, invocation.tenant_id);
    const std::size_t here = loop_index();
    // An environment may die between being taken and being used; then the next one is tried.
    for (int tries = 0; tries < 3; ++tries) {
      const Acquired acquired = co_await pool_->acquire(version, here);
      if (acquired.failure) co_return co_await try_again(version, invocation, acquired, here);
      std::optional<InvocationResult> result = co_await run_on(acquired.environment, invocation);
      if (!result) continue;
      if (result->init_ms > 0 || result->restore_ms > 0) cold_.add();
      co_return std::move(*result);
    }
    co_return Error("ServiceException", 500, "The function's execution environment ended unexpectedly.");
  }

  void provision(std::shared_ptr<const FunctionVersion> version, std::uint32_t count) override {
    pool_->provision(std::move(version), count);
  }

  Task<SnapshotResult> make_snapshot(std::shared_ptr<const FunctionVersion> version) override {
    const BootOutcome outcome = co_await pool_->make_snapshot(std::move(version));
    SnapshotResult result;
    result.made = outcome.kind == BootOutcome::Kind::kReady;
    result.timed_out = outcome.kind == BootOutcome::Kind::kTimedOut;
    result.error_type = outcome.error_type;
    result.document = outcome.document;
    co_return result;
  }

  ProvisionState provisioned(const std::string& version_key) const override { return pool_->provisioned(version_key); }

  void retire(const std::string& version_key) override {
    pool_->retire(version_key);
    code_caches_->retire(version_key);
  }

  /// Asked when a function is made: what its runtime needs is begun, so that it is there for the first invocation.
  RuntimeStatus find_runtime(const std::string& identifier) override {
    if (const std::optional<RuntimeChoice> choice = catalogue_->choose(identifier)) clients_.begin(*choice);
    const RuntimeStatus status = catalogue_->status(identifier);
    if (!status.installed && options_.images != nullptr) options_.images->hurry(catalogue_->image_of(identifier));
    return status;
  }

  void drain(SteadyTime deadline) override {
    pool_->close();
    parking_->close();
    const auto wait_for_none = [this](SteadyTime until) {
      const auto left = [this] { return pool_->alive() + parking_->size(); };
      while (left() > 0 && Clock::now() < until) std::this_thread::sleep_for(milliseconds(2));
      return left() == 0;
    };
    if (wait_for_none(deadline)) return;
    pool_->kill_all();
    if (!wait_for_none(Clock::now() + seconds(3))) log::error("environments did not end", {});
  }

 private:
  /// Folders of parked interpreters, merged layers and code caches of an earlier run: moved aside now, removed while
  /// others start.
  void remove_leftovers() {
    std::error_code ignored;
    const std::filesystem::path trash = options_.state / "trash" / random_id(12);
    std::filesystem::create_directories(trash, ignored);
    for (const char* folder : {"parked", "layers", kCodeCaches}) {
      std::filesystem::rename(options_.state / folder, trash / folder, ignored);
      std::filesystem::create_directories(options_.state / folder, ignored);
    }
    files_.submit([trash = options_.state / "trash"] {
      std::error_code unimportant;
      std::filesystem::remove_all(trash, unimportant);
    });
  }

  void release(const std::shared_ptr<Environment>& environment) {
    environment->when_settled([this, environment] { pool_->release(environment); });
  }

  std::size_t loop_index() const {
    Loop* const current = Loop::current();
    for (std::size_t i = 0; i < parts_.loops.size(); ++i) {
      if (&parts_.loops.at(i) == current) return i;
    }
    return 0;
  }

  /// Runs it on the environment's loop and releases the environment. Nothing when it had ended before.
  Task<std::optional<InvocationResult>> run_on(std::shared_ptr<Environment> environment, Invocation& invocation) {
    Loop& home = parts_.loops.at(environment->loop_index());
    if (&home == Loop::current()) co_return co_await run_here(environment, &invocation);
    const Deferred<std::optional<InvocationResult>> answer;
    // The invocation lives in the caller's frame, which waits for the answer.
    Invocation* const shared = &invocation;
    home.post([this, environment, shared, answer] {
      start(run_here(environment, shared),
            [answer](Result<std::optional<InvocationResult>> result) { answer.resolve(std::move(result)); });
    });
    co_return co_await answer.wait();
  }

  Task<std::optional<InvocationResult>> run_here(std::shared_ptr<Environment> environment, Invocation* invocation) {
    std::optional<InvocationResult> result;
    if (!environment->usable()) {
      pool_->release(environment);
      co_return result;
    }
    if (environment->is_snapshot()) {
      std::optional<Error> failed = co_await environment->restore();
      if (failed) {
        pool_->release(environment);
        co_return std::move(*failed);
      }
    }
    const SteadyTime deadline = Clock::now() + seconds(environment->version().timeout_seconds);
    Result<InvocationResult> ran = co_await attempt(environment->invoke(std::move(*invocation), deadline));
    release(environment);
    if (!ran) co_return std::move(ran).error();
    result.emplace(std::move(ran).value());
    co_return result;
  }

  /// The initialisation failed: it is tried once more as part of the invocation, under the function's own time limit.
  Task<InvocationResult> try_again(std::shared_ptr<const FunctionVersion> version, Invocation& invocation,
                                   const Acquired& failed, std::size_t here) {
    if (failed.failure->kind == BootOutcome::Kind::kPlatformFailed) co_return no_sandbox(*failed.failure);
    const SteadyTime began = Clock::now();
    const SteadyTime deadline = began + seconds(version->timeout_seconds);
    const Deferred<InvocationResult> answer;
    const std::shared_ptr<Environment> environment = pool_->create(version, here, failed.log_stream);
    Invocation* const shared = &invocation;
    parts_.loops.at(here).post([this, environment, shared, began, deadline, answer] {
      start(boot_and_run(environment, shared, began, deadline),
            [answer](Result<InvocationResult> result) { answer.resolve(std::move(result)); });
    });
    co_return co_await answer.wait();
  }

  Task<InvocationResult> boot_and_run(std::shared_ptr<Environment> environment, Invocation* invocation,
                                      SteadyTime began, SteadyTime deadline) {
    const std::string request_id = invocation->request_id;
    const Result<BootOutcome> booted = co_await attempt(environment->boot(deadline, std::string("invoke"), request_id));
    if (!booted) {
      environment->end();
      co_return booted.error();
    }
    if (booted->kind == BootOutcome::Kind::kReady && environment->is_snapshot()) {
      std::optional<Error> failed = co_await environment->restore();
      if (failed) co_return std::move(*failed);
    }
    if (booted->kind == BootOutcome::Kind::kReady) {
      Result<InvocationResult> ran = co_await attempt(environment->invoke(std::move(*invocation), deadline));
      release(environment);
      co_return ran;
    }
    environment->end();
    if (booted->kind == BootOutcome::Kind::kPlatformFailed) co_return no_sandbox(*booted);
    const double spent = millis(Clock::now() - began);
    co_return environment->report_failed_boot(*invocation, *booted, spent);
  }

  static Error no_sandbox(const BootOutcome& outcome) {
    return Error("ServiceException", 500, "No execution environment could be made: " + outcome.document);
  }

  std::unique_ptr<Substrate> substrate_;
  EngineHooks hooks_;
  EngineOptions options_;
  EngineParts parts_;
  std::optional<Catalogue> catalogue_;
  ClientFolders clients_;
  std::unique_ptr<egress::Gateway> gateway_;
  ThreadPool files_;
  Concurrency concurrency_;
  Counter& invocations_;
  Counter& cold_;
  std::optional<CodeCaches> code_caches_;
  std::optional<Parking> parking_;
  std::optional<Pool> pool_;
};

}  // namespace

Result<std::unique_ptr<Engine>> make_engine(net::Loops& loops, net::Server& server,
                                            std::unique_ptr<Substrate> substrate, const cumulet::Clock& clock,
                                            EngineHooks hooks, EngineOptions options) {
  auto engine =
      std::make_unique<PooledEngine>(loops, server, std::move(substrate), clock, std::move(hooks), std::move(options));
  if (Result<void> prepared = engine->prepare(); !prepared) return std::move(prepared).error();
  return std::unique_ptr<Engine>(std::move(engine));
}

}  // namespace cumulet::compute
