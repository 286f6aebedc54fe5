#include "compute/environment.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>

#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "compute/environment_variables.h"

namespace cumulet::compute {
namespace {

using Clock = std::chrono::steady_clock;

constexpr milliseconds kFreezeAfter{10};
constexpr seconds kFlushEvery{1};
constexpr std::size_t kTail = 4096;

double millis(Clock::duration duration) { return std::chrono::duration<double, std::milli>(duration).count(); }

/// A signal's name as it stands in Go's exit messages, which is what Lambda shows.
std::string signal_name(int signal) {
  switch (signal) {
    case SIGKILL:
      return "killed";
    case SIGSEGV:
      return "segmentation fault";
    case SIGABRT:
      return "aborted";
    case SIGTERM:
      return "terminated";
    case SIGBUS:
      return "bus error";
    case SIGILL:
      return "illegal instruction";
    case SIGFPE:
      return "floating point exception";
    case SIGSYS:
      return "bad system call";
    default:
      return "signal " + std::to_string(signal);
  }
}

/// A header's value must be one line.
std::string one_line(std::string text) {
  std::erase_if(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  return text;
}

bool is_program(const std::filesystem::path& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && (info.st_mode & 0111) != 0;
}

}  // namespace

Environment::Environment(EngineParts& parts, std::shared_ptr<const FunctionVersion> version, std::size_t loop_index,
                         std::string log_stream, std::function<void(Environment&)> gone)
    : parts_(parts),
      version_(std::move(version)),
      loop_index_(loop_index),
      log_stream_(std::move(log_stream)),
      gone_(std::move(gone)),
      born_(Clock::now()) {}

Environment::~Environment() = default;

Loop& Environment::loop() const { return parts_.loops.at(loop_index_); }

Task<SandboxSpec> Environment::specify(const RuntimeChoice& choice) {
  const FunctionVersion& version = *version_;
  SandboxSpec spec;
  spec.mounts = parts_.root->mounts();
  std::filesystem::path opt;
  if (version.layers.size() > 1) {
    opt = co_await blocking(*parts_.files,
                            [this, &version] { return parts_.root->merge_layers(version.layers, version.key); });
  } else {
    opt = co_await parts_.root->merge_layers(version.layers, version.key);
  }
  if (!version.layers.empty()) spec.mounts.emplace_back(opt, "/opt");
  spec.mounts.emplace_back(version.code, "/var/task");

  const bool os_only = choice.language->client.empty();
  if (os_only) {
    // Not executable, or not there: the same answer, as in AWS.
    const bool own = is_program(version.code / "bootstrap");
    if (!own && !is_program(opt / "bootstrap")) {
      co_await fail({"Runtime.InvalidEntrypoint", 200},
                    "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]");
    }
    spec.command = {own ? "/var/task/bootstrap" : "/opt/bootstrap"};
  } else {
    spec.mounts.emplace_back(parts_.options.runtimes / choice.language->client, "/var/runtime");
    if (const auto wrapper = version.environment.find("AWS_LAMBDA_EXEC_WRAPPER");
        wrapper != version.environment.end()) {
      spec.command.push_back(wrapper->second);
    }
    spec.command.push_back(choice.interpreter);
    for (std::string argument : choice.arguments) {
      constexpr std::string_view kHeap = "{heap_mib}";
      if (const auto at = argument.find(kHeap); at != std::string::npos) {
        argument.replace(at, kHeap.size(), std::to_string(std::max(32u, version.memory_mib * 9 / 10)));
      }
      spec.command.push_back(std::move(argument));
    }
  }
  spec.memory_mib = version.memory_mib;
  spec.ephemeral_mib = version.ephemeral_mib;
  // Lambda gives a vCPU for 1769 MB, and more than a function's share while it initialises. Here every function may use
  // one whole CPU: what nobody else needs is not withheld from it.
  spec.cpus = std::max(1.0, version.memory_mib / 1769.0);
  spec.listen_ports = {kRuntimeApiPort, kPlatformPort};
  const Credentials credentials = co_await parts_.hooks.credentials(version);
  spec.environment = environment_variables(version, credentials, log_stream_, os_only);
  co_return spec;
}

void Environment::open(std::unique_ptr<Sandbox> sandbox) {
  sandbox_ = std::move(sandbox);
  const std::shared_ptr<Environment> self = shared_from_this();
  const std::vector<int> sockets = sandbox_->take_listeners();
  if (!sockets.empty()) {
    listeners_.push_back(parts_.server.serve(sockets[0], loop_index_,
                                             [self](net::Request& request) { return answer_runtime(self, request); }));
  }
  if (sockets.size() > 1) {
    listeners_.push_back(parts_.server.serve(sockets[1], loop_index_, parts_.hooks.platform));
  }
  const std::weak_ptr<Environment> weak = self;
  Loop* const loop = &this->loop();
  output_ = std::make_shared<Output>(sandbox_->take_output(), parts_.clock, [weak, loop] {
    loop->post([weak] {
      if (const auto environment = weak.lock(); environment && environment->output_) {
        environment->collect(false);
        environment->flush();
      }
    });
  });
  parts_.pump->add(output_);
  start(watch(self), [](const Result<void>&) {});
}

Task<BootOutcome> Environment::boot(SteadyTime deadline, std::string phase, std::string request_id) {
  const std::shared_ptr<Environment> self = shared_from_this();
  state_ = State::kBooting;
  const bool first = phase == "init";
  const std::optional<RuntimeChoice> choice = parts_.catalogue->choose(version_->runtime);
  if (!choice) {
    co_return BootOutcome(BootOutcome::Kind::kPlatformFailed, parts_.catalogue->status(version_->runtime).detail, "");
  }
  if (first) {
    write(init_start_line(*version_, choice->note));
    tail_.clear();
  }
  SteadyTime began = Clock::now();
  Result<SandboxSpec> spec = co_await attempt(specify(*choice));
  BootOutcome outcome(BootOutcome::Kind::kReady, "", "");
  if (!spec && spec.error().code().starts_with("Runtime.")) {
    outcome =
        BootOutcome(BootOutcome::Kind::kFunctionFailed,
                    error_document(spec.error().code(), (request_id.empty() ? "" : "RequestId: " + request_id + " ") +
                                                            "Error: " + spec.error().message()),
                    spec.error().code());
  } else if (!spec) {
    co_return BootOutcome(BootOutcome::Kind::kPlatformFailed, spec.error().message(), "");
  } else {
    Result<std::unique_ptr<Sandbox>> sandbox = co_await attempt(parts_.substrate.start(std::move(spec).value()));
    if (!sandbox) {
      log::error("no sandbox", {{"function", version_->arn}, {"why", sandbox.error().message()}});
      co_return BootOutcome(BootOutcome::Kind::kPlatformFailed, sandbox.error().message(), "");
    }
    began = Clock::now();
    phase_.emplace();
    const Deferred<Signal> waiting = *phase_;
    open(std::move(sandbox).value());
    flush_later();
    const Result<Signal> signal =
        co_await attempt(waiting.wait_until(deadline, Error("Sandbox.Timedout", 200, "initialisation")));
    phase_.reset();
    outcome = outcome_of(signal, request_id);
  }
  init_ms_ = millis(Clock::now() - began);
  collect(true);
  if (outcome.kind == BootOutcome::Kind::kReady) {
    state_ = State::kReady;
    if (!first) init_ms_ = 0;  // It counted as part of the invocation.
    flush_later();
    co_return outcome;
  }
  const bool timed_out = outcome.kind == BootOutcome::Kind::kTimedOut;
  write(init_report_line(init_ms_, phase, timed_out ? "timeout" : "error", outcome.error_type));
  flush();
  end();
  co_return outcome;
}

BootOutcome Environment::outcome_of(const Result<Signal>& signal, const std::string& request_id) {
  if (!signal) return BootOutcome(BootOutcome::Kind::kTimedOut, "", "");
  if (*signal == Signal::kNext) return BootOutcome(BootOutcome::Kind::kReady, "", "");
  if (*signal == Signal::kInitFailed) {
    return BootOutcome(BootOutcome::Kind::kFunctionFailed, init_document_, init_error_type_);
  }
  return BootOutcome(BootOutcome::Kind::kFunctionFailed, exit_document(request_id),
                     exit_ && exit_->kind == ExitKind::kOutOfMemory ? "Runtime.OutOfMemory" : "Runtime.ExitError");
}

std::string Environment::exit_document(const std::string& request_id) {
  std::string how = "exited without providing a reason";
  if (exit_ && exit_->kind == ExitKind::kExited && exit_->code != 0) {
    how = "exited with error: exit status " + std::to_string(exit_->code);
  } else if (exit_ && exit_->kind == ExitKind::kSignaled) {
    how = "exited with error: signal: " + signal_name(exit_->code);
  } else if (exit_ && exit_->kind == ExitKind::kOutOfMemory) {
    how = "exited with error: signal: killed";
  }
  return error_document("Runtime.ExitError", "RequestId: " + request_id + " Error: Runtime " + how);
}

net::Response Environment::delivery(Invocation& invocation, SteadyTime deadline) {
  // The sandbox's own clock is the machine's, wherever the house's clock has been moved to.
  const auto until = std::chrono::system_clock::now() + (deadline - Clock::now());
  const auto deadline_ms = std::chrono::duration_cast<milliseconds>(until.time_since_epoch()).count();
  net::Response response(200, "application/json", std::move(invocation.payload));
  response.headers.add("Lambda-Runtime-Aws-Request-Id", invocation.request_id);
  response.headers.add("Lambda-Runtime-Deadline-Ms", std::to_string(deadline_ms));
  response.headers.add("Lambda-Runtime-Invoked-Function-Arn", invocation.invoked_arn);
  if (!invocation.trace_id.empty()) response.headers.add("Lambda-Runtime-Trace-Id", one_line(invocation.trace_id));
  if (!invocation.client_context.empty()) {
    response.headers.add("Lambda-Runtime-Client-Context", one_line(invocation.client_context));
  }
  return response;
}

Task<InvocationResult> Environment::invoke(Invocation invocation, SteadyTime deadline) {
  const std::shared_ptr<Environment> self = shared_from_this();
  finish_report();
  busy_ = true;
  if (frozen_) {
    frozen_ = false;
    if (const Result<void> thawed = sandbox_->thaw(); !thawed) {
      log::error("thawing failed", {{"function", version_->arn}, {"why", thawed.error().message()}});
      end();
    }
  }
  const SteadyTime began = Clock::now();
  running_.emplace(invocation.request_id);
  write(start_line(*version_, invocation.request_id));
  phase_.emplace();
  const Deferred<Signal> waiting = *phase_;
  if (parked_) {
    const Deferred<net::Response> parked = *parked_;
    parked_.reset();
    parked.resolve(delivery(invocation, deadline));
  } else {
    waiting.resolve(Signal::kExited);  // It died while it was idle.
  }
  flush_later();
  const Result<Signal> signal =
      co_await attempt(waiting.wait_until(deadline, Error("Sandbox.Timedout", 200, "invocation")));
  phase_.reset();

  InvocationResult result;
  result.duration_ms = millis(Clock::now() - began);
  result.init_ms = std::exchange(init_ms_, 0);
  result.billed_ms = std::ceil(result.duration_ms + result.init_ms);
  Report report;
  report.request_id = invocation.request_id;
  report.duration_ms = result.duration_ms;
  report.billed_ms = result.billed_ms;
  report.init_ms = result.init_ms;
  report.memory_mib = version_->memory_mib;
  Running ended = std::move(*running_);
  running_.reset();
  if (!signal) {
    collect(true);
    result.duration_ms = report.duration_ms = std::min(report.duration_ms, version_->timeout_seconds * 1000.0);
    report.billed_ms = result.billed_ms = std::ceil(report.duration_ms + report.init_ms);
    report.status = "timeout";
    if (!ended.answered) {
      write(timed_out_line(parts_.clock.now(), invocation.request_id, version_->timeout_seconds));
      ended.payload = timed_out_document(invocation.request_id, version_->timeout_seconds);
      ended.is_error = true;
    }
    end();
  } else if (*signal == Signal::kExited) {
    const bool out_of_memory = exit_ && exit_->kind == ExitKind::kOutOfMemory;
    report.status = "error";
    report.error_type = out_of_memory ? "Runtime.OutOfMemory" : "Runtime.ExitError";
    if (!ended.answered) {
      ended.payload = exit_document(invocation.request_id);
      ended.is_error = true;
      const std::size_t message = ended.payload.find("RequestId: ");
      write(ended.payload.substr(message, ended.payload.size() - message - 2));
      write("Runtime.ExitError");
    }
  } else if (ended.is_error) {
    report.status = "error";
    report.error_type = ended.error_type;
  }
  result.payload = std::move(ended.payload);
  if (ended.is_error) result.function_error = "Unhandled";
  unreported_ = std::move(report);
  busy_ = false;
  if (invocation.tail) {
    finish_report(true);
    result.log_tail = tail_.size() > kTail ? tail_.substr(tail_.size() - kTail) : tail_;
    tail_.clear();
  } else {
    // The caller need not wait for our own bookkeeping.
    loop().post([self] { self->finish_report(); });
  }
  co_return result;
}

InvocationResult Environment::report_failed_boot(const Invocation& invocation, const BootOutcome& outcome,
                                                 double duration_ms) {
  InvocationResult result;
  const bool timed_out = outcome.kind == BootOutcome::Kind::kTimedOut;
  result.function_error = "Unhandled";
  result.payload = timed_out ? timed_out_document(invocation.request_id, version_->timeout_seconds) : outcome.document;
  result.duration_ms = duration_ms;
  result.billed_ms = std::ceil(duration_ms);
  Report report;
  report.request_id = invocation.request_id;
  report.duration_ms = result.duration_ms;
  report.billed_ms = result.billed_ms;
  report.memory_mib = version_->memory_mib;
  report.status = timed_out ? "timeout" : "error";
  report.error_type = outcome.error_type;
  write(start_line(*version_, invocation.request_id));
  if (timed_out) write(timed_out_line(parts_.clock.now(), invocation.request_id, version_->timeout_seconds));
  unreported_ = std::move(report);
  finish_report(true);
  if (invocation.tail) result.log_tail = tail_.size() > kTail ? tail_.substr(tail_.size() - kTail) : tail_;
  return result;
}

void Environment::finish_report(bool keep_tail) {
  if (!unreported_) return;
  Report report = std::move(*unreported_);
  unreported_.reset();
  collect(true);
  if (sandbox_) report.peak_bytes = sandbox_->peak_memory();
  write(end_line(report.request_id));
  write(report_line(report));
  flush();
  if (!keep_tail) tail_.clear();
}

void Environment::write(std::string line) {
  tail_ += line;
  tail_ += '\n';
  if (tail_.size() > 4 * kTail) tail_.erase(0, tail_.size() - kTail);
  lines_.emplace_back(parts_.clock.now(), std::move(line));
}

void Environment::collect(bool finish) {
  if (!output_) return;
  for (LogLine& line : output_->take(finish)) {
    const std::size_t from = line.message.size() > kTail ? line.message.size() - kTail : 0;
    tail_.append(line.message, from);
    tail_ += '\n';
    if (tail_.size() > 4 * kTail) tail_.erase(0, tail_.size() - kTail);
    lines_.push_back(std::move(line));
  }
}

void Environment::flush() {
  if (lines_.empty()) return;
  parts_.hooks.log(*version_, log_stream_, std::exchange(lines_, {}));
}

void Environment::flush_later() {
  if (flush_timer_) return;
  flush_timer_ = true;
  loop().at(Clock::now() + kFlushEvery, [self = shared_from_this()] {
    self->flush_timer_ = false;
    self->collect(false);
    self->flush();
    if (self->busy_ || self->state_ == State::kBooting) self->flush_later();
  });
}

void Environment::rest() {
  idle_since_ = Clock::now();
  if (!freeze_timer_) freeze_when_idle();
}

/// One timer for many invocations: it looks whether the environment has been idle long enough, and waits on if not.
void Environment::freeze_when_idle() {
  freeze_timer_ = true;
  loop().at(idle_since_ + kFreezeAfter, [self = shared_from_this()] {
    self->freeze_timer_ = false;
    if (self->busy_ || self->frozen_ || self->state_ != State::kReady) return;
    if (Clock::now() < self->idle_since_ + kFreezeAfter) return self->freeze_when_idle();
    if (const Result<void> frozen = self->sandbox_->freeze(); frozen) {
      self->frozen_ = true;
    } else {
      log::warning("freezing failed", {{"function", self->version_->arn}, {"why", frozen.error().message()}});
    }
  });
}

void Environment::end() {
  if (ending_) return;
  ending_ = true;
  if (state_ == State::kReady || state_ == State::kBooting) state_ = State::kGone;
  if (!sandbox_) {
    state_ = State::kGone;
    if (gone_) std::exchange(gone_, nullptr)(*this);
    return;
  }
  if (std::exchange(frozen_, false)) (void)sandbox_->thaw();
  sandbox_->kill();
}

Task<void> Environment::watch(std::shared_ptr<Environment> self) {
  const Result<SandboxExit> how = co_await attempt(self->sandbox_->exited());
  self->exited(how);
}

void Environment::exited(const Result<SandboxExit>& how) {
  if (how) exit_ = *how;
  state_ = State::kGone;
  for (const std::uint64_t listener : listeners_) parts_.server.close_listener(listener);
  listeners_.clear();
  collect(true);
  parts_.pump->remove(*output_);
  if (parked_) {
    const Deferred<net::Response> parked = *parked_;
    parked_.reset();
    parked.resolve(
        net::Response(500, "application/json", error_document("InternalServerError", "The environment has ended")));
  }
  if (phase_) phase_->resolve(Signal::kExited);
  // The sandbox owns the task whose end we are in: it goes after it, and after the report has read its peak memory.
  loop().post([self = shared_from_this()] {
    self->loop().post([self] {
      self->finish_report();
      self->flush();
      self->sandbox_.reset();
      self->output_.reset();
      if (self->gone_) std::exchange(self->gone_, nullptr)(*self);
    });
  });
}

Task<net::Response> Environment::next() {
  const std::shared_ptr<Environment> self = shared_from_this();
  const bool answered_or_none = !running_ || running_->answered;
  if (parked_ || !answered_or_none || state_ == State::kGone || !init_error_type_.empty()) {
    co_return net::Response(
        403, "application/json",
        error_document("InvalidStateTransition", "Transition from the current state is not allowed"));
  }
  parked_.emplace();
  const Deferred<net::Response> parked = *parked_;
  if (phase_) phase_->resolve(Signal::kNext);
  co_return co_await parked.wait();
}

RuntimeSide::Verdict Environment::may_answer(const std::string& request_id) const {
  if (!running_ || running_->request_id != request_id) return Verdict::kInvalidId;
  return running_->answered ? Verdict::kInvalidState : Verdict::kAccepted;
}

RuntimeSide::Verdict Environment::settle(const std::string& request_id, std::string payload, bool is_error,
                                         std::string type) {
  const Verdict verdict = may_answer(request_id);
  if (verdict != Verdict::kAccepted) return verdict;
  running_->answered = true;
  running_->payload = std::move(payload);
  running_->is_error = is_error;
  running_->error_type = std::move(type);
  return verdict;
}

RuntimeSide::Verdict Environment::responded(const std::string& request_id, std::string payload) {
  return settle(request_id, std::move(payload), false, {});
}

RuntimeSide::Verdict Environment::failed(const std::string& request_id, std::string document, const std::string& type) {
  return settle(request_id, std::move(document), true, checked_error_type(type, "Function.Unknown"));
}

RuntimeSide::Verdict Environment::too_large(const std::string& request_id) {
  return settle(request_id, too_large_document(), true, "Function.ResponseSizeTooLarge");
}

RuntimeSide::Verdict Environment::initialisation_failed(std::string document, const std::string& type) {
  if (state_ != State::kBooting || !init_error_type_.empty()) return Verdict::kInvalidState;
  init_document_ = std::move(document);
  init_error_type_ = checked_error_type(type, "Runtime.Unknown");
  if (phase_) phase_->resolve(Signal::kInitFailed);
  return Verdict::kAccepted;
}

}  // namespace cumulet::compute
