// What extensions mean for an environment: phases wait for them, their failures end it, and it ends in their time.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>

#include "compute/environment.h"

namespace cumulet::compute {
namespace {

using Clock = std::chrono::steady_clock;

/// Of the time that a shutdown may take, how much the runtime has before the extensions are told.
constexpr milliseconds kRuntimeShare{300};

Error late() { return Error("Sandbox.Timedout", 200, "waiting for extensions"); }

}  // namespace

/// Whoever waits for the runtime or for extensions goes on; when nobody does, the environment is of no more use.
void Environment::wake(Signal signal) {
  if (phase_) {
    phase_->resolve(signal);
  } else if (settled_) {
    settled_->resolve({});
  } else if (state_ == State::kReady) {
    end(ShutdownReason::kFailure);
  }
}

void Environment::extensions_progressed() {
  if (state_ == State::kBooting) {
    if (extensions_->any_external() && !runtime_started_ && extensions_->runtime_may_start()) {
      runtime_started_ = true;
      extensions_->start_runtime();
    }
    if (phase_ && (parked_ || at_restore_) && extensions_->ready()) phase_->resolve(Signal::kNext);
  } else if (settled_ && extensions_->ready()) {
    settled_->resolve({});
  }
}

void Environment::extension_failed(const std::string& type, const std::string& message) {
  if (ending_ || fault_) return;
  fault_.emplace(type, message);
  wake(Signal::kFault);
}

void Environment::runtime_not_started(const std::string& why) {
  extension_failed("Runtime.InvalidEntrypoint", "fork/exec " + program_ + ": " + why);
}

void Environment::runtime_ended(SandboxExit how) {
  runtime_over_.resolve({});
  if (ending_) return;
  if (how.kind == ExitKind::kSignaled && how.code == SIGKILL) {
    // Whether memory was the reason, only the sandbox's own end can say.
    cell_->sandbox().kill();
    return;
  }
  exit_ = how;
  wake(Signal::kExited);
}

void Environment::extension_subscribed(const std::string& name, const TelemetrySubscription& subscription) {
  journal_.platform(subscription_event(name, subscription.types(), subscription.logs_api));
}

void Environment::write_fault(const std::string& request_id, const Fault& fault) {
  journal_.platform(fault_event(request_id, fault.message, fault.type));
  if (!version_->logging.json) write(fault.type);
}

/// The runtime is through with its invocation; waits for the extensions, under the function's time limit.
Task<void> Environment::settle(std::shared_ptr<Environment> self, SteadyTime began, SteadyTime deadline,
                               bool keep_tail) {
  const Deferred<void> waiting = *self->settled_;
  const Result<void> done = co_await attempt(waiting.wait_until(deadline, late()));
  self->settled_.reset();
  if (self->unreported_) {
    Report& report = *self->unreported_;
    report.duration_ms = millis(Clock::now() - began);
    if (!done) report.duration_ms = std::min(report.duration_ms, self->version_->timeout_seconds * 1000.0);
    report.billed_ms = std::ceil(report.duration_ms + report.init_ms);
    if (!done) {
      report.status = "timeout";
      self->write(timed_out_line(self->parts_.clock.now(), report.request_id, self->version_->timeout_seconds));
    } else if (self->fault_ || self->exit_) {
      report.status = "error";
      report.error_type = self->fault_ ? self->fault_->type : "Runtime.ExitError";
      if (self->fault_) self->write_fault(report.request_id, *self->fault_);
    }
  }
  self->busy_ = false;
  self->finish_report(keep_tail);
  if (!done) self->end(ShutdownReason::kTimeout);
  if (self->fault_ || self->exit_) self->end(ShutdownReason::kFailure);
  if (self->then_) std::exchange(self->then_, nullptr)();
}

void Environment::when_settled(std::function<void()> then) {
  if (!settled_) return then();
  then_ = std::move(then);
}

void Environment::end(ShutdownReason reason) {
  if (ending_) return;
  ending_ = true;
  const bool runs = state_ != State::kGone;
  state_ = State::kGone;
  if (!cell_) {
    if (gone_) std::exchange(gone_, nullptr)(*this);
    return;
  }
  if (std::exchange(frozen_, false)) (void)cell_->sandbox().thaw();
  const milliseconds grace = extensions_->grace();
  if (grace.count() == 0 || !runs) {
    cell_->sandbox().kill();
    return;
  }
  start(shut_down(shared_from_this(), reason, grace), [](const Result<void>&) {});
}

void Environment::kill() {
  end();
  if (cell_) cell_->sandbox().kill();
}

/// The Shutdown phase: SIGTERM for the runtime, then SHUTDOWN for the external extensions, then the end for all.
Task<void> Environment::shut_down(std::shared_ptr<Environment> self, ShutdownReason reason, milliseconds grace) {
  const SteadyTime deadline = Clock::now() + grace;
  const auto wall = std::chrono::system_clock::now() + grace;
  const std::int64_t deadline_ms = std::chrono::duration_cast<milliseconds>(wall.time_since_epoch()).count();
  self->cell_->sandbox().terminate();
  if (self->extensions_->any_external()) {
    self->extensions_->flush_telemetry();
    if (self->runtime_started_) {
      const Deferred<void> runtime = self->runtime_over_;
      (void)co_await attempt(runtime.wait_until(Clock::now() + kRuntimeShare, late()));
    }
    self->collect(true);
    self->extensions_->shut_down(reason, deadline_ms);
  }
  const Deferred<void> over = self->over_;
  (void)co_await attempt(over.wait_until(deadline, late()));
  if (self->cell_) self->cell_->sandbox().kill();
}

}  // namespace cumulet::compute
