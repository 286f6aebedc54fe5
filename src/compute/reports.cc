#include "compute/reports.h"

#include <cmath>

#include <fmt/format.h>

#include "base/ids.h"
#include "base/text.h"

namespace cumulet::compute {

namespace {

std::string runtime_line(const char* what, const FunctionVersion& version, const std::string& interpreter) {
  return fmt::format("{} Runtime Version: {}{}\tRuntime Version ARN: arn:aws:lambda:{}::runtime:{}", what,
                     version.runtime, interpreter.empty() ? "" : " " + interpreter, version.region, version.runtime);
}

}  // namespace

std::string init_start_line(const FunctionVersion& version, const std::string& interpreter) {
  return runtime_line("INIT_START", version, interpreter);
}

std::string restore_start_line(const FunctionVersion& version, const std::string& interpreter) {
  return runtime_line("RESTORE_START", version, interpreter);
}

std::string restore_report_line(double restore_ms, const std::string& status, const std::string& error_type) {
  std::string line = fmt::format("RESTORE_REPORT Restore Duration: {:.2f} ms", restore_ms);
  if (status != "success") line += "\tStatus: " + status;
  if (!error_type.empty()) line += "\tError Type: " + error_type;
  return line;
}

std::string init_report_line(double init_ms, const std::string& phase, const std::string& status,
                             const std::string& error_type) {
  std::string line = fmt::format("INIT_REPORT Init Duration: {:.2f} ms\tPhase: {}\tStatus: {}", init_ms, phase, status);
  if (!error_type.empty()) line += "\tError Type: " + error_type;
  return line;
}

std::string start_line(const FunctionVersion& version, const std::string& request_id) {
  return "START RequestId: " + request_id + " Version: " + version.version;
}

std::string end_line(const std::string& request_id) { return "END RequestId: " + request_id; }

std::string report_line(const Report& report) {
  std::string line = fmt::format(
      "REPORT RequestId: {}\tDuration: {:.2f} ms\tBilled Duration: {:.0f} ms\tMemory Size: {} MB\tMax Memory Used: {} "
      "MB\t",
      report.request_id, report.duration_ms, report.billed_ms, report.memory_mib, (report.peak_bytes + 1048575) >> 20);
  if (report.init_ms > 0) line += fmt::format("Init Duration: {:.2f} ms\t", report.init_ms);
  if (report.restore_ms > 0) {
    line += fmt::format("Restore Duration: {:.2f} ms\tBilled Restore Duration: {:.0f} ms\t", report.restore_ms,
                        std::ceil(report.restore_ms));
  }
  if (!report.status.empty()) line += "Status: " + report.status;
  if (!report.error_type.empty()) line += "\tError Type: " + report.error_type;
  if (!report.trace_id.empty()) line += "\nXRAY TraceId: " + report.trace_id + "\t";
  return line;
}

std::string timed_out_line(Timestamp now, const std::string& request_id, std::uint32_t seconds) {
  return fmt::format("{} {} Task timed out after {}.00 seconds", iso8601(now, true), request_id, seconds);
}

std::string error_document(const std::string& type, const std::string& message) {
  return "{\"errorType\":\"" + json_escape(type) + "\",\"errorMessage\":\"" + json_escape(message) + "\"}";
}

std::string timed_out_document(const std::string& request_id, std::uint32_t seconds) {
  return error_document("Sandbox.Timedout",
                        fmt::format("RequestId: {} Error: Task timed out after {}.00 seconds", request_id, seconds));
}

std::string too_large_document(std::uint64_t limit) {
  return error_document("Function.ResponseSizeTooLarge",
                        fmt::format("Response payload size exceeded maximum allowed payload size ({} bytes).", limit));
}

std::string truncated_document() {
  return error_document("Runtime.TruncatedResponse", "The response was truncated by the runtime.");
}

std::string log_stream_name(Timestamp now, const std::string& version) {
  std::string date = iso8601(now).substr(0, 10);
  for (char& c : date) {
    if (c == '-') c = '/';
  }
  return date + "/[" + version + "]" + hex_encode(random_bytes(16));
}

std::string checked_error_type(std::string_view given, std::string_view otherwise) {
  const std::size_t dot = given.find('.');
  if (dot == std::string_view::npos || given.size() > 128) return std::string(otherwise);
  const std::string_view space = given.substr(0, dot);
  const std::string_view name = given.substr(dot + 1);
  if ((space != "Runtime" && space != "Function") || name.size() < 2) return std::string(otherwise);
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  if (name.front() < 'A' || name.front() > 'Z') return std::string(otherwise);
  for (const char c : name) {
    if (!letter(c)) return std::string(otherwise);
  }
  return std::string(given);
}

}  // namespace cumulet::compute
