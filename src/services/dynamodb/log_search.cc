#include "services/dynamodb/log_search.h"

#include <cstdint>
#include <vector>

#include "storage/key.h"

namespace cumulet::dynamodb {
namespace {

std::uint64_t commit_of(std::string_view place) {
  std::uint64_t number = 0;
  for (const char c : place.substr(0, sizeof(number))) number = number << 8 | static_cast<std::uint8_t>(c);
  return number;
}

std::string begin_of_commit(std::uint64_t commit) {
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(commit >> shift);
  return bytes;
}

}  // namespace

Task<std::string> edge_of_log(storage::Transaction& transaction, std::string log, bool newest) {
  storage::KeyRange range(log, storage::after_prefix(log));
  storage::ScanOptions options;
  options.limit = 1;
  options.reverse = newest;
  const std::vector<storage::KeyValue> found = co_await transaction.scan(range, options);
  co_return found.empty() ? std::string() : found.front().key.substr(log.size());
}

Task<std::string> commit_at_time(storage::Transaction& transaction, std::string log, Timestamp time,
                                 Result<Timestamp> (*time_of)(std::string_view row)) {
  const std::string first = co_await edge_of_log(transaction, log, false);
  const std::string last = co_await edge_of_log(transaction, log, true);
  if (first.empty()) co_return std::string();
  std::uint64_t low = commit_of(first);
  std::uint64_t high = commit_of(last) + 1;
  storage::ScanOptions one;
  one.limit = 1;
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    storage::KeyRange range(log + begin_of_commit(middle), storage::after_prefix(log));
    const std::vector<storage::KeyValue> found = co_await transaction.scan(range, one);
    if (found.empty()) {
      high = middle;
      continue;
    }
    Result<Timestamp> told = time_of(found.front().value);
    const Timestamp row_time = co_await std::move(told);
    if (row_time >= time) {
      high = middle;
    } else {
      low = commit_of(std::string_view(found.front().key).substr(log.size())) + 1;
    }
  }
  co_return begin_of_commit(low);
}

}  // namespace cumulet::dynamodb
