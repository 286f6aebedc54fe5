#include <algorithm>

#include "base/ids.h"
#include "base/log.h"
#include "base/text.h"
#include "services/sqs/errors.h"
#include "services/sqs/sqs.h"
#include "services/sqs/store.h"

/// Message move tasks: dead letters back to where they came from, or to another queue. A task is a row; a crash
/// interrupts it and the next start goes on with it.
namespace cumulet::sqs {
namespace {

namespace api = wire::sqs;
using storage::Transaction;

constexpr std::int32_t kMaxRate = 500;
constexpr std::size_t kBatch = 50;
constexpr std::size_t kKept = 10;  ///< Tasks of one queue that are remembered.
constexpr std::string_view kRunning = "RUNNING";
constexpr std::string_view kCancelling = "CANCELLING";

Error no_such_resource(std::string message) {
  return Error(api::errors::kResourceNotFoundException, std::move(message));
}

std::string handle_of(const QueueName& source, const std::string& id) {
  return base64_encode(id + "\n" + source.arn());
}

bool is_active(const MoveTaskRow& task) { return task.status == kRunning || task.status == kCancelling; }

/// The tasks of one queue, newest first.
Task<std::vector<MoveTaskRow>> tasks_of(Transaction& txn, QueueName source) {
  std::vector<MoveTaskRow> tasks = co_await store::list_tasks(txn, source.account, source.region);
  std::erase_if(tasks, [&source](const MoveTaskRow& task) { return task.source != source.name; });
  std::sort(tasks.begin(), tasks.end(),
            [](const MoveTaskRow& a, const MoveTaskRow& b) { return a.started_millis > b.started_millis; });
  co_return tasks;
}

Task<bool> is_dead_letter_queue(Transaction& txn, QueueName queue) {
  std::string after;
  while (true) {
    const std::vector<QueueRow> rows = co_await store::list_queues(txn, queue.account, queue.region, "", after, 1000);
    for (const QueueRow& row : rows) {
      if (row.settings.redrive && row.settings.redrive->target_arn == queue.arn()) co_return true;
    }
    if (rows.empty()) co_return false;
    after = rows.back().name;
  }
}

}  // namespace

void Sqs::register_moves() {
  service_.on<api::StartMessageMoveTask>([this](Call& c, const auto& in) { return start_move(c, in); });
  service_.on<api::CancelMessageMoveTask>([this](Call& c, const auto& in) { return cancel_move(c, in); });
  service_.on<api::ListMessageMoveTasks>([this](Call& c, const auto& in) { return list_moves(c, in); });
}

/// The queue of a move operation's ARN, which the caller may use so.
Task<Sqs::Queue> Sqs::permit_arn(const Call& call, std::string arn, std::string_view action) {
  const std::optional<QueueName> name = parse_queue_arn(arn);
  Queue queue;
  if (name) queue = co_await queues_.find(*name);
  if (queue == nullptr) {
    co_return no_such_resource("The resource that you specified for the SourceArn parameter doesn't exist.");
  }
  co_await may(call, *queue, action);
  co_return queue;
}

Task<api::StartMessageMoveTaskOutput> Sqs::start_move(Call& call, const api::StartMessageMoveTaskInput& input) {
  const Queue source = co_await permit_arn(call, input.source_arn, "StartMessageMoveTask");
  const std::int32_t rate = input.max_number_of_messages_per_second.value_or(0);
  if (input.max_number_of_messages_per_second && (rate < 1 || rate > kMaxRate)) {
    co_return invalid_parameter(
        "Value for parameter MaxNumberOfMessagesPerSecond is invalid. You must enter a value between 1 and 500.");
  }
  if (input.destination_arn) {
    const std::optional<QueueName> target = parse_queue_arn(*input.destination_arn);
    Queue destination;
    if (target) destination = co_await queues_.find(*target);
    if (destination == nullptr) {
      co_return no_such_resource("The resource that you specified for the DestinationArn parameter doesn't exist.");
    }
    if (*input.destination_arn == input.source_arn) {
      co_return invalid_parameter("Source queue arn and destination queue arn cannot be the same.");
    }
    if (destination->row()->settings.fifo != source->row()->settings.fifo) {
      co_return invalid_parameter("The source and the destination queue must be of the same type.");
    }
  }
  const QueueIndex::Counts counts = co_await source->counts();
  MoveTaskRow task;
  task.id = uuid();
  task.source = source->name().name;
  task.destination = input.destination_arn.value_or("");
  task.per_second = static_cast<std::uint32_t>(rate);
  task.status = kRunning;
  task.started_millis = clock_.now_millis();
  task.to_move = counts.visible;
  task.through = source->last_sequence();
  const QueueName name = source->name();
  const auto begin = [&](Transaction& txn) -> Task<void> {
    if (!co_await is_dead_letter_queue(txn, name)) {
      co_await fail(invalid_parameter("Source queue must be configured as a Dead Letter Queue."));
    }
    const std::vector<MoveTaskRow> tasks = co_await tasks_of(txn, name);
    if (std::any_of(tasks.begin(), tasks.end(), is_active)) {
      co_await fail(api::errors::kUnsupportedOperation,
                    "There is already a task running. Only one active task is allowed for a source queue arn at a "
                    "given time.");
    }
    for (std::size_t i = kKept - 1; i < tasks.size(); ++i) {
      txn.erase(store::task_key(name.account, name.region, tasks[i].id));
    }
    txn.put(store::task_key(name.account, name.region, task.id), store::encode(task));
  };
  co_await storage::transact(database_, begin);
  begin_move(name, task);
  api::StartMessageMoveTaskOutput output;
  output.task_handle = handle_of(name, task.id);
  co_return output;
}

Task<api::CancelMessageMoveTaskOutput> Sqs::cancel_move(Call& call, const api::CancelMessageMoveTaskInput& input) {
  const std::optional<std::string> handle = base64_decode(input.task_handle);
  const std::size_t mark = handle ? handle->find('\n') : std::string::npos;
  if (mark == std::string::npos) co_return invalid_parameter("Value for parameter TaskHandle is invalid.");
  const std::string id = handle->substr(0, mark);
  const Queue source = co_await permit_arn(call, handle->substr(mark + 1), "CancelMessageMoveTask");
  const QueueName name = source->name();
  const auto cancel = [&](Transaction& txn) -> Task<std::uint64_t> {
    const std::string key = store::task_key(name.account, name.region, id);
    const std::optional<std::string> row = co_await txn.get(key);
    if (!row) co_return no_such_resource("Task does not exist.");
    MoveTaskRow task = store::decode_task(*row);
    if (task.status != kRunning) co_return no_such_resource("Only active tasks can be cancelled.");
    task.status = kCancelling;
    txn.put(key, store::encode(task));
    co_return task.moved;
  };
  api::CancelMessageMoveTaskOutput output;
  const std::uint64_t moved = co_await storage::transact(database_, cancel);
  output.approximate_number_of_messages_moved = static_cast<std::int64_t>(moved);
  co_return output;
}

Task<api::ListMessageMoveTasksOutput> Sqs::list_moves(Call& call, const api::ListMessageMoveTasksInput& input) {
  const Queue source = co_await permit_arn(call, input.source_arn, "ListMessageMoveTasks");
  const std::int32_t limit = input.max_results.value_or(1);
  if (limit < 1 || limit > static_cast<std::int32_t>(kKept)) {
    co_return invalid_parameter("Value for parameter MaxResults is invalid. Reason: must be between 1 and 10.");
  }
  const QueueName name = source->name();
  const auto list = [&](Transaction& txn) { return tasks_of(txn, name); };
  const std::vector<MoveTaskRow> tasks = co_await storage::transact(database_, list);
  api::ListMessageMoveTasksOutput output;
  output.results.emplace();
  for (const MoveTaskRow& task : tasks) {
    if (output.results->size() == static_cast<std::size_t>(limit)) break;
    api::ListMessageMoveTasksResultEntry& entry = output.results->emplace_back();
    if (task.status == kRunning) entry.task_handle = handle_of(name, task.id);
    entry.status = task.status;
    entry.source_arn = name.arn();
    if (!task.destination.empty()) entry.destination_arn = task.destination;
    if (task.per_second > 0) entry.max_number_of_messages_per_second = static_cast<std::int32_t>(task.per_second);
    entry.approximate_number_of_messages_moved = static_cast<std::int64_t>(task.moved);
    entry.approximate_number_of_messages_to_move = static_cast<std::int64_t>(task.to_move);
    if (!task.failure.empty()) entry.failure_reason = task.failure;
    entry.started_timestamp = task.started_millis;
  }
  co_return output;
}

// Running.

void Sqs::begin_move(QueueName source, MoveTaskRow task) {
  ++running_;
  const auto run = [this, source = std::move(source), task = std::move(task)] {
    cumulet::start(run_move(source, task), [this](const Result<void>& done) {
      if (!done) log::error("a message move task stopped", {{"reason", done.error().message()}});
      --running_;
    });
  };
  if (loop_ != nullptr) {
    loop_->post(run);
  } else {
    run();
  }
}

Task<void> Sqs::resume_moves() {
  const auto list = [](Transaction& txn) { return store::list_all_tasks(txn); };
  std::vector<std::pair<QueueName, MoveTaskRow>> tasks = co_await storage::transact(database_, list);
  for (auto& [source, task] : tasks) {
    if (is_active(task)) begin_move(source, std::move(task));
  }
}

Task<Sqs::Queue> Sqs::move_destination(QueueName source, std::string destination, std::string came_from) {
  const std::optional<QueueName> name = parse_queue_arn(destination.empty() ? came_from : destination);
  Queue queue;
  if (name) queue = co_await queues_.find(*name);
  if (queue != nullptr && queue->name() == source) queue.reset();
  co_return queue;
}

Task<void> Sqs::run_move(QueueName source, MoveTaskRow task) {
  const LiveQueue::Destination destination = [this, &source, &task](const MessageContent& content) {
    return move_destination(source, task.destination, content.dead_letter_source);
  };
  const std::size_t batch = task.per_second > 0 ? std::min<std::size_t>(task.per_second, kBatch) : kBatch;
  while (!stopping()) {
    const Queue queue = co_await queues_.find(source);
    Result<std::optional<std::size_t>> moved = std::optional<std::size_t>();
    if (queue != nullptr) moved = co_await attempt(queue->move_some(batch, task.through, destination));
    const std::size_t count = moved && *moved ? **moved : 0;
    const auto note = [&](Transaction& txn) -> Task<bool> {
      const std::string key = store::task_key(source.account, source.region, task.id);
      const std::optional<std::string> row = co_await txn.get(key);
      if (!row) co_return true;
      MoveTaskRow now = store::decode_task(*row);
      now.moved += count;
      if (!moved) {
        now.status = "FAILED";
        now.failure = moved.error().message();
      } else if (now.status == kCancelling) {
        now.status = "CANCELLED";
      } else if (!*moved || queue == nullptr) {
        now.status = "COMPLETED";
      }
      txn.put(key, store::encode(now));
      co_return !is_active(now);
    };
    if (co_await storage::transact(database_, note)) co_return;
    if (task.per_second > 0) co_await sleep_for(std::chrono::microseconds(kSecond * batch / task.per_second));
  }
}

}  // namespace cumulet::sqs
