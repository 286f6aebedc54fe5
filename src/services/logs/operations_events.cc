#include <algorithm>

#include "base/text.h"
#include "services/logs/logs.h"

namespace cumulet::logs {
namespace {

namespace api = wire::logs;

constexpr std::int64_t kHour = 3'600'000;
constexpr std::int64_t kDay = 24 * kHour;
constexpr std::size_t kBatchBytes = 1'048'576;
constexpr std::size_t kEventOverhead = 26;
constexpr std::size_t kPageLimit = 10'000;
constexpr std::size_t kPageBytes = 1u << 20;
constexpr std::size_t kSearchedAtOnce = 20'000;  ///< Events that one FilterLogEvents call looks at.

std::string token_of(char direction, Position position) {
  return std::string(1, direction) + "/" + std::to_string(position.time) + "/" + std::to_string(position.sequence);
}

std::optional<std::pair<char, Position>> parse_token(const std::string& token) {
  const std::vector<std::string_view> parts = split(token, '/');
  if (parts.size() != 3 || parts[0].size() != 1) return std::nullopt;
  const std::optional<std::int64_t> time = parse_int(parts[1]);
  const std::optional<std::int64_t> sequence = parse_int(parts[2]);
  if (!time || !sequence || *sequence < 0) return std::nullopt;
  return std::pair(parts[0][0], Position(*time, static_cast<std::uint64_t>(*sequence)));
}

Position just_after(Position position) { return {position.time, position.sequence + 1}; }

/// Which events of a batch are accepted: [first, last); the rest is told in the reply.
struct Accepted {
  std::size_t first = 0;
  std::size_t last = 0;
  std::optional<api::RejectedLogEventsInfo> rejected;
};

Result<Accepted> examine_batch(const std::vector<api::InputLogEvent>& events, const LogGroup& group, std::int64_t now) {
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < events.size(); ++i) {
    bytes += events[i].message.size() + kEventOverhead;
    if (i > 0 && events[i].timestamp < events[i - 1].timestamp) {
      return invalid("Log events in a single PutLogEvents request must be in chronological order.");
    }
  }
  if (bytes > kBatchBytes)
    return invalid("Upload too large: " + std::to_string(bytes) + " bytes exceeds limit of 1048576");
  if (events.back().timestamp - events.front().timestamp > kDay) {
    return invalid("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.");
  }
  Accepted accepted;
  accepted.last = events.size();
  api::RejectedLogEventsInfo info;
  const std::int64_t expired = retained_since(group, now);
  const std::int64_t too_old = std::max(now - 14 * kDay, expired);
  while (accepted.first < events.size() && events[accepted.first].timestamp < too_old) ++accepted.first;
  while (accepted.last > accepted.first && events[accepted.last - 1].timestamp > now + 2 * kHour) --accepted.last;
  if (accepted.first > 0) {
    (expired > now - 14 * kDay ? info.expired_log_event_end_index : info.too_old_log_event_end_index) =
        static_cast<std::int32_t>(accepted.first);
  }
  if (accepted.last < events.size()) info.too_new_log_event_start_index = static_cast<std::int32_t>(accepted.last);
  if (accepted.first > 0 || accepted.last < events.size()) accepted.rejected = info;
  return accepted;
}

}  // namespace

void Logs::register_events() {
  service_.on<api::PutLogEvents>([this](Call& c, const auto& in) { return put_log_events(c, in); });
  service_.on<api::GetLogEvents>([this](Call& c, const auto& in) { return get_log_events(c, in); });
  service_.on<api::FilterLogEvents>([this](Call& c, const auto& in) { return filter_log_events(c, in); });
}

