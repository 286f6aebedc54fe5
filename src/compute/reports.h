#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "compute/engine.h"

/// The lines that the platform itself writes into a function's log, and the documents that it answers when a function
/// could not. Forms as recorded from AWS.
namespace cumulet::compute {

/// The limit of a response: 6 MiB and 100 bytes.
inline constexpr std::uint64_t kMaxPayload = 6 * 1024 * 1024 + 100;

inline double millis(SteadyTime::duration time) { return std::chrono::duration<double, std::milli>(time).count(); }

/// How an invocation or an initialisation went.
struct Report {
  std::string request_id;
  double duration_ms = 0;
  double billed_ms = 0;
  double init_ms = 0;     ///< 0: warm, not shown.
  double restore_ms = 0;  ///< 0: not restored for this invocation.
  std::uint32_t memory_mib = 0;
  std::uint64_t peak_bytes = 0;
  std::string status;      ///< Empty, "timeout" or "error".
  std::string error_type;  ///< With status "error".
  std::string trace_id;    ///< X-Ray header; empty: not shown.
};

std::string init_start_line(const FunctionVersion& version, const std::string& interpreter);
std::string init_report_line(double init_ms, const std::string& phase, const std::string& status,
                             const std::string& error_type);
std::string restore_start_line(const FunctionVersion& version, const std::string& interpreter);
std::string restore_report_line(double restore_ms, const std::string& status, const std::string& error_type);
std::string start_line(const FunctionVersion& version, const std::string& request_id);
std::string end_line(const std::string& request_id);
std::string report_line(const Report& report);
std::string timed_out_line(Timestamp now, const std::string& request_id, std::uint32_t seconds);

/// {"errorType":…,"errorMessage":…}
std::string error_document(const std::string& type, const std::string& message);
std::string timed_out_document(const std::string& request_id, std::uint32_t seconds);
std::string too_large_document(std::uint64_t limit = kMaxPayload);
/// Of a response that the runtime broke off.
std::string truncated_document();

/// A new log stream's name: 2026/11/22/[$LATEST]0123…
std::string log_stream_name(Timestamp now, const std::string& version);

/// An error type as a runtime gave it in a header, if it is one that may be shown; else `otherwise`.
std::string checked_error_type(std::string_view given, std::string_view otherwise);

}  // namespace cumulet::compute
