#pragma once

#include <optional>
#include <string_view>

namespace cumulet::compute {

/// In rising order of importance.
enum class LogLevel { kTrace, kDebug, kInfo, kWarn, kError, kFatal };

/// "warn", "WARNING", "Info" …; nothing for anything else.
std::optional<LogLevel> parse_log_level(std::string_view text);
const char* name_of(LogLevel level);

/// A function's advanced logging controls. With plain text no level applies.
struct LoggingSettings {
  bool json = false;
  LogLevel application = LogLevel::kInfo;
  LogLevel system = LogLevel::kInfo;
};

}  // namespace cumulet::compute
