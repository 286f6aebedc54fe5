#include "compute/platform_event.h"

#include <array>
#include <cmath>

#include <fmt/format.h>

#include "base/text.h"

namespace cumulet::compute {
namespace {

constexpr std::array<const char*, 6> kLevels{"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"};

std::string quoted(const std::string& text) { return "\"" + json_escape(text) + "\""; }

std::string array_of(const std::vector<std::string>& items) {
  std::string all = "[";
  for (const std::string& item : items) all += (all.size() > 1 ? "," : "") + quoted(item);
  return all + "]";
}

/// With their leading comma, where there is something to be shown: of traces, those that are sampled.
std::string error_member(const std::string& type) { return type.empty() ? "" : ",\"errorType\":" + quoted(type); }
std::string tracing_member(const std::string& trace_id) {
  if (trace_id.find("Sampled=1") == std::string::npos) return {};
  return ",\"tracing\":{\"type\":\"X-Amzn-Trace-Id\",\"value\":" + quoted(trace_id) + "}";
}

std::string tenant_member(const FunctionVersion& version) {
  return version.tenant_id.empty() ? "" : ",\"tenantId\":" + quoted(version.tenant_id);
}

std::string span(const char* name, Timestamp start, double duration_ms) {
  return fmt::format("{{\"name\":\"{}\",\"start\":\"{}\",\"durationMs\":{:.3f}}}", name, iso8601(start, true),
                     duration_ms);
}

Timestamp after(Timestamp start, double ms) {
  return start + std::chrono::duration_cast<Timestamp::duration>(std::chrono::duration<double, std::milli>(ms));
}

}  // namespace

std::optional<LogLevel> parse_log_level(std::string_view text) {
  const std::string upper = to_upper(text);
  for (std::size_t i = 0; i < kLevels.size(); ++i) {
    if (upper == kLevels[i]) return static_cast<LogLevel>(i);
  }
  if (upper == "WARNING") return LogLevel::kWarn;
  if (upper == "CRITICAL") return LogLevel::kFatal;
  return std::nullopt;
}

const char* name_of(LogLevel level) { return kLevels[static_cast<std::size_t>(level)]; }

PlatformEvent init_start_event(const FunctionVersion& version, const std::string& interpreter,
                               const std::string& phase) {
  const std::string runtime = version.runtime + (interpreter.empty() ? "" : " " + interpreter);
  const std::string runtime_members =
      version.image ? std::string()  // It has its own, which we do not know.
                    : fmt::format("\"runtimeVersion\":{},\"runtimeVersionArn\":{},", quoted(runtime),
                                  quoted("arn:aws:lambda:" + version.region + "::runtime:" + version.runtime));
  const std::string record = fmt::format(
      "{{\"initializationType\":\"{}\",\"phase\":\"{}\",{}\"functionName\":{},\"functionVersion\":{},"
      "\"instanceMaxMemory\":{}}}",
      version.initialization_type, phase, runtime_members, quoted(version.name), quoted(version.version),
      std::uint64_t{version.memory_mib} << 20);
  return PlatformEvent("platform.initStart", LogLevel::kInfo, record,
                       phase == "init" && !version.image ? init_start_line(version, interpreter) : std::string());
}

PlatformEvent init_runtime_done_event(const FunctionVersion& version, const std::string& phase, const PhaseEnd& end) {
  return PlatformEvent("platform.initRuntimeDone", end.good() ? LogLevel::kDebug : LogLevel::kWarn,
                       "{\"initializationType\":\"" + version.initialization_type + "\",\"phase\":\"" + phase +
                           "\",\"status\":\"" + end.status + "\"" + error_member(end.error_type) + "}",
                       "");
}

PlatformEvent init_report_event(const FunctionVersion& version, double init_ms, const std::string& phase,
                                const PhaseEnd& end) {
  return PlatformEvent(
      "platform.initReport", end.good() ? LogLevel::kDebug : LogLevel::kWarn,
      fmt::format("{{\"initializationType\":\"{}\",\"phase\":\"{}\",\"status\":\"{}\"{},\"metrics\":{{"
                  "\"durationMs\":{:.3f}}}}}",
                  version.initialization_type, phase, end.status, error_member(end.error_type), init_ms),
      end.good() && !version.snap_start() ? std::string()
                                          : init_report_line(init_ms, phase, end.status, end.error_type));
}

PlatformEvent restore_start_event(const FunctionVersion& version, const std::string& interpreter) {
  const std::string runtime = version.runtime + (interpreter.empty() ? "" : " " + interpreter);
  const std::string record = fmt::format(
      "{{\"runtimeVersion\":{},\"runtimeVersionArn\":{},\"functionName\":{},\"functionVersion\":{},"
      "\"instanceMaxMemory\":{}}}",
      quoted(runtime), quoted("arn:aws:lambda:" + version.region + "::runtime:" + version.runtime),
      quoted(version.name), quoted(version.version), std::uint64_t{version.memory_mib} << 20);
  return PlatformEvent("platform.restoreStart", LogLevel::kInfo, record, restore_start_line(version, interpreter));
}

PlatformEvent restore_runtime_done_event(const PhaseEnd& end) {
  return PlatformEvent("platform.restoreRuntimeDone", end.good() ? LogLevel::kDebug : LogLevel::kWarn,
                       "{\"status\":\"" + end.status + "\"" + error_member(end.error_type) + "}", "");
}

PlatformEvent restore_report_event(double restore_ms, const PhaseEnd& end) {
  return PlatformEvent("platform.restoreReport", end.good() ? LogLevel::kDebug : LogLevel::kWarn,
                       fmt::format("{{\"status\":\"{}\"{},\"metrics\":{{\"durationMs\":{:.3f}}}}}", end.status,
                                   error_member(end.error_type), restore_ms),
                       restore_report_line(restore_ms, end.status, end.error_type));
}

PlatformEvent start_event(const FunctionVersion& version, const std::string& request_id, const std::string& trace_id) {
  return PlatformEvent("platform.start", LogLevel::kInfo,
                       "{\"requestId\":" + quoted(request_id) + ",\"version\":" + quoted(version.version) +
                           tenant_member(version) + tracing_member(trace_id) + "}",
                       start_line(version, request_id));
}

PlatformEvent runtime_done_event(const FunctionVersion& version, const std::string& request_id,
                                 const RuntimeTimes& times, const PhaseEnd& end, const std::string& trace_id) {
  std::string spans;
  if (times.answered_ms) {
    const Timestamp answered = after(times.began, *times.answered_ms);
    spans = ",\"spans\":[" + span("responseLatency", times.began, *times.answered_ms) + "," +
            span("responseDuration", answered, 0) + "," +
            span("runtimeOverhead", answered, times.done_ms - *times.answered_ms) + "]";
  }
  return PlatformEvent("platform.runtimeDone", end.good() ? LogLevel::kDebug : LogLevel::kWarn,
                       fmt::format("{{\"requestId\":{},\"status\":\"{}\"{}{}{}{},\"metrics\":{{\"durationMs\":{:.3f},"
                                   "\"producedBytes\":{}}}}}",
                                   quoted(request_id), end.status, tenant_member(version), error_member(end.error_type),
                                   tracing_member(trace_id), spans, times.done_ms, times.produced_bytes),
                       "");
}

PlatformEvent end_event(const std::string& request_id) {
  return PlatformEvent("platform.end", LogLevel::kInfo, "{\"requestId\":" + quoted(request_id) + "}",
                       end_line(request_id));
}

PlatformEvent report_event(const FunctionVersion& version, const Report& report) {
  const bool good = report.status.empty();
  const std::string init = report.init_ms > 0 ? fmt::format(",\"initDurationMs\":{:.3f}", report.init_ms) : "";
  const std::string restore = report.restore_ms > 0
                                  ? fmt::format(",\"restoreDurationMs\":{:.3f},\"billedRestoreDurationMs\":{:.0f}",
                                                report.restore_ms, std::ceil(report.restore_ms))
                                  : "";
  const std::string record = fmt::format(
      "{{\"requestId\":{}{},\"metrics\":{{\"durationMs\":{:.3f},\"billedDurationMs\":{:.0f},\"memorySizeMB\":{},"
      "\"maxMemoryUsedMB\":{}{}{}}}{},\"status\":\"{}\"{}}}",
      quoted(report.request_id), tenant_member(version), report.duration_ms, report.billed_ms, report.memory_mib,
      (report.peak_bytes + 1048575) >> 20, init, restore, tracing_member(report.trace_id),
      good ? "success" : report.status, error_member(report.error_type));
  return PlatformEvent("platform.report", good ? LogLevel::kInfo : LogLevel::kWarn, record, report_line(report));
}

PlatformEvent fault_event(const std::string& request_id, const std::string& message, const std::string& error_type) {
  const std::string text = "RequestId: " + request_id + " Error: " + message;
  return PlatformEvent("platform.fault", LogLevel::kWarn, quoted(text + "\n" + error_type), text);
}

PlatformEvent extension_event(const std::string& name, const std::string& state, const std::vector<std::string>& events,
                              const std::string& error_type) {
  std::string text = "EXTENSION\tName: " + name + "\tState: " + state + "\tEvents: [" + join(events, ", ") + "]";
  if (!error_type.empty()) text += "\tError Type: " + error_type;
  return PlatformEvent("platform.extension", error_type.empty() ? LogLevel::kInfo : LogLevel::kWarn,
                       "{\"name\":" + quoted(name) + ",\"state\":\"" + state + "\",\"events\":" + array_of(events) +
                           error_member(error_type) + "}",
                       text);
}

PlatformEvent subscription_event(const std::string& name, const std::vector<std::string>& types, bool logs_api) {
  std::vector<std::string> shown = types;
  for (std::string& type : shown) type.replace(0, 1, to_upper(type.substr(0, 1)));
  return PlatformEvent("platform.telemetrySubscription", LogLevel::kInfo,
                       "{\"name\":" + quoted(name) + ",\"state\":\"Subscribed\",\"types\":" + array_of(types) + "}",
                       std::string(logs_api ? "LOGS" : "TELEMETRY") + "\tName: " + name +
                           "\tState: Subscribed\tTypes: [" + join(shown, ", ") + "]");
}

}  // namespace cumulet::compute
