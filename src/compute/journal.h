#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "compute/cell.h"
#include "compute/extensions/telemetry.h"
#include "compute/platform_event.h"

namespace cumulet::compute {

class Extensions;

/// What one environment logs: the platform's events, and what the function and its extensions print. It words the
/// events as the function's log format has it, leaves out what is below its levels, remembers the last lines for
/// LogType=Tail, and lets the subscribers of the Telemetry API have everything. On the environment's loop.
class Journal {
 public:
  Journal(const EngineParts& parts, std::shared_ptr<const FunctionVersion> version, std::string log_stream)
      : parts_(parts), version_(std::move(version)), log_stream_(std::move(log_stream)) {}

  void platform(const PlatformEvent& event);
  /// A line of the platform's that has no record of its own.
  void write(std::string line);
  void function_printed(std::vector<LogLine> lines);
  /// Bytes as they come; a line that has not ended waits for the rest of it.
  void extension_printed(std::string_view bytes);
  /// Hands over what has come so far.
  void flush();

  void clear_tail() { tail_.clear(); }
  /// The last 4 KB.
  std::string tail() const;

  void set_extensions(Extensions* extensions) { extensions_ = extensions; }
  const std::string& log_stream() const { return log_stream_; }

 private:
  static constexpr std::size_t kTail = 4096;
  static constexpr std::size_t kFlushAt = 256 * 1024;
  void remember(std::string_view line);
  void add(LogLine line);
  bool below_level(const std::string& line) const;
  void publish(TelemetryKind kind, Timestamp time, std::string type, std::string record);

  const EngineParts& parts_;
  const std::shared_ptr<const FunctionVersion> version_;
  const std::string log_stream_;
  Extensions* extensions_ = nullptr;  ///< Null while nobody can have subscribed.
  std::vector<LogLine> lines_;
  std::size_t bytes_ = 0;  ///< Of `lines_`.
  std::string tail_;
  std::string extension_partial_;
};

}  // namespace cumulet::compute
