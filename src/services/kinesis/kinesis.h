#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/loop.h"
#include "events/metric_sink.h"
#include "events/outbox.h"
#include "events/stream_source.h"
#include "services/kinesis/live_stream.h"
#include "services/kinesis/scaling.h"
#include "services/kinesis/store.h"
#include "storage/database.h"
#include "wire/generated/kinesis.h"
#include "wire/service.h"

namespace cumulet::kinesis {

struct Start;
struct Piece;

struct Options {
  /// Times the documented limits of a shard (1 MiB and 1,000 records a second in, 2 MiB and 5 calls out); 0: none.
  double shard_limits = 1;
  events::MetricSink* metrics = nullptr;  ///< Gets what AWS/Kinesis shows; may be missing.
};

/// Kinesis Data Streams. https://docs.aws.amazon.com/kinesis/latest/APIReference/
class Kinesis final : public events::StreamSource, public events::Target {
 public:
  Kinesis(storage::Database& database, const Clock& clock, Options options);

  const wire::Service& service() const { return service_; }

  // For event source mappings. They are not held to the limits of readers.
  Task<std::vector<events::StreamShard>> shards(std::string stream_arn) override;
  Task<events::StreamBatch> read(std::string stream_arn, std::string shard, events::StreamPosition from,
                                 std::size_t limit, std::size_t bytes) override;
  Task<void> wait(std::string stream_arn, std::string shard, events::StreamPosition from, SteadyTime deadline) override;

  /// An event on its way to a stream: its payload becomes a record, under the parameter @PartitionKey.
  Task<events::Outcome> deliver(const events::Event& event) override;

  /// Begins erasing what retention and deleted streams leave behind, and scaling on-demand streams, on that loop.
  void start(Loop& loop);
  void clock_moved() { wake_sweep(); }  ///< Any thread.
  /// What `start` does from time to time.
  Task<void> sweep();

 private:
  using Call = wire::Call;
  using Transaction = storage::Transaction;
  using LiveStreamPtr = std::shared_ptr<LiveStream>;

  /// Which stream.
  struct Address {
    Address(std::string a, std::string r, std::string n)
        : account(std::move(a)), region(std::move(r)), name(std::move(n)) {}
    std::string account;
    std::string region;
    std::string name;
  };
  static std::optional<Address> address_of(const std::string& arn);
  static Result<Address> address(const Call& call, const std::optional<std::string>& name,
                                 const std::optional<std::string>& arn);
  /// Observes one of the metrics of AWS/Kinesis.
  void observe(const Address& stream, std::string name, double value, std::string unit = "Count");
  /// Fails with ResourceNotFoundException.
  Task<StreamPtr> require(Transaction& txn, Address at);
  Task<StreamPtr> stream_at(Address at);  ///< In a transaction of its own.
  LiveStreamPtr live(const Stream& stream);

  // operations_streams.cc
  void register_streams();
  Task<wire::kinesis::CreateStreamOutput> create_stream(Call& call, const wire::kinesis::CreateStreamInput& input);
  Task<wire::kinesis::DeleteStreamOutput> delete_stream(Call& call, const wire::kinesis::DeleteStreamInput& input);
  Task<wire::kinesis::DescribeStreamOutput> describe_stream(Call& call,
                                                            const wire::kinesis::DescribeStreamInput& input);
  Task<wire::kinesis::DescribeStreamSummaryOutput> describe_stream_summary(
      Call& call, const wire::kinesis::DescribeStreamSummaryInput& input);
  Task<wire::kinesis::ListStreamsOutput> list_streams(Call& call, const wire::kinesis::ListStreamsInput& input);
  Task<wire::kinesis::ListShardsOutput> list_shards(Call& call, const wire::kinesis::ListShardsInput& input);
  Task<wire::kinesis::DescribeLimitsOutput> describe_limits(Call& call,
                                                            const wire::kinesis::DescribeLimitsInput& input);
  /// What an account has in a region.
  struct Usage {
    std::uint32_t open_shards = 0;
    std::uint32_t on_demand_streams = 0;
  };
  Task<Usage> usage(Transaction& txn, std::string account, std::string region);
  /// Fails when `more` open shards would be beyond the account's limit.
  Task<void> require_room(Transaction& txn, const Call& call, std::uint32_t more);
  /// Fails when the account has as many on-demand streams as it may have.
  Task<void> require_on_demand(Transaction& txn, const Call& call);

