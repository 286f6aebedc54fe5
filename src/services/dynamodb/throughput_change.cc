#include "services/dynamodb/throughput_change.h"

#include <array>
#include <chrono>
#include <ctime>
#include <string>

#include "services/dynamodb/errors.h"

namespace cumulet::dynamodb {
namespace {

constexpr std::int64_t kFreeDecreases = 4;
constexpr std::chrono::hours kBetweenDecreases{1};

/// Monday, February 13, 2023 at 10:25:39 AM Coordinated Universal Time.
std::string in_words(Timestamp time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 96> text{};
  std::strftime(text.data(), text.size(), "%A, %B %-d, %Y at %-I:%M:%S %p Coordinated Universal Time", &parts);
  return text.data();
}

Error too_many_decreases(const Throughput& throughput, Timestamp now) {
  return Error(errors::kLimitExceeded,
               "Subscriber limit exceeded: Provisioned throughput decreases are limited within a given UTC day. After "
               "the first 4 decreases, each subsequent decrease in the same UTC day can be performed at most once "
               "every 3600 seconds. Number of decreases today: " +
                   std::to_string(throughput.decreases_on(now)) + ". Last decrease at " +
                   in_words(throughput.last_decrease) + ". Next decrease can be made at " +
                   in_words(throughput.last_decrease + kBetweenDecreases));
}

}  // namespace

Result<void> change_throughput(Throughput& throughput, const Throughput& wanted, Timestamp now) {
  if (wanted.read < throughput.read || wanted.write < throughput.write) {
    const std::int64_t before = throughput.decreases_on(now);
    if (before >= kFreeDecreases && now - throughput.last_decrease < kBetweenDecreases) {
      return too_many_decreases(throughput, now);
    }
    throughput.last_decrease = now;
    throughput.decreases = before + 1;
  }
  if (wanted.read > throughput.read || wanted.write > throughput.write) throughput.last_increase = now;
  throughput.read = wanted.read;
  throughput.write = wanted.write;
  return {};
}

}  // namespace cumulet::dynamodb
