#include <algorithm>

#include "base/text.h"
#include "services/kinesis/errors.h"
#include "services/kinesis/kinesis.h"
#include "wire/arn.h"

/// Registered consumers: who may subscribe to shards.
namespace cumulet::kinesis {

namespace api = wire::kinesis;

namespace {

constexpr std::size_t kConsumerLimit = 20;

Error no_such_consumer(const Stream& stream, const std::string& name) {
  return Error(api::errors::kResourceNotFoundException, "Consumer " + name + ", for stream " + stream.arn() +
                                                            " under account " + stream.account + " not found.");
}

template <typename Shown>
Shown shown(const Consumer& consumer) {
  Shown out;
  out.consumer_name = consumer.name;
  out.consumer_arn = consumer.arn;
  out.consumer_status = "ACTIVE";
  out.consumer_creation_timestamp = std::chrono::floor<std::chrono::seconds>(consumer.created);
  return out;
}

}  // namespace

Task<Consumer> Kinesis::require_consumer(Transaction& txn, StreamPtr stream, std::string name) {
  std::optional<Consumer> consumer = co_await store_.find_consumer(txn, stream->id, name);
  if (!consumer) co_await fail(no_such_consumer(*stream, name));
  co_return std::move(*consumer);
}

Result<Kinesis::Resource> Kinesis::consumer_of(const Call& call, const std::optional<std::string>& consumer_arn,
                                               const std::optional<std::string>& stream_arn,
                                               const std::optional<std::string>& name) {
  if (consumer_arn) {
    Result<Resource> resource = resource_of(call, *consumer_arn);
    if (resource.ok() && resource->consumer.empty()) {
      return invalid_argument("ConsumerARN " + *consumer_arn + " is not the ARN of a consumer.");
    }
    return resource;
  }
  if (!stream_arn || !name) {
    return invalid_argument("Either ConsumerARN, or both StreamARN and ConsumerName must be provided.");
  }
  const Result<Address> at = address(call, std::nullopt, stream_arn);
  if (!at.ok()) return at.error();
  return Resource(*at, *name);
}

void Kinesis::register_consumers() {
  service_.on<api::SubscribeToShard>([this](Call& c, const auto& in) { return subscribe_to_shard(c, in); });
  service_.on<api::RegisterStreamConsumer>([this](Call& c, const auto& in) { return register_consumer(c, in); });
  service_.on<api::DeregisterStreamConsumer>([this](Call& c, const auto& in) { return deregister_consumer(c, in); });
  service_.on<api::DescribeStreamConsumer>([this](Call& c, const auto& in) { return describe_consumer(c, in); });
  service_.on<api::ListStreamConsumers>([this](Call& c, const auto& in) { return list_consumers(c, in); });
}

Task<api::RegisterStreamConsumerOutput> Kinesis::register_consumer(Call& call,
                                                                   const api::RegisterStreamConsumerInput& input) {
  const Address at = co_await address(call, std::nullopt, input.stream_arn);
  Consumer consumer;
  consumer.name = input.consumer_name;
  consumer.created = clock_.now();
  consumer.arn = wire::make_arn("kinesis", at.region, at.account,
                                "stream/" + at.name + "/consumer/" + consumer.name + ":" +
                                    std::to_string(consumer.created.time_since_epoch() / std::chrono::seconds(1)));
  if (input.tags) consumer.tags = *input.tags;
  const auto add = [&](Transaction& txn) -> Task<void> {
    const StreamPtr stream = co_await require(txn, at);
    if (co_await store_.find_consumer(txn, stream->id, consumer.name)) {
      co_await fail(api::errors::kResourceInUseException, "Consumer " + consumer.name + " already exists for stream " +
                                                              stream->arn() + " under account " + stream->account +
                                                              ".");
    }
    const std::vector<Consumer> all = co_await store_.list_consumers(txn, stream->id, "", kConsumerLimit);
    if (all.size() >= kConsumerLimit) {
      co_await fail(api::errors::kLimitExceededException,
                    "You have already registered the maximum number of consumers for stream " + stream->arn() + ".");
    }
    store_.put_consumer(txn, stream->id, consumer);
  };
  co_await storage::transact(database_, add);
  api::RegisterStreamConsumerOutput output;
  output.consumer = shown<api::Consumer>(consumer);
  output.consumer.consumer_status = "CREATING";
  co_return output;
}

Task<api::DeregisterStreamConsumerOutput> Kinesis::deregister_consumer(
    Call& call, const api::DeregisterStreamConsumerInput& input) {
  const Resource of = co_await consumer_of(call, input.consumer_arn, input.stream_arn, input.consumer_name);
  const auto erase = [&](Transaction& txn) -> Task<StreamPtr> {
    StreamPtr stream = co_await require(txn, of.stream);
    const Consumer consumer = co_await require_consumer(txn, stream, of.consumer);
    store_.erase_consumer(txn, stream->id, consumer);
    co_return stream;
  };
  const StreamPtr stream = co_await storage::transact(database_, erase);
  live(*stream)->changed();
  co_return api::DeregisterStreamConsumerOutput();
}

Task<api::DescribeStreamConsumerOutput> Kinesis::describe_consumer(Call& call,
                                                                   const api::DescribeStreamConsumerInput& input) {
  const Resource of = co_await consumer_of(call, input.consumer_arn, input.stream_arn, input.consumer_name);
  StreamPtr stream;
  const auto read = [&](Transaction& txn) -> Task<Consumer> {
    stream = co_await require(txn, of.stream);
    co_return co_await require_consumer(txn, stream, of.consumer);
  };
  const Consumer consumer = co_await storage::transact(database_, read);
  api::DescribeStreamConsumerOutput output;
  output.consumer_description = shown<api::ConsumerDescription>(consumer);
  output.consumer_description.stream_arn = stream->arn();
  co_return output;
}

Task<api::ListStreamConsumersOutput> Kinesis::list_consumers(Call& call, const api::ListStreamConsumersInput& input) {
  const Address at = co_await address(call, std::nullopt, input.stream_arn);
  std::string after;
  if (input.next_token) {
    const std::optional<std::string> token = base64_decode(*input.next_token);
    if (!token) co_await fail(invalid_argument("NextToken is invalid."));
    after = *token;
  }
  const std::size_t limit = std::min<std::size_t>(100, input.max_results.value_or(100));
  const auto read = [&](Transaction& txn) -> Task<std::vector<Consumer>> {
    const StreamPtr stream = co_await require(txn, at);
    co_return co_await store_.list_consumers(txn, stream->id, after, limit + 1);
  };
  std::vector<Consumer> consumers = co_await storage::transact(database_, read);
  api::ListStreamConsumersOutput output;
  if (consumers.size() > limit) {
    consumers.resize(limit);
    output.next_token = base64_encode(consumers.back().name);
  }
  output.consumers.emplace();
  for (const Consumer& consumer : consumers) output.consumers->push_back(shown<api::Consumer>(consumer));
  co_return output;
}

}  // namespace cumulet::kinesis