Task<api::PutLogEventsOutput> Logs::put_log_events(Call& call, const api::PutLogEventsInput& input) {
  const std::int64_t now = clock_.now_millis();
  const Store store(call.account(), call.region);
  const EventSource source(call.account(), call.region, input.log_group_name, input.log_stream_name);
  std::vector<events::MetricSample> samples;
  const auto put = [&](storage::Transaction& txn) -> Task<api::PutLogEventsOutput> {
    std::vector<LogEvent> taken;
    const LogGroup group = co_await require_group(store, txn, input.log_group_name);
    std::optional<LogStream> stream = co_await store.find_stream(txn, group.name, input.log_stream_name);
    if (!stream) {
      co_return Error(api::errors::kResourceNotFoundException, "The specified log stream does not exist.");
    }
    const Accepted accepted = co_await examine_batch(input.log_events, group, now);
    for (std::size_t i = accepted.first; i < accepted.last; ++i) {
      const api::InputLogEvent& given = input.log_events[i];
      LogEvent event;
      event.position = Position(given.timestamp, next_sequence());
      event.ingested = now;
      event.message = given.message;
      store.put_event(txn, group.name, stream->name, event);
      taken.push_back(std::move(event));
      stream->first_event = std::min(stream->first_event.value_or(given.timestamp), given.timestamp);
      stream->last_event = std::max(stream->last_event.value_or(given.timestamp), given.timestamp);
      stream->last_ingestion = now;
    }
    store.put_stream(txn, group.name, *stream);
    samples = co_await apply_filters(txn, store, source, taken, outbox_);
    api::PutLogEventsOutput output;
    output.rejected_log_events_info = accepted.rejected;
    co_return output;
  };
  api::PutLogEventsOutput output = co_await storage::transact(database_, put);
  report(std::move(samples));
  co_return output;
}

Task<api::GetLogEventsOutput> Logs::get_log_events(Call& call, const api::GetLogEventsInput& input) {
  const std::string name = co_await group_name(input.log_group_name, input.log_group_identifier);
  Position from(std::max<std::int64_t>(input.start_time.value_or(0), 0), 0);
  Position to(input.end_time.value_or(INT64_MAX), 0);
  bool newest = !input.start_from_head.value_or(false);
  if (input.next_token) {
    const std::optional<std::pair<char, Position>> token = parse_token(*input.next_token);
    if (!token || (token->first != 'f' && token->first != 'b')) {
      co_return invalid("The specified nextToken is invalid.");
    }
    newest = token->first == 'b';
    if (newest) {
      to = std::min(to, token->second);
    } else {
      from = std::max(from, just_after(token->second));
    }
  }
  const std::size_t limit = std::min(static_cast<std::size_t>(input.limit.value_or(kPageLimit)), kPageLimit);
  const Store store(call.account(), call.region);
  const auto read = [&](storage::Transaction& txn) -> Task<std::vector<LogEvent>> {
    const LogGroup group = co_await require_group(store, txn, name);
    if (!co_await store.find_stream(txn, name, input.log_stream_name)) {
      co_return Error(api::errors::kResourceNotFoundException, "The specified log stream does not exist.");
    }
    const Position first = std::max(from, Position(retained_since(group, clock_.now_millis()), 0));
    co_return co_await store.list_events(txn, name, input.log_stream_name, first, to, limit, newest);
  };
  std::vector<LogEvent> events = co_await storage::transact(database_, read);
  if (newest) std::reverse(events.begin(), events.end());

  api::GetLogEventsOutput output;
  output.events.emplace();
  for (const LogEvent& event : events) {
    api::OutputLogEvent shown;
    shown.timestamp = event.position.time;
    shown.message = event.message;
    shown.ingestion_time = event.ingested;
    output.events->push_back(std::move(shown));
  }
  // At either end the same token comes back: that is how a reader knows that there is no more for now.
  const Position lower = newest ? to : from;
  const Position before =
      lower.sequence > 0 ? Position(lower.time, lower.sequence - 1) : Position(lower.time - 1, INT64_MAX);
  const bool forward_token = input.next_token && input.next_token->front() == 'f';
  const bool backward_token = input.next_token && input.next_token->front() == 'b';
  output.next_forward_token = !events.empty() ? token_of('f', events.back().position)
                              : forward_token ? *input.next_token
                                              : token_of('f', newest ? Position(0, 0) : before);
  output.next_backward_token = !events.empty()  ? token_of('b', events.front().position)
                               : backward_token ? *input.next_token
                                                : token_of('b', lower);
  if (events.empty() && newest && !backward_token) output.next_forward_token = token_of('f', Position(from.time, 0));
  co_return output;
}

