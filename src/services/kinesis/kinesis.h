#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/loop.h"
#include "events/outbox.h"
#include "events/stream_source.h"
#include "services/kinesis/live_stream.h"
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

  /// An event on its way to a stream: its payload becomes a record, under the attribute PartitionKey.
  Task<events::Outcome> deliver(const events::Event& event) override;

  /// Begins erasing what retention and deleted streams leave behind, on that loop.
  void start(Loop& loop);
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
  /// Fails with ResourceNotFoundException.
  Task<StreamPtr> require(Transaction& txn, Address at);
  Task<StreamPtr> stream_at(Address at);  ///< In a transaction of its own.
  LiveStreamPtr live(const Stream& stream);
  double limits_of(const Stream& stream) const { return stream.on_demand ? 0 : options_.shard_limits; }

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

  // operations_records.cc
  void register_records();
  Task<wire::kinesis::PutRecordOutput> put_record(Call& call, const wire::kinesis::PutRecordInput& input);
  Task<wire::kinesis::PutRecordsOutput> put_records(Call& call, const wire::kinesis::PutRecordsInput& input);
  struct Write;
  struct WritePlan;
  /// Stores records, each in the shard that its key falls into, in their order. Those that a shard had no throughput
  /// for are left out, and marked.
  Task<void> write(Address at, std::vector<Write>& records);
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
  std::optional<Loop::TimerId> sweep_timer_;  ///< The loop's own.
};

}  // namespace cumulet::kinesis
