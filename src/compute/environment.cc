#include "compute/environment.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>

#include "base/log.h"
#include "base/text.h"
#include "compute/environment_variables.h"
#include "compute/launch.h"

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

void Environment::adopt(std::unique_ptr<Cell> cell) {
  cell_ = std::move(cell);
  const std::shared_ptr<Environment> self = shared_from_this();
  cell_->door().side = self;
  const std::weak_ptr<Environment> weak = self;
  cell_->door().many_lines = [weak] {
    const std::shared_ptr<Environment> environment = weak.lock();
    if (!environment || !environment->cell_) return;
    environment->collect(false);
    environment->flush();
  };
  start(watch(self), [](const Result<void>&) {});
}

Task<std::optional<BootOutcome>> Environment::launch(RuntimeChoice choice, std::string request_id) {
  std::optional<BootOutcome> failure;
  Result<SandboxSpec> spec = co_await attempt(version_spec(parts_, version_, choice, log_stream_));
  if (!spec && spec.error().code().starts_with("Runtime.")) {
    const std::string about = request_id.empty() ? std::string() : "RequestId: " + request_id + " ";
    failure.emplace(BootOutcome::Kind::kFunctionFailed,
                    error_document(spec.error().code(), about + "Error: " + spec.error().message()),
                    spec.error().code());
    co_return failure;
  }
  if (!spec) {
    failure.emplace(BootOutcome::Kind::kPlatformFailed, spec.error().message(), "");
    co_return failure;
  }
  Result<std::unique_ptr<Cell>> cell = co_await attempt(Cell::make(parts_, std::move(spec).value(), loop_index_));
  if (!cell) {
    log::error("no sandbox", {{"function", version_->arn}, {"why", cell.error().message()}});
    failure.emplace(BootOutcome::Kind::kPlatformFailed, cell.error().message(), "");
    co_return failure;
  }
  adopt(std::move(cell).value());
  co_return failure;
}

Task<void> Environment::dispatch(std::unique_ptr<Cell> parked, bool os_only) {
  const Result<Credentials> credentials = co_await attempt(parts_.hooks.credentials(*version_));
  adopt(std::move(parked));
  if (!credentials) co_await fail(credentials.error());
  std::string variables = "{";
  for (const auto& [name, value] : environment_variables(*version_, *credentials, log_stream_, os_only,
                                                         !parts_.options.certificate_authority.empty())) {
    variables += (variables.size() > 1 ? ",\"" : "\"") + json_escape(name) + "\":\"" + json_escape(value) + "\"";
  }
  variables += '}';
  RuntimeDoor& door = cell_->door();
  if (!door.parked) co_return;  // It has ended: the wait for it says so.
  const Deferred<net::Response> waiting = *door.parked;
  door.parked.reset();
  waiting.resolve(net::Response(200, "application/json", std::move(variables)));
}

