#pragma once

#include <optional>
#include <string>
#include <vector>

#include "compute/engine.h"
#include "compute/reports.h"

/// What the platform says about an environment, in its two forms: lines of text, and the JSON records of the Telemetry
/// API and of logs in JSON. Forms as documented and as recorded from AWS.
namespace cumulet::compute {

struct PlatformEvent {
  PlatformEvent(std::string t, LogLevel l, std::string r, std::string x)
      : type(std::move(t)), level(l), record(std::move(r)), text(std::move(x)) {}
  std::string type;  ///< platform.start …
  LogLevel level;    ///< Of system logs.
  std::string record;
  std::string text;  ///< Empty: not shown in plain text.
};

/// How a phase ended: "success", "error" or "timeout"; with what.
struct PhaseEnd {
  PhaseEnd(std::string s, std::string t) : status(std::move(s)), error_type(std::move(t)) {}
  std::string status;
  std::string error_type;
  bool good() const { return status == "success"; }
};

/// `phase` is "init", or "invoke" when an invocation waits for a second try.
PlatformEvent init_start_event(const FunctionVersion& version, const std::string& interpreter,
                               const std::string& phase);
PlatformEvent init_runtime_done_event(const FunctionVersion& version, const std::string& phase, const PhaseEnd& end);
PlatformEvent init_report_event(const FunctionVersion& version, double init_ms, const std::string& phase,
                                const PhaseEnd& end);
PlatformEvent restore_start_event(const FunctionVersion& version, const std::string& interpreter);
PlatformEvent restore_runtime_done_event(const PhaseEnd& end);
PlatformEvent restore_report_event(double restore_ms, const PhaseEnd& end);
PlatformEvent start_event(const FunctionVersion& version, const std::string& request_id, const std::string& trace_id);

/// When the runtime had answered, and when it asked for the next invocation.
struct RuntimeTimes {
  Timestamp began{};
  std::optional<double> answered_ms;  ///< After `began`.
  double done_ms = 0;
  std::size_t produced_bytes = 0;
};
PlatformEvent runtime_done_event(const FunctionVersion& version, const std::string& request_id,
                                 const RuntimeTimes& times, const PhaseEnd& end, const std::string& trace_id);
PlatformEvent end_event(const std::string& request_id);
PlatformEvent report_event(const FunctionVersion& version, const Report& report);
/// RequestId: … Error: … and the error's type.
PlatformEvent fault_event(const std::string& request_id, const std::string& message, const std::string& error_type);
PlatformEvent extension_event(const std::string& name, const std::string& state, const std::vector<std::string>& events,
                              const std::string& error_type);
PlatformEvent subscription_event(const std::string& name, const std::vector<std::string>& types, bool logs_api);

}  // namespace cumulet::compute
