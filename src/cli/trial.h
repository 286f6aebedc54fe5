#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "cli/session.h"
#include "wire/generated/lambda.h"

namespace cumulet::cli {

/// A REPORT line of a function's log.
struct ReportLine {
  double duration_ms = 0;
  std::optional<double> init_ms;  ///< Of a cold start.
  double memory_mb = 0;
  double most_used_mb = 0;
};
std::optional<ReportLine> read_report(const std::string& text);

/// The package of a function, from the place that GetFunction names.
Result<std::string> download_package(const Session& session, const wire::lambda::GetFunctionResponse& function);

/// One call of a trial's.
struct TrialCall {
  double whole_ms = 0;  ///< As the caller sees it.
  std::string answer;
  std::optional<ReportLine> report;
};

/// A copy of a function that is measured: its layers, role, configuration and variables, with a package that may be
/// another one. In it, the runtime's client stands between the caller and the handler (CUMULET_PROFILE): an
/// event says what is to be done. Deleted with its log when this goes.
class Trial {
 public:
  static Result<Trial> make(const Session& session, const wire::lambda::GetFunctionResponse& function,
                            std::string package);
  Trial(Trial&& other) noexcept
      : session_(other.session_), name_(std::exchange(other.name_, {})), deploy_ms_(other.deploy_ms_) {}
  Trial& operator=(Trial&&) = delete;
  ~Trial();

  /// The next call is a cold start.
  Result<void> renew();
  /// Fails when the function does.
  Result<TrialCall> call(const std::string& event) const;
  double deploy_ms() const { return deploy_ms_; }  ///< What CreateFunction took.

 private:
  Trial(const Session& session, std::string name) : session_(&session), name_(std::move(name)) {}

  const Session* session_;
  std::string name_;
  double deploy_ms_ = 0;
  int renewed_ = 0;
};

}  // namespace cumulet::cli
