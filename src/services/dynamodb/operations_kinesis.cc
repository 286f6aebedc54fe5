#include "services/dynamodb/operations_kinesis.h"

#include <algorithm>
#include <utility>

#include "services/dynamodb/errors.h"
#include "wire/generated/kinesis.h"

namespace cumulet::dynamodb {
namespace {

constexpr std::size_t kMostDestinations = 10;

const char* shown_status(KinesisDestination::Status status) {
  if (status == KinesisDestination::Status::kFailed) return "ENABLE_FAILED";
  return status == KinesisDestination::Status::kActive ? "ACTIVE" : "DISABLED";
}

}  // namespace

Task<bool> KinesisOperations::reaches(wire::Call& call, const std::string& stream_arn) const {
  if (directory_ == nullptr) co_return true;
  wire::kinesis::DescribeStreamSummaryInput input;
  input.stream_arn = stream_arn;
  const auto found =
      co_await attempt(directory_->call<wire::kinesis::DescribeStreamSummary>("kinesis", call, std::move(input)));
  co_return found.ok();
}

Task<bool> KinesisOperations::change(storage::Transaction& transaction, wire::Call& call, const std::string& name,
                                     const std::string& stream_arn, Action action,
                                     const std::optional<std::string>& precision, bool reachable) {
  const TablePtr table = co_await store_.find_table(transaction, call.account(), call.region, name);
  if (!table) co_return table_not_found(name);
  Table changed = *table;
  auto found = std::find_if(changed.kinesis.begin(), changed.kinesis.end(),
                            [&](const KinesisDestination& one) { return one.stream_arn == stream_arn; });
  const bool active = found != changed.kinesis.end() && found->status == KinesisDestination::Status::kActive;
  if (action == Action::kEnable) {
    if (active) {
      co_return invalid(
          "Table is not in a valid state to enable Kinesis Streaming Destination: KinesisStreamingDestination must be "
          "DISABLED to perform ENABLE operation.");
    }
    if (table->kinesis_destination()) {
      co_return Error(errors::kLimitExceeded, "Only one Kinesis data stream can be active for a table: " + name);
    }
    if (found == changed.kinesis.end()) {
      if (changed.kinesis.size() >= kMostDestinations) changed.kinesis.erase(changed.kinesis.begin());
      found = changed.kinesis.insert(changed.kinesis.end(), KinesisDestination());
      found->stream_arn = stream_arn;
    }
    found->status = reachable ? KinesisDestination::Status::kActive : KinesisDestination::Status::kFailed;
    found->microseconds = precision == "MICROSECOND";
  } else {
    if (!active) {
      co_return invalid(
          "Table is not in a valid state to disable Kinesis Streaming Destination: KinesisStreamingDestination must be "
          "ACTIVE to perform DISABLE operation.");
    }
    if (action == Action::kDisable) found->status = KinesisDestination::Status::kDisabled;
    if (precision) found->microseconds = precision == "MICROSECOND";
  }
  store_.put_table(transaction, changed);
  co_return true;
}

Task<shapes::KinesisStreamingDestinationOutput> KinesisOperations::enable(
    wire::Call& call, shapes::KinesisStreamingDestinationInput& input) {
  const std::string name = co_await table_name_of(call, input.table_name, true);
  std::optional<std::string> precision;
  if (input.enable_kinesis_streaming_configuration) {
    precision = input.enable_kinesis_streaming_configuration->approximate_creation_date_time_precision;
  }
  const bool reachable = co_await reaches(call, input.stream_arn);
  const auto body = [&](storage::Transaction& transaction) {
    return change(transaction, call, name, input.stream_arn, Action::kEnable, precision, reachable);
  };
  co_await storage::transact(store_.database(), body);
  shapes::KinesisStreamingDestinationOutput output;
  output.table_name = name;
  output.stream_arn = input.stream_arn;
  output.destination_status = "ENABLING";
  output.enable_kinesis_streaming_configuration = input.enable_kinesis_streaming_configuration;
  co_return output;
}

Task<shapes::KinesisStreamingDestinationOutput> KinesisOperations::disable(
    wire::Call& call, shapes::KinesisStreamingDestinationInput& input) {
  const std::string name = co_await table_name_of(call, input.table_name, true);
  const auto body = [&](storage::Transaction& transaction) {
    return change(transaction, call, name, input.stream_arn, Action::kDisable, std::nullopt, true);
  };
  co_await storage::transact(store_.database(), body);
  shapes::KinesisStreamingDestinationOutput output;
  output.table_name = name;
  output.stream_arn = input.stream_arn;
  output.destination_status = "DISABLING";
  co_return output;
}

Task<shapes::DescribeKinesisStreamingDestinationOutput> KinesisOperations::describe(
    wire::Call& call, shapes::DescribeKinesisStreamingDestinationInput& input) {
  const std::string name = co_await table_name_of(call, input.table_name, true);
  const std::unique_ptr<storage::Transaction> transaction = store_.database().begin();
  const TablePtr table = co_await store_.find_any_table(*transaction, call.account(), call.region, name);
  co_await transaction->commit();
  if (!table) co_return table_not_found(name);
  shapes::DescribeKinesisStreamingDestinationOutput output;
  output.table_name = name;
  output.kinesis_data_stream_destinations.emplace();
  for (const KinesisDestination& one : table->kinesis) {
    shapes::KinesisDataStreamDestination& shown = output.kinesis_data_stream_destinations->emplace_back();
    shown.stream_arn = one.stream_arn;
    shown.destination_status = shown_status(one.status);
    if (one.status == KinesisDestination::Status::kFailed) {
      shown.destination_status_description = "User does not have a permission to use kinesis stream";
    }
    shown.approximate_creation_date_time_precision = one.microseconds ? "MICROSECOND" : "MILLISECOND";
  }
  co_return output;
}

Task<shapes::UpdateKinesisStreamingDestinationOutput> KinesisOperations::update(
    wire::Call& call, shapes::UpdateKinesisStreamingDestinationInput& input) {
  const std::string name = co_await table_name_of(call, input.table_name, true);
  if (!input.update_kinesis_streaming_configuration ||
      !input.update_kinesis_streaming_configuration->approximate_creation_date_time_precision) {
    co_return invalid("UpdateKinesisStreamingConfiguration must not be null");
  }
  const auto body = [&](storage::Transaction& transaction) {
    return change(transaction, call, name, input.stream_arn, Action::kUpdate,
                  input.update_kinesis_streaming_configuration->approximate_creation_date_time_precision, true);
  };
  co_await storage::transact(store_.database(), body);
  shapes::UpdateKinesisStreamingDestinationOutput output;
  output.table_name = name;
  output.stream_arn = input.stream_arn;
  output.destination_status = "UPDATING";
  output.update_kinesis_streaming_configuration = input.update_kinesis_streaming_configuration;
  co_return output;
}

}  // namespace cumulet::dynamodb
