#include "base/ids.h"
#include "services/firehose/firehose.h"

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

Task<void> Firehose::buffer(const Call& call, std::string name, std::vector<std::string_view> records) {
  const auto read = [&](Transaction& txn) { return require(txn, call.account(), call.region, name); };
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
  co_await buffer(call, input.delivery_stream_name, std::move(records));
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
  co_await buffer(call, input.delivery_stream_name, std::move(records));
  api::PutRecordBatchOutput output;
  output.failed_put_count = 0;
  output.encrypted = false;
  const std::string stem = uuid();
  for (std::size_t i = 0; i < input.records.size(); ++i) {
    output.request_responses.emplace_back().record_id = stem + "-" + std::to_string(i);
  }
  co_return output;
}

}  // namespace cumulet::firehose
