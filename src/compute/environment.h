#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/deferred.h"
#include "compute/cell.h"
#include "compute/code_cache.h"
#include "compute/engine.h"
#include "compute/extensions/extensions.h"
#include "compute/journal.h"
#include "compute/reports.h"
#include "compute/runtime_api.h"

namespace cumulet::compute {

/// How a boot ended.
struct BootOutcome {
  enum class Kind {
    kReady,           ///< The runtime asks for its first invocation.
    kFunctionFailed,  ///< The function's code or runtime: `document` is what the caller gets.
    kTimedOut,
    kPlatformFailed,  ///< No sandbox: `document` says what was being attempted.
  };
  BootOutcome(Kind k, std::string d, std::string t) : kind(k), document(std::move(d)), error_type(std::move(t)) {}
  Kind kind;
  std::string document;
  std::string error_type;
};

/// One execution environment: a sandbox with a runtime in it that runs one invocation at a time. It belongs to one
/// loop, and every call comes on it. When its sandbox is gone it is of no more use; a new one takes its place.
///
/// Life: boot → (idle ⇄ frozen) → [restore →] invoke → idle … → end. Freezing happens a moment after the end of an
/// invocation, so that a function that is called in quick succession never pays for it.
///
/// An invocation is over when the runtime and all extensions have asked for what is next. Its caller has the answer as
/// soon as the runtime is through; the environment *settles* while extensions still work.
class Environment final : public RuntimeSide, public ExtensionsOwner, public std::enable_shared_from_this<Environment> {
 public:
  /// `gone` is called once, on the loop, when the sandbox has ended for whatever reason.
  Environment(EngineParts& parts, std::shared_ptr<const FunctionVersion> version, std::size_t loop_index,
              std::string log_stream, std::function<void(Environment&)> gone);
  ~Environment() override;

  /// Makes the sandbox and waits for the runtime's first `next`, at most until `deadline`. `phase` is "init", or
  /// "invoke" when an invocation (`request_id`) waits for this second try. Once.
  Task<BootOutcome> boot(SteadyTime deadline, std::string phase, std::string request_id,
                         std::unique_ptr<Cell> parked = nullptr);
  /// Runs one invocation. Only when ready. A boot that failed for an invocation is reported with `report_failed_boot`.
  Task<InvocationResult> invoke(Invocation invocation, SteadyTime deadline);
  /// It has initialised and waits, as a snapshot does, to be restored before its first invocation.
  bool is_snapshot() const { return version_->snap_start() && !restored_; }
  /// Lets it go on from there, with its hooks. An error is the caller's answer, and the environment ends.
  Task<std::optional<Error>> restore();
  InvocationResult report_failed_boot(const Invocation& invocation, const BootOutcome& outcome, double duration_ms);
  /// Calls `then` when the last invocation is over for the extensions, too: perhaps at once.
  void when_settled(std::function<void()> then);
  /// Nothing runs for now: it may be frozen soon.
  void rest();
  /// Ends what is inside: at once where there are no extensions, else within the time that they are granted. `gone`
  /// follows.
  void end(ShutdownReason reason = ShutdownReason::kSpindown);
  /// Ends it at once.
  void kill();

  bool usable() const { return state_ == State::kReady; }
  const FunctionVersion& version() const { return *version_; }
  std::shared_ptr<const FunctionVersion> shared_version() const { return version_; }
  std::size_t loop_index() const { return loop_index_; }
  const std::string& log_stream() const { return journal_.log_stream(); }
  SteadyTime born() const { return born_; }

  // What the runtime asks for.
  Task<net::Response> next() override;
  Verdict may_answer(const std::string& request_id) const override;
  Verdict responded(const std::string& request_id, std::string payload, std::string content_type) override;
  std::shared_ptr<ResponseStream> begin_stream(const std::string& content_type) override;
  void end_stream(const std::string& request_id, ResponseEnd how, bool whole) override;
  Verdict failed(const std::string& request_id, std::string document, const std::string& type) override;
  Verdict too_large(const std::string& request_id) override;
  Verdict initialisation_failed(std::string document, const std::string& type) override;
  bool snap_start() const override { return version_->snap_start(); }
  Task<net::Response> restore_next() override;
  Verdict restore_failed(std::string document, const std::string& type) override;
  Task<net::Response> credentials(const std::string& token) override;
  std::shared_ptr<Extensions> extensions() override { return extensions_; }
  std::shared_ptr<CodeCacheUse> code_cache() override { return code_cache_; }

  // What happens to the extensions (environment_extensions.cc).
  void extensions_progressed() override;
  void extension_failed(const std::string& type, const std::string& message) override;
  void runtime_ended(SandboxExit how) override;
  void runtime_not_started(const std::string& why) override;
  void extension_printed(std::string_view bytes) override { journal_.extension_printed(bytes); }
  void extension_subscribed(const std::string& name, const TelemetrySubscription& subscription) override;