  // operations_records.cc
  void register_records();
  Task<wire::kinesis::PutRecordOutput> put_record(Call& call, const wire::kinesis::PutRecordInput& input);
  Task<wire::kinesis::PutRecordsOutput> put_records(Call& call, const wire::kinesis::PutRecordsInput& input);
  struct Write;
  struct WritePlan;
  /// Stores records, each in the shard that its key falls into, in their order. Those that a shard had no throughput
  /// for are left out, and marked.
  Task<void> write(Address at, std::vector<Write>& records);
  void observe_written(const Address& at, const std::vector<Write>& records);
  void count_written(LiveStream& live, const Address& at, const std::vector<Write>& records);
  Task<WritePlan> plan(Transaction& txn, const Address& at, std::vector<Write>& records);

  // operations_reading.cc
  void register_reading();
  Task<wire::kinesis::GetShardIteratorOutput> get_shard_iterator(Call& call,
                                                                 const wire::kinesis::GetShardIteratorInput& input);
  Task<wire::kinesis::GetRecordsOutput> get_records(Call& call, const wire::kinesis::GetRecordsInput& input);
  /// The position at which an iterator of a type begins.
  Task<Position> position_of(StreamPtr stream, const Shard& shard, const Start& start);
  /// Reads on from a position, if the stream is still the one of that id.
  Task<Piece> read_piece(Address at, std::string id, std::uint32_t shard, Position from, std::size_t limit,
                         std::size_t bytes);

  // operations_resharding.cc
  void register_resharding();
  Task<wire::kinesis::SplitShardOutput> split_shard(Call& call, const wire::kinesis::SplitShardInput& input);
  Task<wire::kinesis::MergeShardsOutput> merge_shards(Call& call, const wire::kinesis::MergeShardsInput& input);
  Task<wire::kinesis::UpdateShardCountOutput> update_shard_count(Call& call,
                                                                 const wire::kinesis::UpdateShardCountInput& input);
  /// Reads the stream into `current`, and says what is to change.
  using PlanResharding = std::function<Task<Resharding>(Transaction& txn, Stream& current)>;
  Task<void> reshard(PlanResharding plan);

  // scale.cc
  void scale_soon(Address at);
  Task<void> scale(Address at);
  Resharding scaling(const Stream& stream, const StreamLoad& load, Timestamp now) const;

  // operations_settings.cc
  void register_settings();
  Task<Stream> change(Address at, std::function<Result<void>(Stream&)> edit);
  Task<wire::kinesis::IncreaseStreamRetentionPeriodOutput> increase_retention(
      Call& call, const wire::kinesis::IncreaseStreamRetentionPeriodInput& input);
  Task<wire::kinesis::DecreaseStreamRetentionPeriodOutput> decrease_retention(
      Call& call, const wire::kinesis::DecreaseStreamRetentionPeriodInput& input);
  Task<wire::kinesis::UpdateStreamModeOutput> update_stream_mode(Call& call,
                                                                 const wire::kinesis::UpdateStreamModeInput& input);
  Task<wire::kinesis::UpdateMaxRecordSizeOutput> update_max_record_size(
      Call& call, const wire::kinesis::UpdateMaxRecordSizeInput& input);
  Task<wire::kinesis::EnhancedMonitoringOutput> monitor(Address at, std::vector<std::string> names, bool enable);
  Task<wire::kinesis::EnhancedMonitoringOutput> enable_monitoring(
      Call& call, const wire::kinesis::EnableEnhancedMonitoringInput& input);
  Task<wire::kinesis::EnhancedMonitoringOutput> disable_monitoring(
      Call& call, const wire::kinesis::DisableEnhancedMonitoringInput& input);

