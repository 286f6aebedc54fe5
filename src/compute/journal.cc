#include "compute/journal.h"

#include <simdjson.h>

#include "base/text.h"
#include "compute/extensions/extensions.h"

namespace cumulet::compute {

void Journal::remember(std::string_view line) {
  if (line.size() > kTail) line.remove_prefix(line.size() - kTail);
  tail_.append(line);
  tail_ += '\n';
  if (tail_.size() > 4 * kTail) tail_.erase(0, tail_.size() - kTail);
}

std::string Journal::tail() const { return tail_.size() > kTail ? tail_.substr(tail_.size() - kTail) : tail_; }

void Journal::add(LogLine line) {
  remember(line.message);
  bytes_ += line.message.size() + sizeof(LogLine);
  lines_.push_back(std::move(line));
  if (bytes_ >= kFlushAt) flush();
}

void Journal::publish(TelemetryKind kind, Timestamp time, std::string type, std::string record) {
  extensions_->publish(TelemetryEvent(kind, time, std::move(type), std::move(record)));
}

void Journal::platform(const PlatformEvent& event) {
  const Timestamp now = parts_.clock.now();
  const LoggingSettings& logging = version_->logging;
  const bool only_logs_api = event.type == "platform.end" || event.type == "platform.fault";
  if (logging.json && !only_logs_api) {
    const TelemetryEvent rendered(TelemetryKind::kPlatform, now, event.type, event.record);
    if (event.level >= logging.system) add(LogLine(now, telemetry_json(rendered)));
  } else if (!event.text.empty() && (!logging.json || event.type == "platform.fault")) {
    add(LogLine(now, event.text));
  }
  if (extensions_ && extensions_->listened_to()) publish(TelemetryKind::kPlatform, now, event.type, event.record);
}

void Journal::write(std::string line) { add(LogLine(parts_.clock.now(), std::move(line))); }

/// Of runtimes whose client does not filter by itself: lines that are JSON objects with a level.
bool Journal::below_level(const std::string& line) const {
  if (!version_->logging.json || version_->logging.application <= LogLevel::kTrace) return false;
  if (line.empty() || line.front() != '{') return false;
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (parser.parse(simdjson::padded_string(line)).get(object) != simdjson::SUCCESS) return false;
  std::string_view text;
  if (object["level"].get(text) != simdjson::SUCCESS) return false;
  return parse_log_level(text).value_or(LogLevel::kInfo) < version_->logging.application;
}

void Journal::function_printed(std::vector<LogLine> lines) {
  const bool told = extensions_ && extensions_->listened_to();
  for (LogLine& line : lines) {
    if (below_level(line.message)) continue;
    if (told) {
      simdjson::dom::parser parser;
      const bool object = version_->logging.json && line.message.starts_with('{') &&
                          parser.parse(simdjson::padded_string(line.message)).error() == simdjson::SUCCESS;
      publish(TelemetryKind::kFunction, line.time, "function",
              object ? line.message : "\"" + json_escape(line.message) + "\"");
    }
    add(std::move(line));
  }
}

void Journal::extension_printed(std::string_view bytes) {
  const Timestamp now = parts_.clock.now();
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    extension_partial_.append(bytes.substr(0, end));
    bytes.remove_prefix(end == std::string_view::npos ? bytes.size() : end + 1);
    if (end == std::string_view::npos && extension_partial_.size() < Output::kLineLimit) return;
    std::string line = std::exchange(extension_partial_, {});
    if (extensions_ && extensions_->listened_to()) {
      publish(TelemetryKind::kExtension, now, "extension", "\"" + json_escape(line) + "\"");
    }
    add(LogLine(now, std::move(line)));
  }
}

void Journal::flush() {
  if (lines_.empty()) return;
  bytes_ = 0;
  parts_.hooks.log(*version_, log_stream_, std::exchange(lines_, {}));
}

}  // namespace cumulet::compute
