#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/loop.h"
#include "events/function_invoker.h"
#include "events/outbox.h"
#include "events/stream_source.h"
#include "services/firehose/buffer.h"
#include "services/firehose/destination.h"
#include "services/firehose/store.h"
#include "services/firehose/transform.h"
#include "storage/database.h"
#include "wire/directory.h"
#include "wire/generated/firehose.h"
#include "wire/service.h"

namespace cumulet::firehose {

/// Amazon Data Firehose: gathers records and puts them into S3, by size and by time.
/// https://docs.aws.amazon.com/firehose/latest/APIReference/
class Firehose final : public events::Target {
 public:
  /// `streams` are the Kinesis streams that can be a source.
  Firehose(storage::Database& database, const Clock& clock, const wire::Directory& directory,
           events::StreamSource& streams);

  /// What runs the functions that transform records. Before `start`.
  void use_functions(events::FunctionInvoker& functions) { functions_ = &functions; }

  const wire::Service& service() const { return service_; }

  /// An event on its way to a delivery stream: its payload becomes a record.
  Task<events::Outcome> deliver(const events::Event& event) override;

  /// Begins delivering on that loop, first what an earlier run left.
  void start(Loop& loop);
  /// Deliveries under way end until the deadline; what is buffered stays for the next start. Not on a loop.
  void stop(SteadyTime deadline);

 private:
  using Call = wire::Call;
  using Transaction = storage::Transaction;
  using BufferPtr = std::shared_ptr<Buffer>;

  // operations_streams.cc
  void register_streams();
  Task<wire::firehose::CreateDeliveryStreamOutput> create(Call& call,
                                                          const wire::firehose::CreateDeliveryStreamInput& input);
  Task<wire::firehose::DeleteDeliveryStreamOutput> erase(Call& call,
                                                         const wire::firehose::DeleteDeliveryStreamInput& input);
  Task<wire::firehose::DescribeDeliveryStreamOutput> describe(Call& call,
                                                              const wire::firehose::DescribeDeliveryStreamInput& input);
  Task<wire::firehose::ListDeliveryStreamsOutput> list(Call& call,
                                                       const wire::firehose::ListDeliveryStreamsInput& input);
  Task<wire::firehose::UpdateDestinationOutput> update_destination(Call& call,
                                                                   const wire::firehose::UpdateDestinationInput& input);
  Task<wire::firehose::TagDeliveryStreamOutput> tag(Call& call, const wire::firehose::TagDeliveryStreamInput& input);
  Task<wire::firehose::UntagDeliveryStreamOutput> untag(Call& call,
                                                        const wire::firehose::UntagDeliveryStreamInput& input);
  Task<wire::firehose::ListTagsForDeliveryStreamOutput> list_tags(
      Call& call, const wire::firehose::ListTagsForDeliveryStreamInput& input);
  /// Fails with ResourceNotFoundException.
  static Task<DeliveryStream> require(Transaction& txn, std::string account, std::string region, std::string name);

  // operations_records.cc
  void register_records();
  Task<wire::firehose::PutRecordOutput> put_record(Call& call, const wire::firehose::PutRecordInput& input);
  Task<wire::firehose::PutRecordBatchOutput> put_record_batch(Call& call,
                                                              const wire::firehose::PutRecordBatchInput& input);
  Task<void> buffer(std::string account, std::string region, std::string name, std::vector<std::string_view> records);
  BufferPtr buffer_of(const DeliveryStream& stream);

  // pump.cc
  void begin_pump(const DeliveryStream& stream);
  Task<void> pump_all();
  Task<void> pump(std::string account, std::string region, std::string name, std::string id);
  /// Waits a while, unless it is time to stop.
  Task<void> pause();
  /// When to look again.
  struct Again {
    SteadyTime at;
    std::size_t bytes = 0;  ///< Or when the buffer has so much.
  };
  /// One look: takes from the source, and delivers what is due.
  Task<Again> look(const DeliveryStream& stream, BufferPtr buffer);
  /// Moves what the source has into the buffer.
  Task<void> take(const DeliveryStream& stream, BufferPtr buffer, std::size_t room);
  Task<void> deliver(const DeliveryStream& stream, BufferPtr buffer, const Destination& destination);
  Task<Delivery> decide(const DeliveryStream& stream, BufferPtr buffer, const Destination& destination);
  Task<void> put_object(const DeliveryStream& stream, std::string bucket, std::string key,
                        std::shared_ptr<BodySource> body);
  bool stopping();

  // processing.cc
  /// What the function made of records: the content of the object, and lines about those that failed.
  struct Processed {
    Processed() = default;
    std::string content;
    std::string failures;
  };
  static constexpr std::chrono::milliseconds kRetryFunctionAfter{500};
  Task<Processed> process(const DeliveryStream& stream, BufferPtr buffer, Position end, Processor processor);
  Task<void> process_batch(const DeliveryStream& stream, Processor processor,
                           const std::vector<BufferedRecord>& records, Processed& out);
  Task<events::FunctionReply> call_function(const DeliveryStream& stream, Processor processor, std::string payload,
                                            std::optional<FailedAttempt>& failure);

  storage::Database& database_;
  const Clock& clock_;
  const wire::Directory& directory_;
  events::StreamSource& streams_;
  events::FunctionInvoker* functions_ = nullptr;
  wire::Service service_;

  std::mutex mutex_;
  std::condition_variable quiet_;
  std::map<std::string, BufferPtr> buffers_;  ///< By the stream's id.
  std::size_t pumps_ = 0;
  bool stopping_ = false;
  Loop* loop_ = nullptr;
};

}  // namespace cumulet::firehose
