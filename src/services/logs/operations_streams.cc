#include <algorithm>

#include "base/text.h"
#include "services/logs/logs.h"

namespace cumulet::logs {
namespace {

namespace api = wire::logs;

/// How many streams of one group are looked at to order them by time. AWS orders all; past this many we say so.
constexpr std::size_t kOrderedStreams = 50'000;

api::LogStream shown(const wire::Call& call, const std::string& group, const LogStream& stream) {
  api::LogStream out;
  out.log_stream_name = stream.name;
  out.creation_time = stream.created;
  out.first_event_timestamp = stream.first_event;
  out.last_event_timestamp = stream.last_event;
  out.last_ingestion_time = stream.last_ingestion;
  out.arn = "arn:aws:logs:" + call.region + ":" + call.account() + ":log-group:" + group + ":log-stream:" + stream.name;
  out.stored_bytes = 0;
  return out;
}

}  // namespace

void Logs::register_streams() {
  service_.on<api::CreateLogStream>([this](Call& c, const auto& in) { return create_log_stream(c, in); });
  service_.on<api::DeleteLogStream>([this](Call& c, const auto& in) { return delete_log_stream(c, in); });
  service_.on<api::DescribeLogStreams>([this](Call& c, const auto& in) { return describe_log_streams(c, in); });
}

Task<api::CreateLogStreamOutput> Logs::create_log_stream(Call& call, const api::CreateLogStreamInput& input) {
  const Store store(call.account(), call.region);
  LogStream stream;
  stream.name = input.log_stream_name;
  stream.created = clock_.now_millis();
  const auto create = [&store, &stream, &input](storage::Transaction& txn) -> Task<void> {
    co_await require_group(store, txn, input.log_group_name);
    if (co_await store.find_stream(txn, input.log_group_name, stream.name)) {
      co_await fail(api::errors::kResourceAlreadyExistsException, "The specified log stream already exists");
    }
    store.put_stream(txn, input.log_group_name, stream);
  };
  co_await storage::transact(database_, create);
  co_return api::CreateLogStreamOutput();
}

Task<api::DeleteLogStreamOutput> Logs::delete_log_stream(Call& call, const api::DeleteLogStreamInput& input) {
  const Store store(call.account(), call.region);
  const auto erase = [&store, &input](storage::Transaction& txn) -> Task<void> {
    co_await require_group(store, txn, input.log_group_name);
    if (!co_await store.find_stream(txn, input.log_group_name, input.log_stream_name)) {
      co_await fail(api::errors::kResourceNotFoundException, "The specified log stream does not exist.");
    }
    store.erase_stream(txn, input.log_group_name, input.log_stream_name);
  };
  co_await storage::transact(database_, erase);
  co_await erase_all_events(store, input.log_group_name, input.log_stream_name);
  co_return api::DeleteLogStreamOutput();
}

Task<void> Logs::erase_all_events(Store store, std::string group, std::string stream) {
  bool more = true;
  while (more) {
    const auto erase = [&](storage::Transaction& txn) -> Task<bool> {
      co_return co_await store.erase_events(txn, group, stream, Position(INT64_MAX, UINT64_MAX), 1000);
    };
    more = co_await storage::transact(database_, erase);
  }
}

Task<api::DescribeLogStreamsOutput> Logs::describe_log_streams(Call& call, const api::DescribeLogStreamsInput& input) {
  const std::string group = co_await group_name(input.log_group_name, input.log_group_identifier);
  const bool by_time = input.order_by.value_or("LogStreamName") == "LastEventTime";
  if (by_time && input.log_stream_name_prefix) {
    co_return Error(api::errors::kInvalidParameterException,
                    "Cannot order by LastEventTime with a logStreamNamePrefix.");
  }
  const std::string prefix = input.log_stream_name_prefix.value_or("");
  const std::size_t limit = static_cast<std::size_t>(input.limit.value_or(50));
  const bool descending = input.descending.value_or(false);
  const Store store(call.account(), call.region);

  // Both orders that are not the keys' own need all names at hand: names and times only, no events.
  std::vector<LogStream> streams;
  std::string after = !by_time && !descending ? input.next_token.value_or("") : "";
  const std::size_t wanted = !by_time && !descending ? limit + 1 : kOrderedStreams;
  while (streams.size() < wanted) {
    const auto page = [&](storage::Transaction& txn) -> Task<std::vector<LogStream>> {
      co_await require_group(store, txn, group);
      co_return co_await store.list_streams(txn, group, prefix, after, std::min<std::size_t>(1000, wanted));
    };
    std::vector<LogStream> some = co_await storage::transact(database_, page);
    if (some.empty()) break;
    after = some.back().name;
    std::move(some.begin(), some.end(), std::back_inserter(streams));
  }
  if (by_time) {
    std::stable_sort(streams.begin(), streams.end(), [](const LogStream& a, const LogStream& b) {
      return a.last_event.value_or(a.created) < b.last_event.value_or(b.created);
    });
  }
  if (descending) std::reverse(streams.begin(), streams.end());

  std::size_t from = 0;
  if ((by_time || descending) && input.next_token) {
    const std::string& token = *input.next_token;
    const auto at = std::find_if(streams.begin(), streams.end(), [&token](const auto& s) { return s.name == token; });
    from = at == streams.end() ? streams.size() : static_cast<std::size_t>(at - streams.begin()) + 1;
  }
  api::DescribeLogStreamsOutput output;
  output.log_streams.emplace();
  for (std::size_t i = from; i < streams.size() && output.log_streams->size() < limit; ++i) {
    output.log_streams->push_back(shown(call, group, streams[i]));
  }
  if (from + limit < streams.size()) output.next_token = output.log_streams->back().log_stream_name;
  co_return output;
}

}  // namespace cumulet::logs
