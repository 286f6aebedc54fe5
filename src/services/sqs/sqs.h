#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/loop.h"
#include "events/metric_sink.h"
#include "events/outbox.h"
#include "services/sqs/queues.h"
#include "storage/database.h"
#include "wire/generated/sqs.h"
#include "wire/service.h"

namespace cumulet::sqs {

/// Simple Queue Service. It is also a target of events whose ARN is a queue's (events/queue_message.h).
/// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/
class Sqs final : public events::Target {
 public:
  Sqs(storage::Database& database, const Clock& clock, QueueIndex::Limits limits = {});

  const wire::Service& service() const { return service_; }
  Task<events::Outcome> deliver(const events::Event& event) override;

  /// Where metrics go; before `start`.
  void set_metrics(events::MetricSink* sink) { queues_.set_metrics(sink); }
  /// Begins erasing what deleted queues left, moving tasks and expiry, on that loop.
  void start(Loop& loop);
  /// Sends away who waits for messages and ends what runs, at the latest by the deadline. Not on a loop.
  void stop(SteadyTime deadline);

  Queues& queues() { return queues_; }
  /// One round of what `start` does again and again.
  Task<void> maintain();

 private:
  using Call = wire::Call;
  using Queue = std::shared_ptr<LiveQueue>;

  // operations_queues.cc
  void register_queues();
  Task<wire::sqs::CreateQueueOutput> create_queue(Call& call, const wire::sqs::CreateQueueInput& input);
  Task<wire::sqs::DeleteQueueOutput> delete_queue(Call& call, const wire::sqs::DeleteQueueInput& input);
  Task<wire::sqs::GetQueueUrlOutput> get_queue_url(Call& call, const wire::sqs::GetQueueUrlInput& input);
  Task<wire::sqs::ListQueuesOutput> list_queues(Call& call, const wire::sqs::ListQueuesInput& input);
  Task<wire::sqs::ListDeadLetterSourceQueuesOutput> list_sources(
      Call& call, const wire::sqs::ListDeadLetterSourceQueuesInput& input);
  Task<wire::sqs::PurgeQueueOutput> purge_queue(Call& call, const wire::sqs::PurgeQueueInput& input);

  // operations_settings.cc
  void register_settings();
  Task<wire::sqs::GetQueueAttributesOutput> get_attributes(Call& call, const wire::sqs::GetQueueAttributesInput& input);
  Task<wire::sqs::SetQueueAttributesOutput> set_attributes(Call& call, const wire::sqs::SetQueueAttributesInput& input);
  Task<wire::sqs::TagQueueOutput> tag_queue(Call& call, const wire::sqs::TagQueueInput& input);
  Task<wire::sqs::UntagQueueOutput> untag_queue(Call& call, const wire::sqs::UntagQueueInput& input);
  Task<wire::sqs::ListQueueTagsOutput> list_tags(Call& call, const wire::sqs::ListQueueTagsInput& input);
  Task<wire::sqs::AddPermissionOutput> add_permission(Call& call, const wire::sqs::AddPermissionInput& input);
  Task<wire::sqs::RemovePermissionOutput> remove_permission(Call& call, const wire::sqs::RemovePermissionInput& input);
  /// Changes a queue's row in one transaction.
  Task<void> update(QueueName name, std::function<Task<void>(storage::Transaction&, QueueRow&)> change);

  // operations_send.cc
  void register_send();
  Task<wire::sqs::SendMessageOutput> send_message(Call& call, const wire::sqs::SendMessageInput& input);
  Task<wire::sqs::SendMessageBatchOutput> send_batch(Call& call, const wire::sqs::SendMessageBatchInput& input);

  // operations_receive.cc
  void register_receive();
  Task<wire::sqs::ReceiveMessageOutput> receive_message(Call& call, const wire::sqs::ReceiveMessageInput& input);
  Task<wire::sqs::DeleteMessageOutput> delete_message(Call& call, const wire::sqs::DeleteMessageInput& input);
  Task<wire::sqs::DeleteMessageBatchOutput> delete_batch(Call& call, const wire::sqs::DeleteMessageBatchInput& input);
  Task<wire::sqs::ChangeMessageVisibilityOutput> change_visibility(
      Call& call, const wire::sqs::ChangeMessageVisibilityInput& input);
  Task<wire::sqs::ChangeMessageVisibilityBatchOutput> change_visibility_batch(
      Call& call, const wire::sqs::ChangeMessageVisibilityBatchInput& input);

  // operations_move.cc
  void register_moves();
  Task<wire::sqs::StartMessageMoveTaskOutput> start_move(Call& call, const wire::sqs::StartMessageMoveTaskInput& input);
  Task<wire::sqs::CancelMessageMoveTaskOutput> cancel_move(Call& call,
                                                           const wire::sqs::CancelMessageMoveTaskInput& input);
  Task<wire::sqs::ListMessageMoveTasksOutput> list_moves(Call& call, const wire::sqs::ListMessageMoveTasksInput& input);
  Task<void> run_move(QueueName source, MoveTaskRow task);
  Task<Queue> permit_arn(const Call& call, std::string arn, std::string_view action);
  Task<Queue> move_destination(QueueName source, std::string destination, std::string came_from);
  void begin_move(QueueName source, MoveTaskRow task);
  Task<void> resume_moves();

  // sqs.cc
  void begin_round();
  void wake_maintenance();  ///< Any thread.
  Task<void> keep_live();
  Task<void> expire_all();
  Task<void> empty_trash();
  bool stopping() const { return stopping_.load(); }

  // access.cc
  /// The queue of a URL, which the caller may use so. Fails with QueueDoesNotExist or AccessDenied.
  Task<Queue> permit(const Call& call, std::string url, std::string_view action);
  Result<void> may(const Call& call, const LiveQueue& queue, std::string_view action) const;

  storage::Database& database_;
  const Clock& clock_;
  wire::Service service_;
  Queues queues_;
  Loop* loop_ = nullptr;
  std::atomic<bool> stopping_{false};
  std::atomic<std::size_t> running_{0};  ///< Tasks of ours that outlive a request.

  // Maintenance; its loop's own.
  bool maintaining_ = false;
  bool again_ = false;
  Loop::TimerId timer_ = 0;
  std::uint64_t rounds_ = 0;
};

/// http://host/ACCOUNT/NAME, http://sqs.REGION.host/ACCOUNT/NAME, http://host/queue/REGION/ACCOUNT/NAME, or only the
/// path; the call says the region that the URL does not. Nothing when it is no queue's URL.
std::optional<QueueName> parse_queue_url(const wire::Call& call, std::string_view url);
std::string queue_url(const wire::Call& call, const QueueName& name);
/// arn:aws:sqs:REGION:ACCOUNT:NAME.
std::optional<QueueName> parse_queue_arn(std::string_view arn);

}  // namespace cumulet::sqs