Task<api::FilterLogEventsOutput> Logs::filter_log_events(Call& call, const api::FilterLogEventsInput& input) {
  const std::string name = co_await group_name(input.log_group_name, input.log_group_identifier);
  if (input.log_stream_names && input.log_stream_name_prefix) {
    co_return invalid("Cannot specify both logStreamNames and logStreamNamePrefix.");
  }
  if (!input.start_from_head.value_or(true)) co_return invalid("startFromHead false is not supported by this server.");
  const FilterPattern pattern = co_await FilterPattern::parse(input.filter_pattern.value_or(""));
  Position from(std::max<std::int64_t>(input.start_time.value_or(0), 0), 0);
  const std::int64_t end = input.end_time.value_or(INT64_MAX - 1);
  const Position to(end == INT64_MAX ? end : end + 1, 0);  // The end is included here.
  if (input.next_token) {
    const std::optional<std::pair<char, Position>> token = parse_token(*input.next_token);
    if (!token || token->first != 'p') co_return invalid("The specified nextToken is invalid.");
    from = std::max(from, just_after(token->second));
  }
  const std::size_t limit = std::min(static_cast<std::size_t>(input.limit.value_or(kPageLimit)), kPageLimit);
  const Store store(call.account(), call.region);

  const auto begin = [&](storage::Transaction& txn) -> Task<std::vector<LogStream>> {
    const LogGroup group = co_await require_group(store, txn, name);
    from = std::max(from, Position(retained_since(group, clock_.now_millis()), 0));
    std::vector<LogStream> streams;
    std::string after;
    while (true) {
      std::vector<LogStream> some =
          co_await store.list_streams(txn, name, input.log_stream_name_prefix.value_or(""), after, 1000);
      if (some.empty()) break;
      after = some.back().name;
      for (LogStream& stream : some) {
        const bool wanted = !input.log_stream_names ||
                            std::find(input.log_stream_names->begin(), input.log_stream_names->end(), stream.name) !=
                                input.log_stream_names->end();
        const bool overlaps = stream.last_event && *stream.last_event >= from.time && *stream.first_event < to.time;
        if (wanted && overlaps) streams.push_back(std::move(stream));
      }
    }
    co_return streams;
  };
  const std::vector<LogStream> streams = co_await storage::transact(database_, begin);

  // The streams are merged by position: from each the next few events, up to the last position that all have reached.
  api::FilterLogEventsOutput output;
  output.events.emplace();
  output.searched_log_streams.emplace();
  std::size_t searched = 0;
  std::size_t bytes = 0;
  const std::size_t per_stream =
      std::clamp<std::size_t>(kSearchedAtOnce / std::max<std::size_t>(streams.size(), 1), 10, 1000);
  while (searched < kSearchedAtOnce) {
    std::vector<std::pair<const LogStream*, LogEvent>> gathered;
    Position reached(INT64_MAX, UINT64_MAX);
    for (const LogStream& stream : streams) {
      const auto read = [&](storage::Transaction& txn) -> Task<std::vector<LogEvent>> {
        co_return co_await store.list_events(txn, name, stream.name, from, to, per_stream, false);
      };
      std::vector<LogEvent> events = co_await storage::transact(database_, read);
      if (events.size() == per_stream) reached = std::min(reached, events.back().position);
      for (LogEvent& event : events) gathered.emplace_back(&stream, std::move(event));
    }
    std::sort(gathered.begin(), gathered.end(),
              [](const auto& a, const auto& b) { return a.second.position < b.second.position; });
    for (auto& [stream, event] : gathered) {
      if (event.position > reached) break;
      ++searched;
      from = just_after(event.position);
      if (!pattern.matches(event.message)) continue;
      bytes += event.message.size() + kEventOverhead;
      api::FilteredLogEvent shown;
      shown.log_stream_name = stream->name;
      shown.timestamp = event.position.time;
      shown.message = std::move(event.message);
      shown.ingestion_time = event.ingested;
      shown.event_id = event_id(event.position);
      output.events->push_back(std::move(shown));
      if (output.events->size() == limit || bytes >= kPageBytes) {
        output.next_token = token_of('p', event.position);
        co_return output;
      }
    }
    if (reached == Position(INT64_MAX, UINT64_MAX)) co_return output;
  }
  output.next_token = token_of('p', Position(from.time, from.sequence - 1));
  co_return output;
}

}  // namespace cumulet::logs