  // operations_tags.cc
  void register_tags();
  using Tags = std::map<std::string, std::string>;
  /// A stream, or one of its consumers.
  struct Resource {
    Resource(Address s, std::string c) : stream(std::move(s)), consumer(std::move(c)) {}
    Address stream;
    std::string consumer;  ///< Its name; empty for the stream itself.
  };
  static Result<Resource> resource_of(const Call& call, const std::string& arn);
  /// Edits the tags and gives them.
  Task<Tags> retag(Resource of, std::function<Result<void>(Tags&)> edit);
  Task<Tags> tags_of(Resource of);
  Task<wire::kinesis::AddTagsToStreamOutput> add_tags_to_stream(Call& call,
                                                                const wire::kinesis::AddTagsToStreamInput& input);
  Task<wire::kinesis::RemoveTagsFromStreamOutput> remove_tags_from_stream(
      Call& call, const wire::kinesis::RemoveTagsFromStreamInput& input);
  Task<wire::kinesis::ListTagsForStreamOutput> list_tags_for_stream(Call& call,
                                                                    const wire::kinesis::ListTagsForStreamInput& input);
  Task<wire::kinesis::TagResourceOutput> tag_resource(Call& call, const wire::kinesis::TagResourceInput& input);
  Task<wire::kinesis::UntagResourceOutput> untag_resource(Call& call, const wire::kinesis::UntagResourceInput& input);
  Task<wire::kinesis::ListTagsForResourceOutput> list_tags_for_resource(
      Call& call, const wire::kinesis::ListTagsForResourceInput& input);
  /// A resource's policy; sets it first when one is given.
  Task<std::string> policy(Resource of, std::optional<std::string> set);
  Task<wire::kinesis::PutResourcePolicyOutput> put_resource_policy(Call& call,
                                                                   const wire::kinesis::PutResourcePolicyInput& input);
  Task<wire::kinesis::GetResourcePolicyOutput> get_resource_policy(Call& call,
                                                                   const wire::kinesis::GetResourcePolicyInput& input);
  Task<wire::kinesis::DeleteResourcePolicyOutput> delete_resource_policy(
      Call& call, const wire::kinesis::DeleteResourcePolicyInput& input);

  // operations_consumers.cc
  void register_consumers();
  Task<Consumer> require_consumer(Transaction& txn, StreamPtr stream, std::string name);
  static Result<Resource> consumer_of(const Call& call, const std::optional<std::string>& consumer_arn,
                                      const std::optional<std::string>& stream_arn,
                                      const std::optional<std::string>& name);
  Task<wire::kinesis::RegisterStreamConsumerOutput> register_consumer(
      Call& call, const wire::kinesis::RegisterStreamConsumerInput& input);
  Task<wire::kinesis::DeregisterStreamConsumerOutput> deregister_consumer(
      Call& call, const wire::kinesis::DeregisterStreamConsumerInput& input);
  Task<wire::kinesis::DescribeStreamConsumerOutput> describe_consumer(
      Call& call, const wire::kinesis::DescribeStreamConsumerInput& input);
  Task<wire::kinesis::ListStreamConsumersOutput> list_consumers(Call& call,
                                                                const wire::kinesis::ListStreamConsumersInput& input);

  // subscription.cc
  struct Subscription;
  class SubscriptionBody;
  Task<wire::kinesis::SubscribeToShardOutput> subscribe_to_shard(Call& call,
                                                                 const wire::kinesis::SubscribeToShardInput& input);

  // sweep.cc
  void wake_sweep();
  void begin_sweep();
  Task<void> erase_deleted();
  Task<void> trim(Address at);

  storage::Database& database_;
  const Clock& clock_;
  const Options options_;
  wire::Service service_;
  Store store_;

  std::mutex mutex_;
  std::unordered_map<std::string, LiveStreamPtr> live_;  ///< By the stream's id.
  Loop* loop_ = nullptr;
  bool sweeping_ = false;
  bool sweep_again_ = false;
  std::map<std::string, std::shared_ptr<Subscription>> subscriptions_;  ///< By consumer and shard.
  std::optional<Loop::TimerId> sweep_timer_;                            ///< The loop's own.
};

}  // namespace cumulet::kinesis
