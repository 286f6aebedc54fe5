#include "base/ids.h"
#include "services/firehose/firehose.h"
#include "wire/arn.h"

namespace cumulet::firehose {

namespace api = wire::firehose;

namespace {

constexpr std::size_t kBatchBytes = 4u << 20;
/// What may wait for a destination that cannot be reached.
constexpr std::size_t kBufferLimit = 256u << 20;

}  // namespace

void Firehose::register_records() {
  service_.on<api::PutRecord>([this](Call& c, const auto& in) { return put_record(c, in); });
  service_.on<api::PutRecordBatch>([this](Call& c, const auto& in) { return put_record_batch(c, in); });
}

Task<void> Firehose::buffer(std::string account, std::string region, std::string name,
                            std::vector<std::string_view> records) {
  const auto read = [&](Transaction& txn) { return require(txn, account, region, name); };
  const DeliveryStream stream = co_await storage::transact(database_, read);
  if (!stream.source_stream.empty()) {
    co_await fail(api::errors::kInvalidArgumentException,
                  "This operation is not permitted on KinesisStreamAsSource delivery stream type.");
  }
  const BufferPtr buffer = buffer_of(stream);
  co_await buffer->open();
  if (buffer->level().bytes > kBufferLimit) co_await fail(api::errors::kServiceUnavailableException, "Slow down.");
  co_await buffer->append(std::move(records), nullptr);
}

Task<api::PutRecordOutput> Firehose::put_record(Call& call, const api::PutRecordInput& input) {
  std::vector<std::string_view> records(1, input.record.data);
  co_await buffer(call.account(), call.region, input.delivery_stream_name, std::move(records));
  api::PutRecordOutput output;
  output.record_id = uuid();
  output.encrypted = false;
  co_return output;
}

Task<api::PutRecordBatchOutput> Firehose::put_record_batch(Call& call, const api::PutRecordBatchInput& input) {
  std::vector<std::string_view> records;
  std::size_t size = 0;
  for (const api::Record& record : input.records) {
    records.emplace_back(record.data);
    size += record.data.size();
  }
  if (size > kBatchBytes) {
    co_await fail(api::errors::kInvalidArgumentException, "Records size exceeds 4 MB limit");
  }
  co_await buffer(call.account(), call.region, input.delivery_stream_name, std::move(records));
  api::PutRecordBatchOutput output;
  output.failed_put_count = 0;
  output.encrypted = false;
  const std::string stem = uuid();
  for (std::size_t i = 0; i < input.records.size(); ++i) {
    output.request_responses.emplace_back().record_id = stem + "-" + std::to_string(i);
  }
  co_return output;
}

Task<events::Outcome> Firehose::deliver(const events::Event& event) {
  const std::optional<wire::Arn> arn = wire::parse_arn(event.target_arn);
  if (!arn || arn->resource_type() != "deliverystream") {
    co_return events::Outcome::dropped("not a delivery stream: " + event.target_arn);
  }
  std::vector<std::string_view> records(1, event.payload);
  const std::string name(arn->resource_id());
  const Result<void> taken = co_await attempt(buffer(arn->account, arn->region, name, std::move(records)));
  if (taken.ok()) co_return events::Outcome::delivered();
  if (taken.error().http_status() < 500) co_return events::Outcome::dropped(taken.error().message());
  co_return taken.error();
}

}  // namespace cumulet::firehose
