#include "base/log.h"

#include <atomic>
#include <cerrno>

#include <unistd.h>

#include "base/clock.h"

namespace cumulet::log {
namespace {

std::atomic<Level> least{Level::kInfo};

/// One line stays one line, whatever a client put into it.
void append_escaped(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') {
      out += "\\n";
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\x";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
}

bool plain(std::string_view value) {
  if (value.empty()) return false;
  for (const char c : value)
    if (static_cast<unsigned char>(c) <= 0x20 || c == '"' || c == '\\' || c == '=' || c == 0x7f) return false;
  return true;
}

void write(Level level, std::string_view name, std::string_view message, Fields fields) {
  if (level < least.load(std::memory_order_relaxed)) return;
  std::string line = iso8601(std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now()), true);
  line += ' ';
  line += name;
  line += ' ';
  append_escaped(line, message);
  for (const auto& [key, value] : fields) {
    line += ' ';
    line += key;
    line += '=';
    if (plain(value)) {
      line += value;
    } else {
      line += '"';
      append_escaped(line, value);
      line += '"';
    }
  }
  line += '\n';
  // One write a line: lines of several threads never mix. A log that cannot be written must not stop the server.
  std::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

void set_level(Level level) { least.store(level, std::memory_order_relaxed); }
void debug(std::string_view message, Fields fields) { write(Level::kDebug, "debug", message, fields); }
void info(std::string_view message, Fields fields) { write(Level::kInfo, "info", message, fields); }
void warning(std::string_view message, Fields fields) { write(Level::kWarning, "warning", message, fields); }
void error(std::string_view message, Fields fields) { write(Level::kError, "error", message, fields); }

}  // namespace cumulet::log
