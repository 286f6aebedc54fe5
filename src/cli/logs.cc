#include <chrono>
#include <cstdio>
#include <thread>

#include "base/clock.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/log_tail.h"
#include "cli/session.h"

namespace cumulet::cli {
namespace {

constexpr const char* kUsage = R"(Usage: cumulet logs FUNCTION [options]

Prints the log of a function (or of a log group: /aws/lambda/NAME), oldest line first.

  -f, --follow       stay and print what comes
  --since DURATION   how far back: 30s, 10m (the default), 2h, 7d
  --filter PATTERN   only lines that match, as in FilterLogEvents
  --endpoint URL, --region REGION, --data-dir DIR   as for 'cumulet env'
)";

constexpr std::chrono::milliseconds kPoll{500};

/// "10m" in milliseconds; nullopt when it is no duration.
std::optional<std::int64_t> duration_of(const std::string& text) {
  if (text.size() < 2) return std::nullopt;
  const std::optional<std::int64_t> number = parse_int(text.substr(0, text.size() - 1));
  if (!number || *number < 0) return std::nullopt;
  switch (text.back()) {
    case 's':
      return *number * 1000;
    case 'm':
      return *number * 60'000;
    case 'h':
      return *number * 3'600'000;
    case 'd':
      return *number * 86'400'000;
    default:
      return std::nullopt;
  }
}

void print(const wire::logs::FilteredLogEvent& event) {
  const Timestamp time{std::chrono::milliseconds(event.timestamp.value_or(0))};
  std::printf("%s  %s\n", iso8601(time, true).c_str(), text_of(event).c_str());
}

}  // namespace

int logs(const std::vector<std::string>& words) {
  std::vector<std::string> valued = Session::options();
  valued.insert(valued.end(), {"since", "filter"});
  const Result<Arguments> arguments = Arguments::parse(words, valued, {"follow"});
  if (!arguments.ok()) return report("logs", arguments.error());
  if (arguments->has("help")) {
    std::fputs(kUsage, stdout);
    return 0;
  }
  if (arguments->positional().size() != 1) return report("logs", usage_error("name one function"));
  const std::optional<std::int64_t> since = duration_of(arguments->get("since", "10m"));
  if (!since) return report("logs", usage_error("--since wants a duration such as 30s, 10m, 2h or 7d"));
  const Result<Session> session = Session::open(*arguments);
  if (!session.ok()) return report("logs", session.error());

  const bool follow = arguments->has("follow");
  LogTail tail(arguments->positional().front(), SystemClock().now_millis() - *since, arguments->get("filter"));
  while (true) {
    const Result<void> polled = tail.poll(*session, print);
    std::fflush(stdout);
    // A function that has not run yet has no log yet.
    const bool not_yet = !polled.ok() && polled.error().code() == "ResourceNotFoundException" && follow;
    if (!polled.ok() && !not_yet) return report("logs", polled.error());
    if (!follow) return 0;
    std::this_thread::sleep_for(kPoll);
  }
}

}  // namespace cumulet::cli
