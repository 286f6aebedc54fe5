#include <algorithm>

#include "base/ids.h"
#include "services/firehose/destination.h"
#include "services/firehose/firehose.h"

namespace cumulet::firehose {

namespace api = wire::firehose;

namespace {

constexpr std::size_t kStreamLimit = 5000;
constexpr std::size_t kTagLimit = 50;

Error not_found(const std::string& account, const std::string& name) {
  return Error(api::errors::kResourceNotFoundException,
               "Firehose " + name + " under account " + account + " not found.");
}

Result<void> add_tags(std::map<std::string, std::string>& onto, const std::vector<api::Tag>& tags) {
  for (const api::Tag& tag : tags) onto[tag.key] = tag.value.value_or("");
  if (onto.size() > kTagLimit) {
    return Error(api::errors::kLimitExceededException, "A delivery stream can have at most 50 tags.");
  }
  return {};
}

}  // namespace

void Firehose::register_streams() {
  service_.on<api::CreateDeliveryStream>([this](Call& c, const auto& in) { return create(c, in); });
  service_.on<api::DeleteDeliveryStream>([this](Call& c, const auto& in) { return erase(c, in); });
  service_.on<api::DescribeDeliveryStream>([this](Call& c, const auto& in) { return describe(c, in); });
  service_.on<api::ListDeliveryStreams>([this](Call& c, const auto& in) { return list(c, in); });
  service_.on<api::UpdateDestination>([this](Call& c, const auto& in) { return update_destination(c, in); });
  service_.on<api::TagDeliveryStream>([this](Call& c, const auto& in) { return tag(c, in); });
  service_.on<api::UntagDeliveryStream>([this](Call& c, const auto& in) { return untag(c, in); });
  service_.on<api::ListTagsForDeliveryStream>([this](Call& c, const auto& in) { return list_tags(c, in); });
}

Task<DeliveryStream> Firehose::require(Transaction& txn, std::string account, std::string region, std::string name) {
  std::optional<DeliveryStream> stream = co_await Store::find(txn, account, region, name);
  if (!stream) co_await fail(not_found(account, name));
  co_return std::move(*stream);
}

Task<api::CreateDeliveryStreamOutput> Firehose::create(Call& call, const api::CreateDeliveryStreamInput& input) {
  const std::string type = input.delivery_stream_type.value_or("DirectPut");
  const bool from_stream = type == "KinesisStreamAsSource";
  if (type != "DirectPut" && !from_stream) {
    co_await fail(invalid("DeliveryStreamType " + type + " is not supported by this server."));
  }
  if (from_stream != input.kinesis_stream_source_configuration.has_value()) {
    co_await fail(invalid(from_stream ? "KinesisStreamSourceConfiguration must be specified for KinesisStreamAsSource."
                                      : "KinesisStreamSourceConfiguration is only for KinesisStreamAsSource."));
  }
  if (input.delivery_stream_encryption_configuration_input) {
    co_await fail(invalid("DeliveryStreamEncryptionConfigurationInput is not supported by this server."));
  }
  DeliveryStream stream;
  const Destination destination = co_await destination_from(input);
  stream.account = call.account();
  stream.region = call.region;
  stream.name = input.delivery_stream_name;
  stream.id = random_id(20);
  stream.created = clock_.now();
  stream.updated = stream.created;
  stream.destination = destination_document(destination);
  if (from_stream) {
    stream.source_stream = input.kinesis_stream_source_configuration->kinesis_stream_arn;
    stream.source_role = input.kinesis_stream_source_configuration->role_arn;
    const Result<std::vector<events::StreamShard>> shards = co_await attempt(streams_.shards(stream.source_stream));
    if (!shards.ok()) co_await fail(invalid("KinesisStreamARN: " + shards.error().message()));
  }
  if (input.tags) co_await add_tags(stream.tags, *input.tags);
  const auto put = [&](Transaction& txn) -> Task<void> {
    if (co_await Store::find(txn, stream.account, stream.region, stream.name)) {
      co_await fail(api::errors::kResourceInUseException,
                    "Firehose " + stream.name + " under accountId " + stream.account + " already exists");
    }
    const std::vector<DeliveryStream> all = co_await Store::list(txn, stream.account, stream.region, "", kStreamLimit);
    if (all.size() >= kStreamLimit) {
      co_await fail(api::errors::kLimitExceededException, "You have reached the limit of delivery streams.");
    }
    Store::put(txn, stream);
  };
  co_await storage::transact(database_, put);
  begin_pump(stream);
  api::CreateDeliveryStreamOutput output;
  output.delivery_stream_arn = stream.arn();
  co_return output;
}

Task<api::DeleteDeliveryStreamOutput> Firehose::erase(Call& call, const api::DeleteDeliveryStreamInput& input) {
  const auto remove = [&](Transaction& txn) -> Task<DeliveryStream> {
    const DeliveryStream stream = co_await require(txn, call.account(), call.region, input.delivery_stream_name);
    co_await Store::erase(txn, stream);
    co_return stream;
  };
  const DeliveryStream stream = co_await storage::transact(database_, remove);
  buffer_of(stream)->wake();
  co_return api::DeleteDeliveryStreamOutput();
}

Task<api::DescribeDeliveryStreamOutput> Firehose::describe(Call& call, const api::DescribeDeliveryStreamInput& input) {
  const auto read = [&](Transaction& txn) {
    return require(txn, call.account(), call.region, input.delivery_stream_name);
  };
  const DeliveryStream stream = co_await storage::transact(database_, read);
  const Destination destination = co_await parse_destination(stream.destination);
  api::DescribeDeliveryStreamOutput output;
  api::DeliveryStreamDescription& out = output.delivery_stream_description;
  out.delivery_stream_name = stream.name;
  out.delivery_stream_arn = stream.arn();
  out.delivery_stream_status = "ACTIVE";
  out.delivery_stream_type = stream.source_stream.empty() ? "DirectPut" : "KinesisStreamAsSource";
  out.version_id = std::to_string(stream.version);
  out.create_timestamp = stream.created;
  if (stream.updated != stream.created) out.last_update_timestamp = stream.updated;
  if (!stream.source_stream.empty()) {
    api::KinesisStreamSourceDescription& source = out.source.emplace().kinesis_stream_source_description.emplace();
    source.kinesis_stream_arn = stream.source_stream;
    source.role_arn = stream.source_role;
    source.delivery_start_timestamp = stream.created;
  }
  out.destinations.push_back(shown_destination(destination));
  co_return output;
}

Task<api::ListDeliveryStreamsOutput> Firehose::list(Call& call, const api::ListDeliveryStreamsInput& input) {
  const auto limit = static_cast<std::size_t>(input.limit.value_or(10));
  const std::string after = input.exclusive_start_delivery_stream_name.value_or("");
  const auto read = [&](Transaction& txn) {
    return Store::list(txn, call.account(), call.region, after, kStreamLimit);
  };
  const std::vector<DeliveryStream> streams = co_await storage::transact(database_, read);
  api::ListDeliveryStreamsOutput output;
  for (const DeliveryStream& stream : streams) {
    const std::string type = stream.source_stream.empty() ? "DirectPut" : "KinesisStreamAsSource";
    if (input.delivery_stream_type && *input.delivery_stream_type != type) continue;
    if (output.delivery_stream_names.size() == limit) {
      output.has_more_delivery_streams = true;
      break;
    }
    output.delivery_stream_names.push_back(stream.name);
  }
  co_return output;
}

Task<api::UpdateDestinationOutput> Firehose::update_destination(Call& call, const api::UpdateDestinationInput& input) {
  const auto update = [&](Transaction& txn) -> Task<DeliveryStream> {
    DeliveryStream stream = co_await require(txn, call.account(), call.region, input.delivery_stream_name);
    if (input.current_delivery_stream_version_id != std::to_string(stream.version)) {
      co_await fail(api::errors::kConcurrentModificationException,
                    "Cannot update firehose: " + stream.name +
                        " since the current version id: " + std::to_string(stream.version) +
                        " and specified version id: " + input.current_delivery_stream_version_id + " do not match");
    }
    Destination current = co_await parse_destination(stream.destination);
    const Destination changed = co_await changed_destination(std::move(current), input);
    stream.destination = destination_document(changed);
    stream.updated = clock_.now();
    ++stream.version;
    Store::put(txn, stream);
    co_return stream;
  };
  const DeliveryStream stream = co_await storage::transact(database_, update);
  buffer_of(stream)->wake();
  co_return api::UpdateDestinationOutput();
}

Task<api::TagDeliveryStreamOutput> Firehose::tag(Call& call, const api::TagDeliveryStreamInput& input) {
  const auto change = [&](Transaction& txn) -> Task<void> {
    DeliveryStream stream = co_await require(txn, call.account(), call.region, input.delivery_stream_name);
    co_await add_tags(stream.tags, input.tags);
    Store::put(txn, stream);
  };
  co_await storage::transact(database_, change);
  co_return api::TagDeliveryStreamOutput();
}

Task<api::UntagDeliveryStreamOutput> Firehose::untag(Call& call, const api::UntagDeliveryStreamInput& input) {
  const auto change = [&](Transaction& txn) -> Task<void> {
    DeliveryStream stream = co_await require(txn, call.account(), call.region, input.delivery_stream_name);
    for (const std::string& key : input.tag_keys) stream.tags.erase(key);
    Store::put(txn, stream);
  };
  co_await storage::transact(database_, change);
  co_return api::UntagDeliveryStreamOutput();
}

Task<api::ListTagsForDeliveryStreamOutput> Firehose::list_tags(Call& call,
                                                               const api::ListTagsForDeliveryStreamInput& input) {
  const auto read = [&](Transaction& txn) {
    return require(txn, call.account(), call.region, input.delivery_stream_name);
  };
  const DeliveryStream stream = co_await storage::transact(database_, read);
  const auto limit = static_cast<std::size_t>(input.limit.value_or(50));
  api::ListTagsForDeliveryStreamOutput output;
  for (const auto& [key, value] : stream.tags) {
    if (input.exclusive_start_tag_key && key <= *input.exclusive_start_tag_key) continue;
    if (output.tags.size() == limit) {
      output.has_more_tags = true;
      break;
    }
    api::Tag& tag = output.tags.emplace_back();
    tag.key = key;
    tag.value = value;
  }
  co_return output;
}

}  // namespace cumulet::firehose
