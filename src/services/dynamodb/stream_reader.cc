#include "services/dynamodb/stream_reader.h"

#include <utility>

#include "services/dynamodb/log_search.h"
#include "storage/key.h"

namespace cumulet::dynamodb {
namespace {

Result<Timestamp> time_of_change(std::string_view row) {
  Result<Change> change = Change::decode("", row);
  if (!change) return std::move(change).error();
  return change->time;
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
  std::string place = co_await edge_of_log(transaction, stream.log(shard.id), true);
  if (place.empty()) place = shard.trimmed;
  if (place.empty()) co_return StreamCursor();
  co_return after_place(std::move(place));
}

Task<StreamCursor> cursor_at_time(storage::Transaction& transaction, const Stream& stream, const Shard& shard,
                                  Timestamp time) {
  const std::string commit = co_await commit_at_time(transaction, stream.log(shard.id), time, &time_of_change);
  if (!commit.empty()) co_return commit;
  co_return co_await latest_cursor(transaction, stream, shard);
}

Task<std::string> begin_place(storage::Transaction& transaction, const Stream& stream, const Shard& shard) {
  return edge_of_log(transaction, keys::shard_part(stream.shard_rows(shard.id), keys::ShardPart::kBegin), false);
}

Task<std::string> end_place(storage::Transaction& transaction, const Stream& stream, const Shard& shard) {
  return edge_of_log(transaction, keys::shard_part(stream.shard_rows(shard.id), keys::ShardPart::kEnd), false);
}

bool was_trimmed(const Shard& shard, const StreamCursor& from) { return !from.empty() && from <= shard.trimmed; }

}  // namespace cumulet::dynamodb