Task<BootOutcome> Environment::boot(SteadyTime deadline, std::string phase, std::string request_id,
                                    std::unique_ptr<Cell> parked) {
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
  phase_.emplace();
  const Deferred<Signal> waiting = *phase_;
  SteadyTime began = Clock::now();
  std::optional<BootOutcome> failure;
  if (parked) {
    const Result<void> dispatched = co_await attempt(dispatch(std::move(parked), choice->language->client.empty()));
    if (!dispatched) failure.emplace(BootOutcome::Kind::kPlatformFailed, dispatched.error().message(), "");
  } else {
    failure = co_await launch(*choice, request_id);
    // The limit is the function's; making the sandbox, and what its runtime needs, is ours.
    deadline += Clock::now() - began;
    began = Clock::now();
  }
  BootOutcome outcome(BootOutcome::Kind::kReady, "", "");
  if (failure) {
    if (failure->kind == BootOutcome::Kind::kPlatformFailed) co_return std::move(*failure);
    outcome = std::move(*failure);
  } else {
    flush_later();
    const Result<Signal> signal =
        co_await attempt(waiting.wait_until(deadline, Error("Sandbox.Timedout", 200, "initialisation")));
    outcome = outcome_of(signal, request_id);
  }
  phase_.reset();
  init_ms_ = millis(Clock::now() - began);
  collect(true);
  if (outcome.kind == BootOutcome::Kind::kReady) {
    state_ = State::kReady;
    // It counted as part of the invocation, or was nobody's wait.
    if (!first || version_->initialization_type != "on-demand") init_ms_ = 0;
    if (parts_.options.exact_cpus) (void)cell_->sandbox().limit_cpus(version_->memory_mib / 1769.0);
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
    if (const Result<void> thawed = cell_->sandbox().thaw(); !thawed) {
      log::error("thawing failed", {{"function", version_->arn}, {"why", thawed.error().message()}});
      end();
    }
  }
  const SteadyTime began = Clock::now();
  running_.emplace(invocation.request_id, invocation.stream);
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
    if (!ended.answered || ended.truncated) {
      write(timed_out_line(parts_.clock.now(), invocation.request_id, version_->timeout_seconds));
      ended.payload = timed_out_document(invocation.request_id, version_->timeout_seconds);
      ended.is_error = true;
    }
    end();
  } else if (*signal == Signal::kExited) {
    const bool out_of_memory = exit_ && exit_->kind == ExitKind::kOutOfMemory;
    report.status = "error";
    report.error_type = out_of_memory ? "Runtime.OutOfMemory" : "Runtime.ExitError";
    if (!ended.answered || ended.truncated) {
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
  result.content_type = std::move(ended.content_type);
  if (ended.is_error) result.function_error = "Unhandled";
  if (ended.stream)
    ended.stream->end(ended.is_error ? ResponseEnd(result.function_error, result.payload) : ResponseEnd());
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
  if (cell_) report.peak_bytes = cell_->sandbox().peak_memory();
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
  if (!cell_) return;
  for (LogLine& line : cell_->output().take(finish)) {
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
    if (const Result<void> frozen = self->cell_->sandbox().freeze(); frozen) {
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
  if (!cell_) {
    state_ = State::kGone;
    if (gone_) std::exchange(gone_, nullptr)(*this);
    return;
  }
  if (std::exchange(frozen_, false)) (void)cell_->sandbox().thaw();
  cell_->sandbox().kill();
}

Task<void> Environment::watch(std::shared_ptr<Environment> self) {
  const Result<SandboxExit> how = co_await attempt(self->cell_->exit().wait());
  self->exited(how);
}

void Environment::exited(const Result<SandboxExit>& how) {
  if (how) exit_ = *how;
  state_ = State::kGone;
  cell_->close();
  collect(true);
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
      self->cell_.reset();
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
  return running_->answered || running_->streaming ? Verdict::kInvalidState : Verdict::kAccepted;
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

RuntimeSide::Verdict Environment::responded(const std::string& request_id, std::string payload,
                                            std::string content_type) {
  const Verdict verdict = settle(request_id, std::move(payload), false, {});
  if (verdict == Verdict::kAccepted) running_->content_type = std::move(content_type);
  return verdict;
}

std::shared_ptr<ResponseStream> Environment::begin_stream(const std::string& content_type) {
  if (!running_ || !running_->stream) return nullptr;
  running_->streaming = true;
  running_->stream->begin(content_type);
  return running_->stream;
}

void Environment::end_stream(const std::string& request_id, ResponseEnd how, bool whole) {
  if (!running_ || running_->request_id != request_id || running_->answered) return;
  running_->answered = true;
  running_->truncated = !whole;
  running_->is_error = how.failed();
  running_->error_type = how.error_type;
  running_->payload = how.document;
  // What was cut off ends with the invocation: if the runtime died, that is the reason to tell.
  if (whole) running_->stream->end(std::move(how));
}

RuntimeSide::Verdict Environment::failed(const std::string& request_id, std::string document, const std::string& type) {
  // A runtime that dies of an error while its response streams tells it in this way, past the response's trailers.
  if (running_ && running_->request_id == request_id && running_->streaming && !running_->answered) {
    end_stream(request_id, ResponseEnd(checked_error_type(type, "Function.Unknown"), std::move(document)), true);
    return Verdict::kAccepted;
  }
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
