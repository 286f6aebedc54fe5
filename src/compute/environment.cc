#include "compute/environment.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>

#include "base/log.h"

namespace cumulet::compute {
namespace {

using Clock = std::chrono::steady_clock;

constexpr milliseconds kFreezeAfter{10};
constexpr milliseconds kFlushEvery{1000};

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

/// The sandbox's own clock is the machine's, wherever the house's clock has been moved to.
std::int64_t wall_clock_ms(SteadyTime time) {
  const auto until = std::chrono::system_clock::now() + (time - Clock::now());
  return std::chrono::duration_cast<milliseconds>(until.time_since_epoch()).count();
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
      gone_(std::move(gone)),
      born_(Clock::now()),
      extensions_(std::make_shared<Extensions>(*this, version_, parts_.loops.at(loop_index))),
      journal_(parts_, version_, std::move(log_stream)) {
  journal_.set_extensions(extensions_.get());
}

Environment::~Environment() { extensions_->close(); }

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
    environment->journal_.flush();
  };
  start(watch(self), [](const Result<void>&) {});
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
  const std::int64_t deadline_ms = wall_clock_ms(deadline);
  net::Response response(200, "application/json", std::move(invocation.payload));
  response.headers.add("Lambda-Runtime-Aws-Request-Id", invocation.request_id);
  response.headers.add("Lambda-Runtime-Deadline-Ms", std::to_string(deadline_ms));
  response.headers.add("Lambda-Runtime-Invoked-Function-Arn", invocation.invoked_arn);
  if (!invocation.trace_id.empty()) response.headers.add("Lambda-Runtime-Trace-Id", one_line(invocation.trace_id));
  if (!version_->tenant_id.empty()) response.headers.add("Lambda-Runtime-Aws-Tenant-Id", version_->tenant_id);
  if (!invocation.client_context.empty()) {
    response.headers.add("Lambda-Runtime-Client-Context", one_line(invocation.client_context));
  }
  return response;
}

/// What the end of the runtime's part means: for the report, and for the caller where the function has not answered.
void Environment::judge(const Result<Signal>& signal, Running& ended, Report& report) {
  if (!signal) {
    collect(true);
    report.duration_ms = std::min(report.duration_ms, version_->timeout_seconds * 1000.0);
    report.billed_ms = std::ceil(report.duration_ms + report.init_ms);
    report.status = "timeout";
    if (!ended.answered || ended.truncated) {
      write(timed_out_line(parts_.clock.now(), report.request_id, version_->timeout_seconds));
      ended.payload = timed_out_document(report.request_id, version_->timeout_seconds);
      ended.is_error = true;
    }
    end(ShutdownReason::kTimeout);
  } else if (*signal == Signal::kExited) {
    const bool out_of_memory = exit_ && exit_->kind == ExitKind::kOutOfMemory;
    report.status = "error";
    report.error_type = out_of_memory ? "Runtime.OutOfMemory" : "Runtime.ExitError";
    if (!ended.answered || ended.truncated) {
      ended.payload = exit_document(report.request_id);
      ended.is_error = true;
      const std::size_t message = ended.payload.find("RequestId: ");
      write(ended.payload.substr(message, ended.payload.size() - message - 2));
      write("Runtime.ExitError");
    }
    end(ShutdownReason::kFailure);
  } else if (*signal == Signal::kFault) {
    report.status = "error";
    report.error_type = fault_->type;
    if (!ended.answered || ended.truncated) {
      ended.payload = error_document(fault_->type, "RequestId: " + report.request_id + " Error: " + fault_->message);
      ended.is_error = true;
    }
    write_fault(report.request_id, *fault_);
    end(ShutdownReason::kFailure);
  } else if (ended.is_error) {
    report.status = "error";
    report.error_type = ended.error_type;
  }
}

Task<InvocationResult> Environment::invoke(Invocation invocation, SteadyTime deadline) {
  const std::shared_ptr<Environment> self = shared_from_this();
  finish_report();
  busy_ = true;
  if (code_cache_) code_cache_->has_run();
  if (!thaw()) end();
  const SteadyTime began = Clock::now();
  running_.emplace(invocation.request_id, invocation.stream);
  journal_.platform(start_event(*version_, invocation.request_id, invocation.trace_id));
  phase_.emplace();
  const Deferred<Signal> waiting = *phase_;
  if (parked_) {
    extensions_->invoke(wall_clock_ms(deadline), invocation.request_id, invocation.invoked_arn, invocation.trace_id);
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
  Report report;
  report.request_id = invocation.request_id;
  report.duration_ms = millis(Clock::now() - began);
  report.init_ms = result.init_ms = std::exchange(init_ms_, 0);
  report.restore_ms = result.restore_ms = std::exchange(restore_ms_, 0);
  report.billed_ms = std::ceil(report.duration_ms + report.init_ms);
  report.memory_mib = version_->memory_mib;
  Running ended = std::move(*running_);
  running_.reset();
  judge(signal, ended, report);
  result.duration_ms = report.duration_ms;
  result.billed_ms = report.billed_ms;
  report_runtime_done(invocation, ended, report, began);
  result.payload = std::move(ended.payload);
  result.content_type = std::move(ended.content_type);
  if (ended.is_error) result.function_error = "Unhandled";
  if (ended.stream)
    ended.stream->end(ended.is_error ? ResponseEnd(result.function_error, result.payload) : ResponseEnd());
  unreported_ = std::move(report);
  const bool settles = state_ == State::kReady && !ending_ && !extensions_->ready();
  if (settles) settled_.emplace();
  if (settles && invocation.tail) {
    co_await settle(self, began, deadline, true);
  } else if (settles) {
    start(settle(self, began, deadline, false), [](const Result<void>&) {});
    co_return result;
  }
  busy_ = false;
  if (invocation.tail) {
    finish_report(true);
    result.log_tail = journal_.tail();
    journal_.clear_tail();
  } else {
    // The caller need not wait for our own bookkeeping.
    loop().post([self] { self->finish_report(); });
  }
  co_return result;
}

void Environment::report_runtime_done(const Invocation& invocation, const Running& ended, const Report& report,
                                      SteadyTime began) {
  if (!extensions_->listened_to() && !version_->logging.json) return;
  collect(true);
  RuntimeTimes times;
  times.done_ms = report.duration_ms;
  times.began = parts_.clock.now() - std::chrono::duration_cast<Timestamp::duration>(Clock::now() - began);
  if (ended.answered) times.answered_ms = std::min(millis(ended.answered_at - began), report.duration_ms);
  if (!ended.is_error) times.produced_bytes = ended.payload.size();
  const PhaseEnd end(report.status.empty() ? "success" : report.status, report.error_type);
  journal_.platform(runtime_done_event(*version_, invocation.request_id, times, end, invocation.trace_id));
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
  journal_.platform(start_event(*version_, invocation.request_id, invocation.trace_id));
  if (timed_out) write(timed_out_line(parts_.clock.now(), invocation.request_id, version_->timeout_seconds));
  unreported_ = std::move(report);
  finish_report(true);
  if (invocation.tail) result.log_tail = journal_.tail();
  return result;
}

void Environment::finish_report(bool keep_tail) {
  if (!unreported_) return;
  Report report = std::move(*unreported_);
  unreported_.reset();
  collect(true);
  if (cell_) report.peak_bytes = cell_->sandbox().peak_memory();
  journal_.platform(end_event(report.request_id));
  journal_.platform(report_event(*version_, report));
  journal_.flush();
  if (!keep_tail) journal_.clear_tail();
}

void Environment::collect(bool finish) {
  if (cell_) journal_.function_printed(cell_->output().take(finish));
}

void Environment::flush_later() {
  if (flush_timer_) return;
  flush_timer_ = true;
  const milliseconds pause = std::min(kFlushEvery, extensions_->patience().value_or(kFlushEvery));
  loop().at(Clock::now() + pause, [self = shared_from_this()] {
    self->flush_timer_ = false;
    self->collect(false);
    self->journal_.flush();
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
    const SteadyTime now = Clock::now();
    if (now < self->idle_since_ + kFreezeAfter) return self->freeze_when_idle();
    if (self->code_cache_ && self->code_cache_->keeps_awake(now)) {
      self->idle_since_ = now;
      return self->freeze_when_idle();
    }
    if (const Result<void> frozen = self->cell_->sandbox().freeze(); frozen) {
      self->frozen_ = true;
    } else {
      log::warning("freezing failed", {{"function", self->version_->arn}, {"why", frozen.error().message()}});
    }
  });
}

/// False when the sandbox cannot go on.
bool Environment::thaw() {
  if (!std::exchange(frozen_, false)) return true;
  const Result<void> thawed = cell_->sandbox().thaw();
  if (!thawed) log::error("thawing failed", {{"function", version_->arn}, {"why", thawed.error().message()}});
  return thawed.ok();
}

Task<void> Environment::watch(std::shared_ptr<Environment> self) {
  const Result<SandboxExit> how = co_await attempt(self->cell_->exit().wait());
  self->exited(how);
}

void Environment::exited(const Result<SandboxExit>& how) {
  // With extensions, the sandbox's main process is their host, which has said how the runtime ended.
  if (how && (!exit_ || how->kind == ExitKind::kOutOfMemory)) exit_ = *how;
  state_ = State::kGone;
  extensions_->close();
  if (code_cache_) code_cache_->close();
  cell_->close();
  collect(true);
  for (std::optional<Deferred<net::Response>>* waits : {&parked_, &at_restore_}) {
    if (!*waits) continue;
    const Deferred<net::Response> waiting = **waits;
    waits->reset();
    waiting.resolve(
        net::Response(500, "application/json", error_document("InternalServerError", "The environment has ended")));
  }
  wake(Signal::kExited);
  over_.resolve({});
  // The sandbox owns the task whose end we are in: it goes after it, and after the report has read its peak memory.
  loop().post([self = shared_from_this()] {
    self->loop().post([self] {
      self->finish_report();
      self->journal_.flush();
      self->cell_.reset();
      if (self->gone_) std::exchange(self->gone_, nullptr)(*self);
    });
  });
}

Task<net::Response> Environment::next() {
  const std::shared_ptr<Environment> self = shared_from_this();
  const bool answered_or_none = !running_ || running_->answered;
  if (parked_ || at_restore_ || !answered_or_none || state_ == State::kGone || !init_error_type_.empty()) {
    co_return net::Response(
        403, "application/json",
        error_document("InvalidStateTransition", "Transition from the current state is not allowed"));
  }
  parked_.emplace();
  const Deferred<net::Response> parked = *parked_;
  if (state_ == State::kBooting) {
    runtime_initialised();
  } else if (phase_) {
    phase_->resolve(Signal::kNext);
  }
  co_return co_await parked.wait();
}

void Environment::runtime_initialised() {
  if (extensions_->listened_to() || version_->logging.json) {
    journal_.platform(init_runtime_done_event(*version_, "init", PhaseEnd("success", "")));
  }
  extensions_progressed();
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
  running_->answered_at = Clock::now();
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
  running_->answered_at = Clock::now();
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
