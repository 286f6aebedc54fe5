#include "services/lambda/event_source/queue_poller.h"

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "services/lambda/event_source/batch_response.h"
#include "services/lambda/event_source/queue_event.h"

namespace cumulet::lambda {
namespace {

namespace sqs = wire::sqs;
using std::chrono::steady_clock;

constexpr std::int32_t kLongPoll = 20;
constexpr std::int32_t kOneReceive = 10;
constexpr std::size_t kMostReceivers = 1250;
constexpr milliseconds kGrowth{200};  ///< At most five more a second.
constexpr milliseconds kShortPause{100};
constexpr milliseconds kLongPause{10'000};
constexpr std::uint32_t kPatience = 3;  ///< Failures in a row before polling slows down.
constexpr std::size_t kDeleteTries = 5;

std::string url_of(const std::string& arn) {
  const std::vector<std::string_view> parts = split(arn, ':');
  return "https://sqs." + std::string(parts[3]) + ".amazonaws.com/" + std::string(parts[4]) + "/" +
         std::string(parts[5]);
}

std::vector<std::string> receipts_of(const std::vector<sqs::Message>& messages) {
  std::vector<std::string> receipts;
  for (const sqs::Message& message : messages) receipts.push_back(message.receipt_handle.value_or(""));
  return receipts;
}

std::string trace_of(const sqs::Message& message) {
  if (!message.attributes) return {};
  const auto found = message.attributes->find("AWSTraceHeader");
  return found == message.attributes->end() ? std::string() : found->second;
}

}  // namespace

QueuePoller::QueuePoller(const PollerTools& tools, MappingRow mapping)
    : tools_(tools),
      mapping_(std::move(mapping)),
      queue_url_(url_of(mapping_.source())),
      batch_size_(mapping_.configuration.batch_size.value_or(kOneReceive)),
      window_(mapping_.configuration.maximum_batching_window_in_seconds.value_or(0)) {
  const std::vector<std::string_view> parts = split(mapping_.source(), ':');
  queue_region_ = parts[3];
  queue_account_ = parts[4];
  Result<RecordFilter> filter = RecordFilter::parse(mapping_.configuration.filter_criteria);
  if (filter.ok()) filter_ = std::move(*filter);
  const auto& types = mapping_.configuration.function_response_types;
  reports_items_ = types && std::find(types->begin(), types->end(), "ReportBatchItemFailures") != types->end();
}

Task<void> QueuePoller::run() {
  const std::shared_ptr<QueuePoller> self = shared_from_this();
  (void)co_await attempt(read_queue());
  start_receiver();
  ready_.resolve(true);
  co_await ended_.wait();
}

void QueuePoller::stop() {
  if (std::exchange(stopping_, true)) return;
  const auto waits = std::exchange(waits_, {});
  for (const auto& [id, wait] : waits) wait.resolve(std::make_shared<Messages>());
}

void QueuePoller::start_receiver() {
  ++receivers_;
  cumulet::start(receiver(), [self = shared_from_this()](const Result<void>& done) {
    if (!done.ok()) log::error("a queue's receiver stumbled", {{"error", done.error().message()}});
    if (--self->receivers_ > 0) return;
    if (self->stopping_) {
      self->ended_.resolve(true);
    } else {
      self->start_receiver();
    }
  });
}

/// One more receiver, when none waits and one more is allowed; after what the caller is about to begin.
void QueuePoller::call_another() {
  if (waiting_ > 0) return;
  if (receivers_ >= most_receivers()) all_at_work();
  Loop::current()->post([self = shared_from_this()] {
    if (!self->stopping_ && self->waiting_ == 0 && self->receivers_ > 0 && self->receivers_ < self->most_receivers()) {
      self->start_receiver();
    }
  });
}

Task<void> QueuePoller::receiver() {
  std::uint32_t errors = 0;
  while (!stopping_) {
    const Result<bool> again = co_await attempt(round());
    if (again.ok()) {
      errors = 0;
      if (!*again) co_return;
      continue;
    }
    log::warning("a queue cannot be read for its function",
                 {{"mapping", mapping_.uuid()}, {"why", again.error().message()}});
    co_await pause(growing_pause(errors++, milliseconds(500), kLongPause));
  }
}

Task<bool> QueuePoller::round() {
  ++waiting_;
  const SteadyTime began = steady_clock::now();
  Result<Messages> received = co_await attempt(receive(std::min(batch_size_, kOneReceive), kLongPoll));
  // A queue that does not wait (it is shutting down) is not asked over and over.
  if (received.ok() && received->empty() && steady_clock::now() - began < kShortPause) co_await pause(kShortPause);
  if (!received.ok() || received->empty()) {
    --waiting_;
    if (!received.ok()) co_return std::move(received).error();
    co_return !stopping_ && (waiting_ == 0 || receivers_ == 1);
  }
  const SteadyTime visible_again = steady_clock::now() + visibility_;
  // While this one gathers, nobody else takes what would fill its batch.
  Result<Batch> gathered = co_await attempt(gather(std::move(*received)));
  --waiting_;
  if (!gathered.ok()) co_return std::move(gathered).error();
  Batch batch = std::move(*gathered);
  call_another();
  // A FIFO queue's batch is in order: what follows a part that failed must not be done before it.
  bool well = true;
  while (!batch.empty() && (well || !is_fifo_queue(mapping_.source()))) {
    Batch part;
    std::size_t bytes = 16;
    std::size_t count = 0;
    while (count < batch.size() && (count == 0 || bytes + batch[count].record.size() < kBatchBytes)) {
      bytes += batch[count].record.size() + 1;
      part.push_back(std::move(batch[count]));
      ++count;
    }
    batch.erase(batch.begin(), batch.begin() + static_cast<std::ptrdiff_t>(count));
    well = co_await process(std::move(part), visible_again);
  }
  if (failures_ > kPatience) {
    co_await pause(growing_pause(failures_ - kPatience, kShortPause, kLongPause));
  }
  co_return !stopping_ && receivers_ <= most_receivers() && (waiting_ == 0 || receivers_ == 1);
}

/// A long poll is left alone when the poller stops; messages that it still brings are given back to the queue.
Task<QueuePoller::Messages> QueuePoller::receive(std::int32_t most, std::int32_t wait_seconds) {
  if (stopping_) co_return Messages();
  const Deferred<std::shared_ptr<Messages>> answer;
  const std::uint64_t id = next_wait_++;
  waits_.emplace(id, answer);
  cumulet::start(receive_now(most, wait_seconds),
                 [self = shared_from_this(), answer](Result<std::shared_ptr<Messages>> received) {
                   if (!received.ok()) {
                     answer.resolve(std::move(received).error());
                     return;
                   }
                   const std::shared_ptr<Messages> messages = *received;
                   if (answer.resolve(messages) || messages->empty()) return;
                   cumulet::start(self->give_back(messages), [self](const Result<void>&) {});
                 });
  const Result<std::shared_ptr<Messages>> messages = co_await attempt(answer.wait());
  waits_.erase(id);
  if (!messages.ok()) co_return messages.error();
  co_return std::move(**messages);
}

Task<std::shared_ptr<QueuePoller::Messages>> QueuePoller::receive_now(std::int32_t most, std::int32_t wait_seconds) {
  const std::shared_ptr<QueuePoller> self = shared_from_this();
  ServiceCall made(queue_account_, queue_region_, tools_.clock.now());
  sqs::ReceiveMessageRequest input;
  input.queue_url = queue_url_;
  input.max_number_of_messages = most;
  input.wait_time_seconds = wait_seconds;
  input.message_system_attribute_names.emplace().push_back("All");
  input.message_attribute_names.emplace().push_back("All");
  sqs::ReceiveMessageResult output =
      co_await tools_.services.call<sqs::ReceiveMessage>("sqs", made.call, std::move(input));
  auto messages = std::make_shared<Messages>();
  if (output.messages) *messages = std::move(*output.messages);
  co_return messages;
}

Task<QueuePoller::Batch> QueuePoller::gather(Messages first) {
  Batch batch;
  const SteadyTime until = steady_clock::now() + window_;
  co_await admit(std::move(first), batch);
  const auto wanted = static_cast<std::size_t>(batch_size_);
  while (window_.count() > 0 && batch.size() < wanted && !stopping_) {
    std::size_t bytes = 0;
    for (const Item& item : batch) bytes += item.record.size();
    const auto left = std::chrono::duration_cast<milliseconds>(until - steady_clock::now());
    if (left.count() <= 0 || bytes >= kBatchBytes) break;
    const auto most = static_cast<std::int32_t>(std::min<std::size_t>(kOneReceive, wanted - batch.size()));
    // Waits are whole seconds; the last part of one is slept.
    const auto wait = static_cast<std::int32_t>(std::min<std::int64_t>(kLongPoll, left.count() / 1000));
    if (wait == 0) co_await pause(left);
    Result<Messages> more = co_await attempt(receive(most, wait));
    if (!more.ok()) break;
    co_await admit(std::move(*more), batch);
  }
  co_return batch;
}

Task<void> QueuePoller::admit(Messages messages, Batch& batch) {
  std::vector<std::string> refused;
  for (sqs::Message& message : messages) {
    std::string record = queue_record(message, mapping_.source(), queue_region_);
    if (filter_.empty() || filter_.passes(filterable_message(record))) {
      batch.emplace_back(std::move(message), std::move(record));
    } else {
      refused.push_back(message.receipt_handle.value_or(""));
    }
  }
  if (!refused.empty()) co_await remove(std::move(refused));
}

Task<bool> QueuePoller::process(Batch batch, SteadyTime visible_again) {
  const std::optional<BatchReply> reply = co_await invoke(batch, visible_again);
  if (!reply || !reply->function_error.empty()) {
    went_wrong();
    co_return false;
  }
  BatchFailures failures;
  if (reports_items_) {
    std::vector<std::string> ids;
    for (const Item& item : batch) ids.push_back(item.message.message_id.value_or(""));
    failures = batch_failures(reply->payload, ids);
  }
  if (failures.whole_batch) {
    went_wrong();
    co_return false;
  }
  std::vector<std::string> done;
  for (const Item& item : batch) {
    if (failures.items.contains(item.message.message_id.value_or(""))) continue;
    done.push_back(item.message.receipt_handle.value_or(""));
  }
  if (!done.empty()) co_await remove(std::move(done));
  if (failures.items.empty()) went_well();
  co_return failures.items.empty();
}

/// Throttles are tried again as long as the messages are ours.
Task<std::optional<BatchReply>> QueuePoller::invoke(const Batch& batch, SteadyTime visible_again) {
  std::vector<std::string> records;
  records.reserve(batch.size());
  for (const Item& item : batch) records.push_back(item.record);
  const std::string event = records_event(records);
  for (std::uint32_t tries = 0;; ++tries) {
    Result<BatchReply> reply = co_await attempt(tools_.invoke(mapping_, event, trace_of(batch.front().message)));
    if (reply.ok()) co_return std::move(*reply);
    const milliseconds rest = growing_pause(tries, kShortPause, kLongPause);
    if (!is_passing(reply.error()) || stopping_ || steady_clock::now() + rest >= visible_again) {
      log::warning("a batch goes back to its queue", {{"mapping", mapping_.uuid()}, {"why", reply.error().message()}});
      co_return std::nullopt;
    }
    went_wrong();
    co_await pause(rest);
  }
}

Task<void> QueuePoller::remove(std::vector<std::string> receipts) {
  std::size_t next = 0;
  std::size_t tries = 0;
  while (next < receipts.size()) {
    const std::size_t count = std::min<std::size_t>(kOneReceive, receipts.size() - next);
    ServiceCall made(queue_account_, queue_region_, tools_.clock.now());
    sqs::DeleteMessageBatchRequest input;
    input.queue_url = queue_url_;
    for (std::size_t i = 0; i < count; ++i) {
      sqs::DeleteMessageBatchRequestEntry& entry = input.entries.emplace_back();
      entry.id = std::to_string(i);
      entry.receipt_handle = receipts[next + i];
    }
    const Result<sqs::DeleteMessageBatchResult> removed =
        co_await attempt(tools_.services.call<sqs::DeleteMessageBatch>("sqs", made.call, std::move(input)));
    if (!removed.ok() && is_passing(removed.error()) && ++tries < kDeleteTries) {
      co_await pause(growing_pause(static_cast<std::uint32_t>(tries), kShortPause, kLongPause));
      continue;
    }
    if (!removed.ok()) {
      log::warning("messages that were handled cannot be deleted",
                   {{"mapping", mapping_.uuid()}, {"why", removed.error().message()}});
    }
    next += count;
    tries = 0;
  }
}

Task<void> QueuePoller::give_back(std::shared_ptr<Messages> messages) {
  ServiceCall made(queue_account_, queue_region_, tools_.clock.now());
  sqs::ChangeMessageVisibilityBatchRequest input;
  input.queue_url = queue_url_;
  for (const std::string& receipt : receipts_of(*messages)) {
    sqs::ChangeMessageVisibilityBatchRequestEntry& entry = input.entries.emplace_back();
    entry.id = std::to_string(input.entries.size());
    entry.receipt_handle = receipt;
    entry.visibility_timeout = 0;
  }
  co_await tools_.services.call<sqs::ChangeMessageVisibilityBatch>("sqs", made.call, std::move(input));
}

Task<void> QueuePoller::read_queue() {
  ServiceCall made(queue_account_, queue_region_, tools_.clock.now());
  sqs::GetQueueAttributesRequest input;
  input.queue_url = queue_url_;
  input.attribute_names.emplace().push_back("VisibilityTimeout");
  const sqs::GetQueueAttributesResult output =
      co_await tools_.services.call<sqs::GetQueueAttributes>("sqs", made.call, std::move(input));
  if (!output.attributes) co_return;
  const auto found = output.attributes->find("VisibilityTimeout");
  if (found != output.attributes->end()) visibility_ = seconds(parse_int(found->second).value_or(30));
}

Task<void> QueuePoller::pause(milliseconds time) {
  const SteadyTime until = steady_clock::now() + time;
  if (stopping_ || time.count() <= 0) co_return;
  // Several pauses may wait at once, and a Deferred has one waiter: each has its own.
  const Deferred<std::shared_ptr<Messages>> over;
  const std::uint64_t id = next_wait_++;
  waits_.emplace(id, over);
  (void)co_await attempt(over.wait_until(until, Error(errors::kRequestTimeout, "the pause is over")));
  waits_.erase(id);
}

std::size_t QueuePoller::most_receivers() const {
  std::size_t most = allowed_;
  const auto& scaling = mapping_.configuration.scaling_config;
  if (scaling && scaling->maximum_concurrency) {
    most = std::min(most, static_cast<std::size_t>(*scaling->maximum_concurrency));
  }
  return most;
}

void QueuePoller::all_at_work() {
  const SteadyTime now = steady_clock::now();
  if (failures_ > 0 || now - grown_ < kGrowth) return;
  grown_ = now;
  allowed_ = std::min(allowed_ + 1, kMostReceivers);
}

void QueuePoller::went_well() { failures_ = 0; }

void QueuePoller::went_wrong() {
  failures_ = std::min(failures_ + 1, 1000u);
  allowed_ = std::max<std::size_t>(1, allowed_ - allowed_ / 4);
}

std::shared_ptr<Poller> make_queue_poller(const PollerTools& tools, MappingRow mapping) {
  return std::make_shared<QueuePoller>(tools, std::move(mapping));
}

}  // namespace cumulet::lambda
