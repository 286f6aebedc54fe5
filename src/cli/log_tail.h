#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "cli/session.h"
#include "wire/generated/logs.h"

namespace cumulet::cli {

/// Reads a log group from a moment on, each event once.
class LogTail {
 public:
  /// `group`: a log group, or a function's name.
  LogTail(const std::string& group, std::int64_t since_millis, std::optional<std::string> filter);

  /// Gives what has come since the last time. Fails as FilterLogEvents does.
  Result<void> poll(const Session& session, const std::function<void(const wire::logs::FilteredLogEvent&)>& take);

 private:
  wire::logs::FilterLogEventsRequest input_;
  std::optional<std::string> last_id_;
};

/// A log event's text without the newline at its end.
std::string text_of(const wire::logs::FilteredLogEvent& event);

}  // namespace cumulet::cli
