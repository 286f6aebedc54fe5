// An environment that has initialised is kept as it is and restored when it is needed: SnapStart.
// https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks.html
#include <chrono>

#include "base/log.h"
#include "base/text.h"
#include "compute/environment.h"
#include "compute/environment_variables.h"

namespace cumulet::compute {
namespace {

using Clock = std::chrono::steady_clock;

constexpr seconds kRestoreLimit{10};
/// The hook gives credentials that are good for two hours at least.
constexpr std::chrono::hours kCredentialsTime{1};

net::Response not_now() {
  return net::Response(403, "application/json",
                       error_document("InvalidStateTransition", "Transition from the current state is not allowed"));
}

}  // namespace

Task<net::Response> Environment::restore_next() {
  const std::shared_ptr<Environment> self = shared_from_this();
  if (state_ != State::kBooting || parked_ || at_restore_ || !init_error_type_.empty()) co_return not_now();
  at_restore_.emplace();
  const Deferred<net::Response> waiting = *at_restore_;
  runtime_initialised();
  co_return co_await waiting.wait();
}

RuntimeSide::Verdict Environment::restore_failed(std::string document, const std::string& type) {
  if (!restoring_ || !restore_error_type_.empty()) return Verdict::kInvalidState;
  restore_error_type_ = checked_error_type(type, "Runtime.AfterRestoreError");
  log::debug("a hook after the restore failed", {{"function", version_->arn}, {"what", document}});
  if (phase_) phase_->resolve(Signal::kRestoreFailed);
  return Verdict::kAccepted;
}

/// Runtimes without hooks wait for their first invocation already.
Task<std::optional<Error>> Environment::restore() {
  const std::shared_ptr<Environment> self = shared_from_this();
  std::optional<Error> failure;
  restored_ = restoring_ = busy_ = true;
  born_ = Clock::now();
  const SteadyTime began = born_;
  const std::optional<RuntimeChoice> choice = parts_.catalogue->choose(version_->runtime);
  journal_.platform(restore_start_event(*version_, choice ? choice->note : std::string()));
  phase_.emplace();
  const Deferred<Signal> waiting = *phase_;
  if (!thaw() || state_ != State::kReady) {
    waiting.resolve(Signal::kExited);
  } else if (at_restore_) {
    const Deferred<net::Response> runtime = *at_restore_;
    at_restore_.reset();
    runtime.resolve(net::Response(200, "application/json", ""));
  } else {
    waiting.resolve(Signal::kNext);
  }
  flush_later();
  const Result<Signal> signal =
      co_await attempt(waiting.wait_until(began + kRestoreLimit, Error("Sandbox.Timedout", 200, "restore")));
  phase_.reset();
  restoring_ = busy_ = false;
  restore_ms_ = millis(Clock::now() - began);
  collect(true);
  failure = restore_error(signal);
  if (signal && *signal == Signal::kExited && restore_error_type_.empty()) restore_error_type_ = "Runtime.ExitError";
  const char* const status = !failure ? "success" : signal ? "error" : "timeout";
  const PhaseEnd end_of_phase(status, failure && signal ? restore_error_type_ : std::string());
  if (extensions_->listened_to() || version_->logging.json) {
    journal_.platform(restore_runtime_done_event(end_of_phase));
  }
  journal_.platform(restore_report_event(restore_ms_, end_of_phase));
  if (failure) {
    journal_.flush();
    end(signal ? ShutdownReason::kFailure : ShutdownReason::kTimeout);
  }
  co_return failure;
}

std::optional<Error> Environment::restore_error(const Result<Signal>& signal) const {
  if (!signal) {
    return Error("SnapStartTimeoutException", 408, "Lambda couldn't restore the snapshot within the timeout limit.")
        .with("Type", "User");
  }
  if (*signal == Signal::kNext) return std::nullopt;
  return Error("SnapStartException", 400,
               "The afterRestore() runtime hook encountered an error. For more information, check the Amazon "
               "CloudWatch logs.")
      .with("Type", "User");
}

Task<net::Response> Environment::credentials(const std::string& token) {
  const std::shared_ptr<Environment> self = shared_from_this();
  if (token != credentials_token(journal_.log_stream())) {
    co_return net::Response(404, "application/json", error_document("NotFound", "404 page not found"));
  }
  const Result<Credentials> now = co_await attempt(parts_.hooks.credentials(*version_));
  if (!now) {
    co_return net::Response(500, "application/json",
                            error_document("InternalServerError", "There are no credentials for the role"));
  }
  // The sandbox's own clock is the machine's.
  const std::string expiration =
      iso8601(std::chrono::time_point_cast<Timestamp::duration>(std::chrono::system_clock::now() + kCredentialsTime));
  const auto member = [](const char* name, const std::string& value) {
    return "\"" + std::string(name) + "\":\"" + json_escape(value) + "\"";
  };
  co_return net::Response(200, "application/json",
                          "{" + member("AccessKeyId", now->access_key_id) + "," +
                              member("SecretAccessKey", now->secret_access_key) + "," +
                              member("Token", now->session_token) + "," + member("Expiration", expiration) + "}");
}

}  // namespace cumulet::compute
