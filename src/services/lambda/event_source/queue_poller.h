#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "services/lambda/event_source/poller.h"
#include "services/lambda/event_source/record_filter.h"
#include "wire/generated/sqs.h"

/// The poller of an SQS queue. Receivers take messages by long polling, gather them to batches and run the function on
/// them; what it has done is deleted, the rest comes back when its visibility timeout is over. One receiver more than
/// have work waits for messages; how many there may be grows while all of them have work, and shrinks when the function
/// fails or is throttled.
/// https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
namespace cumulet::lambda {

class QueuePoller final : public Poller, public std::enable_shared_from_this<QueuePoller> {
 public:
  QueuePoller(const PollerTools& tools, MappingRow mapping);

  Task<void> run() override;
  void stop() override;
  Deferred<bool> ready() const override { return ready_; }

 private:
  using Messages = std::vector<wire::sqs::Message>;
  /// A message with its place in the event.
  struct Item {
    Item(wire::sqs::Message m, std::string r) : message(std::move(m)), record(std::move(r)) {}
    wire::sqs::Message message;
    std::string record;
  };
  using Batch = std::vector<Item>;

  void start_receiver();
  void call_another();
  Task<void> receiver();
  /// One batch, from its first message on; false when this receiver is not needed any more.
  Task<bool> round();
  Task<Messages> receive(std::int32_t most, std::int32_t wait_seconds);
  Task<std::shared_ptr<Messages>> receive_now(std::int32_t most, std::int32_t wait_seconds);
  /// Messages until the batch is full or its window is over.
  Task<Batch> gather(Messages first);
  /// Adds those that the filter lets through; the others are deleted.
  Task<void> admit(Messages messages, Batch& batch);
  /// False when the function did not do the batch whole.
  Task<bool> process(Batch batch, SteadyTime visible_again);
  Task<std::optional<BatchReply>> invoke(const Batch& batch, SteadyTime visible_again);
  Task<void> remove(std::vector<std::string> receipts);
  Task<void> give_back(std::shared_ptr<Messages> messages);
  Task<void> read_queue();
  /// As long as the queue is not polled yet or no more.
  Task<void> pause(milliseconds time);

  std::size_t most_receivers() const;
  void all_at_work();
  void went_well();
  void went_wrong();

  const PollerTools& tools_;
  const MappingRow mapping_;
  const std::string queue_url_;
  std::string queue_account_;
  std::string queue_region_;
  RecordFilter filter_;
  std::int32_t batch_size_;
  seconds window_;
  bool reports_items_ = false;
  seconds visibility_{30};

  bool stopping_ = false;
  std::size_t receivers_ = 0;
  std::size_t waiting_ = 0;  ///< Receivers without work, or still gathering it.
  std::size_t allowed_ = 5;
  std::uint32_t failures_ = 0;  ///< Batches that failed since the last one that did not.
  SteadyTime grown_;
  std::uint64_t next_wait_ = 0;
  std::map<std::uint64_t, Deferred<std::shared_ptr<Messages>>> waits_;
  Deferred<bool> ended_;
  Deferred<bool> ready_;
};

}  // namespace cumulet::lambda
