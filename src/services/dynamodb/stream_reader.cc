#include "services/dynamodb/stream_reader.h"

#include <utility>

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

Task<std::string> edge_of(storage::Transaction& transaction, std::string log, bool last) {
  storage::KeyRange range(log, storage::after_prefix(log));
  storage::ScanOptions options;
  options.limit = 1;
  options.reverse = last;
  const std::vector<storage::KeyValue> found = co_await transaction.scan(range, options);
  co_return found.empty() ? std::string() : found.front().key.substr(log.size());
}

}  // namespace

Task<StreamPage> read_shard(storage::Transaction& transaction, const Stream& stream, const Shard& shard,
                            StreamCursor from, std::size_t limit, std::size_t bytes, Timestamp now) {
  const std::string log = stream.log(shard.id);
  storage::KeyRange range(log + from, storage::after_prefix(log));
  storage::ScanOptions options;
  options.limit = limit;
  options.byte_limit = bytes;
  const std::vector<storage::KeyValue> found = co_await transaction.scan(range, options);
  StreamPage page;
  page.next = std::move(from);
  std::size_t seen = 0;
  for (const storage::KeyValue& row : found) {
    seen += row.key.size() + row.value.size();
    std::string place = row.key.substr(log.size());
    page.next = after_place(place);
    Result<Change> decoded = Change::decode(std::move(place), row.value);
    Change change = co_await std::move(decoded);
    if (change.time + kStreamRetention < now) continue;
    page.changes.push_back(std::move(change));
  }
  // The scan counts bytes in its own way: it has ended for sure only when it gave nothing, or far less than it may.
  const bool ended = found.size() < limit && seen < bytes / 2;
  page.at_end = shard.closed.has_value() && ended;
  co_return page;
}

Task<StreamCursor> latest_cursor(storage::Transaction& transaction, const Stream& stream, const Shard& shard) {
  std::string place = co_await edge_of(transaction, stream.log(shard.id), true);
  if (place.empty()) place = shard.trimmed;
  if (place.empty()) co_return StreamCursor();
  co_return after_place(std::move(place));
}

// Times hardly ever decrease from record to record, so halving the range of commits finds it in a few steps.
Task<StreamCursor> cursor_at_time(storage::Transaction& transaction, const Stream& stream, const Shard& shard,
                                  Timestamp time) {
  const std::string log = stream.log(shard.id);
  const std::string first = co_await edge_of(transaction, log, false);
  const std::string last = co_await edge_of(transaction, log, true);
  if (first.empty()) co_return co_await latest_cursor(transaction, stream, shard);
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
    Result<Change> decoded = Change::decode(found.front().key.substr(log.size()), found.front().value);
    const Change change = co_await std::move(decoded);
    if (change.time >= time) {
      high = middle;
    } else {
      low = commit_of(change.place) + 1;
    }
  }
  co_return begin_of_commit(low);
}

Task<std::string> begin_place(storage::Transaction& transaction, const Stream& stream, const Shard& shard) {
  return edge_of(transaction, keys::shard_part(stream.shard_rows(shard.id), keys::ShardPart::kBegin), false);
}

Task<std::string> end_place(storage::Transaction& transaction, const Stream& stream, const Shard& shard) {
  return edge_of(transaction, keys::shard_part(stream.shard_rows(shard.id), keys::ShardPart::kEnd), false);
}

bool was_trimmed(const Shard& shard, const StreamCursor& from) { return !from.empty() && from <= shard.trimmed; }

}  // namespace cumulet::dynamodb