 private:
  enum class State { kNew, kBooting, kReady, kGone };
  enum class Signal { kNext, kNotExecuted, kInitFailed, kRestoreFailed, kExited, kFault };

  /// What an extension did so that the environment cannot go on.
  struct Fault {
    Fault(std::string t, std::string m) : type(std::move(t)), message(std::move(m)) {}
    std::string type;
    std::string message;
  };

  /// The invocation that runs.
  struct Running {
    Running(std::string id, std::shared_ptr<ResponseStream> s) : request_id(std::move(id)), stream(std::move(s)) {}
    std::string request_id;
    std::shared_ptr<ResponseStream> stream;  ///< May be null.
    bool streaming = false;                  ///< Something comes through the stream.
    bool truncated = false;                  ///< It broke off; why is perhaps still to come.
    bool answered = false;
    std::string payload;
    std::string content_type;
    bool is_error = false;
    std::string error_type;
    SteadyTime answered_at{};
  };

  /// Makes a parked sandbox its own.
  Task<void> take_over(std::unique_ptr<Cell> parked);
  /// Tells the interpreter that waits there its function.
  Task<void> dispatch();
  /// Executes the version, in the sandbox that was taken over or else in a new one. None, or what went wrong.
  Task<std::optional<BootOutcome>> launch(RuntimeChoice choice, std::string request_id);
  Task<void> start_in_sandbox(SandboxSpec spec, std::shared_ptr<const RuntimeImage> image);
  void adopt(std::unique_ptr<Cell> cell);
  static Task<void> watch(std::shared_ptr<Environment> self);
  void exited(const Result<SandboxExit>& how);
  BootOutcome not_started(const Error& why, const std::string& request_id) const;
  BootOutcome outcome_of(const Result<Signal>& signal, const std::string& request_id);
  bool thaw();
  void runtime_initialised();
  std::optional<Error> restore_error(const Result<Signal>& signal) const;
  void report_boot(const BootOutcome& outcome, const std::string& phase);
  void judge(const Result<Signal>& signal, Running& ended, Report& report);
  void report_runtime_done(const Invocation& invocation, const Running& ended, const Report& report, SteadyTime began);
  net::Response delivery(Invocation& invocation, SteadyTime deadline);
  std::string exit_document(const std::string& request_id);
  Verdict settle(const std::string& request_id, std::string payload, bool is_error, std::string type);
  void finish_report(bool keep_tail = false);
  void write(std::string line) { journal_.write(std::move(line)); }
  void write_fault(const std::string& request_id, const Fault& fault);
  void collect(bool finish);
  void flush_later();
  void wake(Signal signal);
  static Task<void> settle(std::shared_ptr<Environment> self, SteadyTime began, SteadyTime deadline, bool keep_tail);
  static Task<void> shut_down(std::shared_ptr<Environment> self, ShutdownReason reason, milliseconds grace);
  void freeze_when_idle();
  Loop& loop() const;

  EngineParts& parts_;
  const std::shared_ptr<const FunctionVersion> version_;
  const std::size_t loop_index_;
  std::function<void(Environment&)> gone_;
  SteadyTime born_;  ///< Or when it was restored.

  State state_ = State::kNew;
  std::unique_ptr<Cell> cell_;
  std::optional<Error> not_executed_;
  std::optional<SandboxExit> exit_;
  bool ending_ = false;
  bool frozen_ = false;

  std::optional<Deferred<net::Response>> parked_;  ///< The runtime waits in `next`.
  std::optional<Deferred<Signal>> phase_;          ///< boot or invoke waits for the runtime.
  std::optional<Running> running_;
  std::optional<Deferred<net::Response>> at_restore_;  ///< The runtime waits in `restore/next`.
  bool restored_ = false;
  bool restoring_ = false;  ///< Its hooks run.
  std::string restore_error_type_;
  double restore_ms_ = 0;  ///< Until the first invocation has reported it.
  std::string init_document_;
  std::string init_error_type_;
  double init_ms_ = 0;  ///< Until the first invocation has reported it.

  std::shared_ptr<CodeCacheUse> code_cache_;  ///< May be null.

  std::shared_ptr<Extensions> extensions_;
  std::optional<Fault> fault_;
  std::string program_;           ///< Of the runtime.
  bool runtime_started_ = false;  ///< By the extension host, or on the way to it.
  Deferred<void> runtime_over_;   ///< The runtime that the host started has ended.
  Deferred<void> over_;           ///< The sandbox has ended.
  std::optional<Deferred<void>> settled_;
  std::function<void()> then_;

  Journal journal_;
  std::optional<Report> unreported_;  ///< END and REPORT that are still to be written.
  bool flush_timer_ = false;
  bool freeze_timer_ = false;
  bool busy_ = false;
  SteadyTime idle_since_{};
};

}  // namespace cumulet::compute
