// How an environment comes up: in a sandbox of its own, or in one that waited.
#include <chrono>

#include "base/log.h"
#include "base/text.h"
#include "compute/environment.h"
#include "compute/environment_variables.h"
#include "compute/launch.h"

namespace cumulet::compute {
namespace {

using Clock = std::chrono::steady_clock;

/// The runtime client that makes and uses code caches, and the variable that tells it so.
constexpr const char* kNodeClient = "nodejs";
constexpr const char* kCodeCacheVariable = "_CUMULET_CODE_CACHE";

}  // namespace

Task<std::optional<BootOutcome>> Environment::launch(RuntimeChoice choice, std::string request_id) {
  std::optional<BootOutcome> failure;
  Result<VersionLaunch> spec = co_await attempt(version_launch(parts_, version_, choice, journal_.log_stream()));
  if (!spec) {
    failure = not_started(spec.error(), request_id);
    co_return failure;
  }
  if (code_cache_ && code_cache_->told())
    spec->sandbox.environment.emplace_back(kCodeCacheVariable, code_cache_->told());
  program_ = spec->program;
  extensions_->expect(spec->extensions);
  const Result<void> started = co_await attempt(start_in_sandbox(std::move(spec->sandbox), choice.image));
  if (!started) failure = not_started(started.error(), request_id);
  co_return failure;
}

/// The function's fault, or ours.
BootOutcome Environment::not_started(const Error& why, const std::string& request_id) const {
  if (why.http_status() == 200) {
    const std::string about = request_id.empty() ? std::string() : "RequestId: " + request_id + " ";
    return BootOutcome(BootOutcome::Kind::kFunctionFailed,
                       error_document(why.code(), about + "Error: " + why.message()), why.code());
  }
  log::error("no sandbox", {{"function", version_->arn}, {"why", why.message()}});
  return BootOutcome(BootOutcome::Kind::kPlatformFailed, why.message(), "");
}

Task<void> Environment::start_in_sandbox(SandboxSpec spec, std::shared_ptr<const RuntimeImage> image) {
  if (state_ == State::kGone) co_await fail({"Sandbox.Failure", 500}, "the sandbox ended before its command ran");
  if (cell_) {  // The runtime is soon heard of: nobody waits for the news that it runs.
    start(cell_->sandbox().execute(std::move(spec)), [self = shared_from_this()](const Result<void>& executed) {
      if (executed || self->state_ != State::kBooting) return;
      self->not_executed_ = executed.error();
      self->wake(Signal::kNotExecuted);
    });
    co_return;
  }
  std::unique_ptr<Cell> cell = co_await Cell::make(parts_, std::move(spec), loop_index_, version_->egress);
  cell->image = std::move(image);
  adopt(std::move(cell));
}

Task<void> Environment::take_over(std::unique_ptr<Cell> parked) {
  Result<std::shared_ptr<egress::Exit>> way_out = std::shared_ptr<egress::Exit>();
  if (version_->egress) way_out = co_await attempt(open_way_out(parts_, parked->sandbox().network()));
  parked->sandbox().set_quiet(false);
  adopt(std::move(parked));
  cell_->way_out = co_await std::move(way_out);
}

Task<void> Environment::dispatch() {
  const Credentials credentials = co_await parts_.hooks.credentials(*version_);
  if (state_ == State::kGone) co_return;  // The wait for it says so.
  std::vector<std::pair<std::string, std::string>> all =
      environment_variables(*version_, credentials, journal_.log_stream(), false,
                            !parts_.options.certificate_authority.empty(), cell_->image.get());
  if (code_cache_ && code_cache_->told()) all.emplace_back(kCodeCacheVariable, code_cache_->told());
  std::string variables = "{";
  for (const auto& [name, value] : all) {
    variables += (variables.size() > 1 ? ",\"" : "\"") + json_escape(name) + "\":\"" + json_escape(value) + "\"";
  }
  variables += '}';
  RuntimeDoor& door = cell_->door();
  if (!door.parked) co_return;
  const Deferred<net::Response> waiting = *door.parked;
  door.parked.reset();
  waiting.resolve(net::Response(200, "application/json", std::move(variables)));
}

Task<BootOutcome> Environment::boot(SteadyTime deadline, std::string phase, std::string request_id,
                                    std::unique_ptr<Cell> parked) {
  const std::shared_ptr<Environment> self = shared_from_this();
  state_ = State::kBooting;
  const bool first = phase == "init";
  const std::optional<RuntimeChoice> choice =
      version_->image ? choice_of_images() : parts_.catalogue->choose(version_->runtime);
  if (!choice) {
    co_return BootOutcome(BootOutcome::Kind::kPlatformFailed, parts_.catalogue->status(version_->runtime).detail, "");
  }
  if (choice->language->client == kNodeClient) {
    const bool may_make = version_->initialization_type == "on-demand" &&
                          (!version_->layers.empty() || may_be_worth_a_cache(version_->code));
    code_cache_ = parts_.code_caches->begin(version_->key, may_make);
  }
  journal_.platform(init_start_event(*version_, choice->note, phase));
  if (first) journal_.clear_tail();
  phase_.emplace();
  const Deferred<Signal> waiting = *phase_;
  SteadyTime began = Clock::now();
  std::optional<BootOutcome> failure;
  const bool interpreter_waits = parked && !parked->waits_for_command;
  Result<void> taken;
  if (parked) taken = co_await attempt(take_over(std::move(parked)));
  if (taken && interpreter_waits) {
    extensions_->expect({});
    taken = co_await attempt(dispatch());
  }
  if (!taken) {
    failure.emplace(BootOutcome::Kind::kPlatformFailed, taken.error().message(), "");
  } else if (!interpreter_waits) {
    failure = co_await launch(*choice, request_id);
    // The limit is the function's; making the sandbox, and what its runtime needs, is ours.
    deadline += Clock::now() - began;
    began = Clock::now();
  }
  BootOutcome outcome(BootOutcome::Kind::kReady, "", "");
  if (failure) {
    outcome = std::move(*failure);
  } else {
    flush_later();
    const Result<Signal> signal =
        co_await attempt(waiting.wait_until(deadline, Error("Sandbox.Timedout", 200, "initialisation")));
    outcome = outcome_of(signal, request_id);
  }
  phase_.reset();
  if (outcome.kind == BootOutcome::Kind::kPlatformFailed) co_return outcome;
  init_ms_ = millis(Clock::now() - began);
  collect(true);
  if (fault_ && !request_id.empty()) write_fault(request_id, *fault_);
  report_boot(outcome, phase);
  if (outcome.kind == BootOutcome::Kind::kReady) {
    state_ = State::kReady;
    // It counted as part of the invocation, or was nobody's wait.
    if (!first || version_->initialization_type != "on-demand") init_ms_ = 0;
    if (parts_.options.exact_cpus) (void)cell_->sandbox().limit_cpus(version_->memory_mib / 1769.0);
    flush_later();
    co_return outcome;
  }
  journal_.flush();
  end(outcome.kind == BootOutcome::Kind::kTimedOut ? ShutdownReason::kTimeout : ShutdownReason::kFailure);
  co_return outcome;
}

/// How the extensions came through the initialisation, and the whole of it.
void Environment::report_boot(const BootOutcome& outcome, const std::string& phase) {
  const bool good = outcome.kind == BootOutcome::Kind::kReady;
  const bool timed_out = outcome.kind == BootOutcome::Kind::kTimedOut;
  for (const Extensions::Description& one : extensions_->describe()) {
    if (!good && one.state == "Started") continue;
    journal_.platform(extension_event(one.name, one.state, one.events, one.error_type));
  }
  const PhaseEnd end(good ? "success" : timed_out ? "timeout" : "error", outcome.error_type);
  if (!good) journal_.platform(init_runtime_done_event(*version_, phase, end));
  if (!good || extensions_->listened_to() || version_->logging.json || version_->snap_start()) {
    journal_.platform(init_report_event(*version_, init_ms_, phase, end));
  }
  if (good) extensions_->seal();
}

BootOutcome Environment::outcome_of(const Result<Signal>& signal, const std::string& request_id) {
  if (!signal) return BootOutcome(BootOutcome::Kind::kTimedOut, "", "");
  if (*signal == Signal::kNext) return BootOutcome(BootOutcome::Kind::kReady, "", "");
  if (*signal == Signal::kInitFailed) {
    return BootOutcome(BootOutcome::Kind::kFunctionFailed, init_document_, init_error_type_);
  }
  if (*signal == Signal::kNotExecuted) return not_started(*not_executed_, request_id);
  if (*signal == Signal::kFault) {
    return BootOutcome(BootOutcome::Kind::kFunctionFailed,
                       error_document(fault_->type, "RequestId: " + request_id + " Error: " + fault_->message),
                       fault_->type);
  }
  return BootOutcome(BootOutcome::Kind::kFunctionFailed, exit_document(request_id),
                     exit_ && exit_->kind == ExitKind::kOutOfMemory ? "Runtime.OutOfMemory" : "Runtime.ExitError");
}

}  // namespace cumulet::compute
