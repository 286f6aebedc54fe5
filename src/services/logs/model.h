#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace cumulet::logs {

/// A log group as it is stored. Times are milliseconds since 1970.
struct LogGroup {
  std::string name;
  std::int64_t created = 0;
  std::optional<std::uint32_t> retention_days;  ///< None: kept for ever.
  std::map<std::string, std::string> tags;
};

/// A log stream. The times of its first and last event are kept up with every write.
struct LogStream {
  std::string name;
  std::int64_t created = 0;
  std::optional<std::int64_t> first_event;
  std::optional<std::int64_t> last_event;
  std::optional<std::int64_t> last_ingestion;
};

/// Where an event stands among all: by its time, then by the order of its arrival. Unique over all streams.
struct Position {
  Position() = default;
  Position(std::int64_t t, std::uint64_t s) : time(t), sequence(s) {}
  std::int64_t time = 0;
  std::uint64_t sequence = 0;
  friend auto operator<=>(const Position&, const Position&) = default;
};

struct LogEvent {
  Position position;
  std::int64_t ingested = 0;
  std::string message;
};

}  // namespace cumulet::logs
