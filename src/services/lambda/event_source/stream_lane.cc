#include "services/lambda/event_source/stream_lane.h"

#include <algorithm>

#include "base/log.h"
#include "services/lambda/event_source/batch_response.h"
#include "services/lambda/event_source/queue_event.h"
#include "wire/json_writer.h"

namespace cumulet::lambda {
namespace {

using std::chrono::steady_clock;

constexpr milliseconds kFirstRetryPause{200};
constexpr milliseconds kLongestRetryPause{30'000};
constexpr std::size_t kStateBytes = 1 << 20;
/// Records of a window may still be on their way when it is over.
constexpr seconds kWindowGrace{1};
/// While a window is open its end is looked for that often: the clock may be moved.
constexpr seconds kWindowLook{1};
constexpr std::chrono::hours kNoHurry{1};

}  // namespace

StreamLane::StreamLane(const PollerTools& tools, const StreamSettings& settings, std::string shard, LaneCheckpoint from,
                       std::function<void()> progressed)
    : tools_(tools),
      settings_(settings),
      shard_(std::move(shard)),
      progressed_(std::move(progressed)),
      done_(from.done),
      window_(from.window),
      state_(from.state.empty() ? "{}" : from.state),
      failed_at_(from.failed_at),
      failed_(from.failed) {}

void StreamLane::push(events::StreamRecord record, const std::optional<std::string>& before) {
  if (done_ && !sequence_before(*done_, record.sequence_number)) return;
  if (idle() && before) done_ = before;
  bytes_ += record.event.size();
  queue_.emplace_back(std::move(record), steady_clock::now());
  wake_.notify();
}

void StreamLane::close() {
  closed_ = true;
  wake_.notify();
}

void StreamLane::stop() {
  stopping_ = true;
  wake_.notify();
}

LaneCheckpoint StreamLane::checkpoint() const {
  LaneCheckpoint checkpoint;
  if (!idle()) checkpoint.done = done_;
  checkpoint.window = window_;
  if (window_) checkpoint.state = state_;
  checkpoint.failed_at = failed_at_;
  checkpoint.failed = failed_;
  return checkpoint;
}

std::vector<events::Event> StreamLane::take_letters() { return std::exchange(letters_, {}); }

Task<void> StreamLane::run() {
  while (!stopping_) {
    std::optional<Work> work = co_await next();
    if (!work) co_return;
    co_await work_off(std::move(*work));
  }
}

Timestamp StreamLane::window_of(const events::StreamRecord& record) const {
  const auto length = std::chrono::duration_cast<std::chrono::microseconds>(settings_.tumbling_window);
  return Timestamp(record.arrived.time_since_epoch() / length * length);
}

bool StreamLane::window_is_over() const {
  if (!window_) return false;
  if (window_too_large_) return true;
  if (!queue_.empty()) return window_of(queue_.front().record) > *window_;
  return closed_ || tools_.clock.now() >= *window_ + settings_.tumbling_window + kWindowGrace;
}

bool StreamLane::is_due(std::size_t count, std::size_t bytes, SteadyTime first) const {
  return closed_ || count >= settings_.batch_size || bytes >= kBatchBytes ||
         steady_clock::now() >= first + settings_.batch_window;
}

/// How many records the next batch has, when it is due.
std::optional<std::size_t> StreamLane::ready_records() const {
  if (queue_.empty()) return std::nullopt;
  const bool tumbling = settings_.tumbling_window.count() > 0;
  const Timestamp window = !tumbling ? Timestamp() : window_.value_or(window_of(queue_.front().record));
  std::size_t count = 0;
  std::size_t bytes = 0;
  bool cut = false;
  for (const Entry& entry : queue_) {
    // What this server adds to each record comes to some hundred bytes.
    const std::size_t size =
        entry.record.event.size() + settings_.mapping.source().size() + settings_.role.size() + 100;
    cut = count > 0 && (bytes + size > kBatchBytes || (tumbling && window_of(entry.record) > window));
    if (cut || count == settings_.batch_size) break;
    bytes += size;
    ++count;
  }
  if (cut || is_due(count, bytes, queue_.front().came)) return count;
  return std::nullopt;
}

SteadyTime StreamLane::next_look() const {
  const SteadyTime now = steady_clock::now();
  SteadyTime next = now + kNoHurry;
  if (!queue_.empty()) next = queue_.front().came + settings_.batch_window;
  if (window_) next = std::min<SteadyTime>(next, now + kWindowLook);
  return next;
}

Task<std::optional<StreamLane::Work>> StreamLane::next() {
  std::optional<Work> work;
  while (!stopping_) {
    if (window_is_over()) {
      work.emplace(Records(), 0);
      work->closes_window = true;
      break;
    }
    if (const std::optional<std::size_t> count = ready_records()) {
      if (settings_.tumbling_window.count() > 0 && !window_) window_ = window_of(queue_.front().record);
      work.emplace(take(*count), 0);
      // Tried before the server stopped.
      if (work->records.front().sequence_number == failed_at_) work->failed = work->invocations = failed_;
      break;
    }
    if (closed_) break;
    co_await wake_.wait_until(next_look());
  }
  co_return work;
}

StreamLane::Records StreamLane::take(std::size_t count) {
  Records records;
  records.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    bytes_ -= queue_.front().record.event.size();
    records.push_back(std::move(queue_.front().record));
    queue_.pop_front();
  }
  in_work_ = count;
  return records;
}

Task<void> StreamLane::work_off(Work whole) {
  std::deque<Work> left;
  left.push_back(std::move(whole));
  std::uint32_t passing = 0;
  while (!left.empty() && !stopping_) {
    Work work = std::move(left.front());
    left.pop_front();
    const Records expired = take_expired(work);
    if (!expired.empty()) give_up(expired, work, "RecordAgeExceeded", BatchReply());
    if (work.records.empty() && !work.closes_window) continue;
    const Outcome outcome = co_await invoke(work);
    if (outcome.passing) {
      tools_.report(settings_.mapping, "PROBLEM: " + outcome.why);
      left.push_front(std::move(work));
      co_await pause(growing_pause(passing++, kFirstRetryPause, kLongestRetryPause));
      continue;
    }
    passing = 0;
    if (outcome.done > 0) advance(work.records[outcome.done - 1], outcome.done);
    if (!outcome.failed) {
      tools_.report(settings_.mapping, "OK");
      if (work.closes_window) {
        window_.reset();
        window_too_large_ = false;
        state_ = "{}";
        progressed_();
      }
      continue;
    }
    tools_.report(settings_.mapping, "PROBLEM: Function call failed");
    after_failure(std::move(work), outcome, left);
    if (!left.empty() && left.front().failed > 0) {
      co_await pause(growing_pause(left.front().failed - 1, kFirstRetryPause, kLongestRetryPause));
    }
  }
}

void StreamLane::after_failure(Work work, const Outcome& outcome, std::deque<Work>& left) {
  Records rest(std::make_move_iterator(work.records.begin() + static_cast<std::ptrdiff_t>(outcome.done)),
               std::make_move_iterator(work.records.end()));
  // After progress it is another batch, whose first record has failed once.
  const std::uint32_t failed = outcome.done > 0 ? 1 : work.failed + 1;
  const bool may_retry = !settings_.retries || failed <= *settings_.retries;
  work.failed = failed;
  work.records = std::move(rest);
  if (!may_retry) {
    if (!work.closes_window) {
      give_up(work.records, work, "RetryAttemptsExhausted", outcome.reply);
      return;
    }
    window_.reset();
    window_too_large_ = false;
    state_ = "{}";
    progressed_();
    return;
  }
  if (settings_.bisects && outcome.done == 0 && work.records.size() > 1) {
    const auto middle = work.records.begin() + static_cast<std::ptrdiff_t>((work.records.size() + 1) / 2);
    // Splitting counts as no attempt.
    Work second(Records(std::make_move_iterator(middle), std::make_move_iterator(work.records.end())), work.failed - 1);
    work.records.erase(middle, work.records.end());
    work.failed -= 1;
    second.invocations = work.invocations;
    left.push_front(std::move(second));
  }
  left.push_front(std::move(work));
  remember_failures(left.front());
}

/// A restart neither forgets how often a batch was tried nor begins anew with it.
void StreamLane::remember_failures(const Work& next) {
  if (!settings_.retries || next.records.empty()) return;
  failed_at_ = next.records.front().sequence_number;
  failed_ = next.failed;
  progressed_();
}

StreamLane::Records StreamLane::take_expired(Work& work) const {
  Records expired;
  if (!settings_.longest_age) return expired;
  const Timestamp oldest = tools_.clock.now() - *settings_.longest_age;
  const auto fresh = std::find_if(work.records.begin(), work.records.end(),
                                  [&](const events::StreamRecord& record) { return record.arrived >= oldest; });
  expired.assign(std::make_move_iterator(work.records.begin()), std::make_move_iterator(fresh));
  work.records.erase(work.records.begin(), fresh);
  return expired;
}

void StreamLane::give_up(const Records& records, const Work& work, std::string condition, const BatchReply& last) {
  log::warning("records of a stream are given up", {{"mapping", settings_.mapping.uuid()},
                                                    {"shard", shard_},
                                                    {"from", records.front().sequence_number},
                                                    {"records", std::to_string(records.size())},
                                                    {"why", condition}});
  if (!settings_.on_failure.empty()) {
    StreamFailure failure;
    failure.condition = std::move(condition);
    failure.invocations = work.invocations;
    failure.request_id = last.request_id;
    failure.executed_version = last.executed_version;
    failure.function_error = last.function_error;
    const Work payload(records, 0);
    letters_.push_back(failure_event(settings_, shard_, records, failure, payload_of(payload), tools_.clock.now()));
  }
  advance(records.back(), records.size());
}

void StreamLane::advance(const events::StreamRecord& last, std::size_t count) {
  done_ = last.sequence_number;
  failed_at_.clear();
  failed_ = 0;
  in_work_ -= std::min(in_work_, count);
  progressed_();
}

std::string StreamLane::payload_of(const Work& work) const {
  std::vector<std::string> records;
  records.reserve(work.records.size());
  for (const events::StreamRecord& record : work.records) records.push_back(settings_.record_text(record));
  std::string event = records_event(records);
  if (!window_) return event;
  wire::JsonWriter json;
  json.begin_object().key("window").begin_object();
  json.key("start").string(iso8601(*window_)).key("end").string(iso8601(*window_ + settings_.tumbling_window));
  json.end_object().key("state").raw(state_).key("shardId").string(shard_);
  json.key("eventSourceARN").string(settings_.mapping.source());
  json.key("isFinalInvokeForWindow").boolean(work.closes_window);
  json.key("isWindowTerminatedEarly").boolean(work.closes_window && window_too_large_).end_object();
  event.pop_back();
  return event + "," + json.take().substr(1);
}

Task<StreamLane::Outcome> StreamLane::invoke(Work& work) {
  observe(work);
  Outcome outcome;
  Result<BatchReply> reply = co_await attempt(tools_.invoke(settings_.mapping, payload_of(work), std::string()));
  if (!reply.ok()) {
    outcome.passing = true;
    outcome.why = reply.error().message();
    co_return outcome;
  }
  ++work.invocations;
  outcome.reply = std::move(*reply);
  outcome.failed = !outcome.reply.function_error.empty();
  if (outcome.failed) co_return outcome;
  std::optional<std::string> state;
  if (window_ && !work.closes_window) {
    state = window_state(outcome.reply.payload);
    if (!state) {
      outcome.failed = true;  // A function with a window must give its state.
      co_return outcome;
    }
  }
  outcome.done = work.records.size();
  if (settings_.reports_items && !work.records.empty()) {
    std::vector<std::string> ids;
    for (const events::StreamRecord& record : work.records) ids.push_back(record.sequence_number);
    const BatchFailures failures = batch_failures(outcome.reply.payload, ids);
    outcome.failed = failures.whole_batch || !failures.items.empty();
    const auto first =
        std::find_if(ids.begin(), ids.end(), [&](const std::string& id) { return failures.items.contains(id); });
    outcome.done = failures.whole_batch ? 0 : static_cast<std::size_t>(first - ids.begin());
  }
  if (state && (outcome.done > 0 || !outcome.failed)) {
    window_too_large_ = state->size() > kStateBytes;
    if (!window_too_large_) state_ = std::move(*state);
  }
  co_return outcome;
}

void StreamLane::observe(const Work& work) const {
  if (!tools_.metrics || work.records.empty()) return;
  const auto age = std::chrono::duration_cast<milliseconds>(tools_.clock.now() - work.records.back().arrived);
  events::MetricSample sample(settings_.mapping.account, settings_.mapping.region, "AWS/Lambda", "IteratorAge");
  sample.value = static_cast<double>(std::max<std::int64_t>(0, age.count()));
  sample.unit = "Milliseconds";
  sample.dimensions = {{"FunctionName", settings_.function_name}};
  tools_.metrics->record(std::move(sample));
}

Task<void> StreamLane::pause(milliseconds time) {
  const SteadyTime until = steady_clock::now() + time;
  // New records wake the lane too: they do not end the pause.
  while (!stopping_ && steady_clock::now() < until) co_await wake_.wait_until(until);
}

}  // namespace cumulet::lambda
