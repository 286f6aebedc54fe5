#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

/// The server's own log: one line an event on stderr, `time level message key=value …`. Thread-safe.
namespace cumulet::log {

enum class Level { kDebug, kInfo, kWarning, kError };

using Fields = std::initializer_list<std::pair<std::string_view, std::string>>;

void set_level(Level level);
void debug(std::string_view message, Fields fields = {});
void info(std::string_view message, Fields fields = {});
void warning(std::string_view message, Fields fields = {});
void error(std::string_view message, Fields fields = {});

}  // namespace cumulet::log
