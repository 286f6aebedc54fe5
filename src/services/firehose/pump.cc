#include <algorithm>

#include "access/authenticate.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/text.h"
#include "services/firehose/destination.h"
#include "services/firehose/firehose.h"
#include "services/firehose/gzip_body.h"
#include "services/firehose/object_name.h"
#include "wire/generated/s3.h"

/// One task for each delivery stream: takes from its source, and puts what is due into its bucket. An object's name and
/// its last record are decided durably before it is put: after a crash the same object is put again, and no other.
namespace cumulet::firehose {
namespace {

constexpr std::size_t kAllStreams = 100'000;
constexpr std::size_t kMebibyte = 1u << 20;
/// An object whose records pass a function has at most so much of what came: it is put together in memory.
constexpr std::size_t kProcessedBytes = 16u << 20;
constexpr std::size_t kTakenRecords = 1000;
constexpr std::size_t kTakenBytes = 1u << 20;
/// How much is taken from a source beyond one object.
constexpr std::size_t kAhead = 64u << 20;
constexpr std::chrono::seconds kLookEvery{1};
constexpr std::chrono::minutes kIdle{10};
constexpr std::chrono::seconds kRetryAfter{5};

/// The data in a stream's event. Quotes inside texts are escaped: this mark stands nowhere else.
std::string data_of(const std::string& event) {
  constexpr std::string_view kMark = "\"data\":\"";
  const std::size_t begin = event.find(kMark);
  if (begin == std::string::npos) return {};
  const std::size_t end = event.find('"', begin + kMark.size());
  return base64_decode(std::string_view(event).substr(begin + kMark.size(), end - begin - kMark.size())).value_or("");
}

/// S3 wants to know the length of an object beforehand. It is found by reading it once more, instead of keeping it.
class SizedBody final : public BodySource {
 public:
  SizedBody(std::shared_ptr<BodySource> source, std::uint64_t size) : source_(std::move(source)), size_(size) {}
  Task<std::string> read() override { return source_->read(); }
  std::optional<std::uint64_t> size() const override { return size_; }

 private:
  std::shared_ptr<BodySource> source_;
  std::uint64_t size_;
};

std::shared_ptr<BodySource> packed(std::shared_ptr<BodySource> body, const Delivery& delivery) {
  return delivery.zipped ? gzip_body(std::move(body)) : body;
}

Task<std::uint64_t> length_of(std::shared_ptr<BodySource> body) {
  std::uint64_t length = 0;
  while (true) {
    const std::string piece = co_await body->read();
    if (piece.empty()) co_return length;
    length += piece.size();
  }
}

}  // namespace

bool Firehose::stopping() {
  std::lock_guard lock(mutex_);
  return stopping_;
}

void Firehose::start(Loop& loop) {
  {
    std::lock_guard lock(mutex_);
    loop_ = &loop;
    ++pumps_;
  }
  loop.post([this] {
    cumulet::start(pump_all(), [this](const Result<void>& done) {
      if (!done.ok()) log::error("delivery streams cannot start", {{"reason", done.error().message()}});
      std::lock_guard lock(mutex_);
      --pumps_;
      quiet_.notify_all();
    });
  });
}

void Firehose::stop(SteadyTime deadline) {
  std::unique_lock lock(mutex_);
  stopping_ = true;
  for (const auto& [id, buffer] : buffers_) buffer->wake();
  quiet_.wait_until(lock, deadline, [this] { return pumps_ == 0; });
}

Task<void> Firehose::pump_all() {
  const auto read = [](Transaction& txn) { return Store::list_all(txn, kAllStreams); };
  const std::vector<DeliveryStream> streams = co_await storage::transact(database_, read);
  for (const DeliveryStream& stream : streams) begin_pump(stream);
}

void Firehose::begin_pump(const DeliveryStream& stream) {
  std::lock_guard lock(mutex_);
  if (loop_ == nullptr || stopping_) return;
  ++pumps_;
  loop_->post([this, account = stream.account, region = stream.region, name = stream.name, id = stream.id] {
    cumulet::start(pump(account, region, name, id), [this, name](const Result<void>& done) {
      if (!done.ok()) log::error("a delivery stream stopped", {{"stream", name}, {"reason", done.error().message()}});
      std::lock_guard done_lock(mutex_);
      --pumps_;
      quiet_.notify_all();
    });
  });
}

Task<void> Firehose::pump(std::string account, std::string region, std::string name, std::string id) {
  while (!stopping()) {
    const auto read = [&](Transaction& txn) { return Store::find(txn, account, region, name); };
    const Result<std::optional<DeliveryStream>> found = co_await attempt(storage::transact(database_, read));
    if (!found.ok()) {
      co_await pause();
      continue;
    }
    if (!*found || (*found)->id != id) break;
    const DeliveryStream stream = **found;
    const BufferPtr buffer = buffer_of(stream);
    const Result<Again> again = co_await attempt(look(stream, buffer));
    if (again.ok()) {
      co_await buffer->wait(again->bytes, again->at);
      continue;
    }
    log::warning("a delivery failed and is tried again", {{"stream", name}, {"reason", again.error().message()}});
    co_await pause();
  }
  if (stopping()) co_return;
  // It was deleted: what it had not delivered goes with it.
  {
    std::lock_guard lock(mutex_);
    buffers_.erase(id);
  }
  const storage::KeyRange records = Store::records(id, 0, UINT64_MAX);
  co_await database_.discard(records);
}

Task<void> Firehose::pause() {
  const SteadyTime end = std::chrono::steady_clock::now() + kRetryAfter;
  while (!stopping() && std::chrono::steady_clock::now() < end) co_await sleep_for(kLookEvery);
}

Task<Firehose::Again> Firehose::look(const DeliveryStream& stream, BufferPtr buffer) {
  co_await buffer->open();
  const Destination destination = co_await parse_destination(stream.destination);
  const std::size_t size = static_cast<std::size_t>(*destination.buffering_hints->size_in_mbs) * kMebibyte;
  const std::chrono::seconds interval(*destination.buffering_hints->interval_in_seconds);
  const bool from_stream = !stream.source_stream.empty();
  const auto unfinished = [&](Transaction& txn) { return Store::delivery(txn, stream.id); };
  bool due = (co_await storage::transact(database_, unfinished)).has_value();
  Result<void> taken;
  if (from_stream) taken = co_await attempt(take(stream, buffer, size + kAhead));
  while (!stopping()) {
    const Buffer::Level level = buffer->level();
    due = due || level.bytes >= size || (level.bytes > 0 && clock_.now() - level.since >= interval);
    if (!due) break;
    co_await deliver(stream, buffer, destination);
    due = false;
  }
  co_await std::move(taken);
  // While something waits we look each second, as the clock can be moved.
  const bool busy = from_stream || buffer->level().bytes > 0;
  Again again;
  again.at = std::chrono::steady_clock::now();
  again.at += busy ? SteadyTime::duration(kLookEvery) : SteadyTime::duration(kIdle);
  again.bytes = size;
  co_return again;
}

Task<void> Firehose::take(const DeliveryStream& stream, BufferPtr buffer, std::size_t room) {
  const std::vector<events::StreamShard> shards = co_await streams_.shards(stream.source_stream);
  for (const events::StreamShard& shard : shards) {
    const auto last = [&](Transaction& txn) { return Store::checkpoint(txn, stream.id, shard.id); };
    const std::optional<std::string> checkpoint = co_await storage::transact(database_, last);
    events::StreamPosition from(events::StreamPosition::Kind::kAtTimestamp, "", stream.created);
    if (checkpoint) from = events::StreamPosition::after(*checkpoint);
    while (!stopping() && buffer->level().bytes < room) {
      const events::StreamBatch batch =
          co_await streams_.read(stream.source_stream, shard.id, from, kTakenRecords, kTakenBytes);
      if (batch.records.empty()) break;
      std::vector<std::string> data;
      data.reserve(batch.records.size());
      for (const events::StreamRecord& record : batch.records) data.push_back(data_of(record.event));
      const std::string& end = batch.records.back().sequence_number;
      std::vector<std::string_view> views(data.begin(), data.end());
      // The records and how far the shard was read are written in one transaction: each is taken once.
      co_await buffer->append(std::move(views), [&stream, &shard, &end](Transaction& txn) {
        Store::put_checkpoint(txn, stream.id, shard.id, end);
      });
      from = batch.next;
    }
  }
}

Task<Delivery> Firehose::decide(const DeliveryStream& stream, BufferPtr buffer, const Destination& destination) {
  const bool processed = (co_await processor_of(destination)).has_value();
  std::size_t size = static_cast<std::size_t>(*destination.buffering_hints->size_in_mbs) * kMebibyte;
  if (processed) size = std::min(size, kProcessedBytes);
  const Timestamp oldest = buffer->level().since;
  Delivery delivery;
  delivery.zipped = *destination.compression_format == "GZIP";
  delivery.bucket = destination.bucket_arn.substr(destination.bucket_arn.rfind(':') + 1);
  delivery.end = co_await buffer->cut(size);
  const std::string prefix = destination.prefix.value_or("");
  const std::string name = object_suffix(stream.name, stream.version, oldest, uuid());
  delivery.key = expand_prefix(prefix, oldest, "") + name;
  if (destination.file_extension && !destination.file_extension->empty()) {
    delivery.key += *destination.file_extension;
  } else if (delivery.zipped) {
    delivery.key += ".gz";
  }
  if (processed) {
    std::string failures = destination.error_output_prefix.value_or("");
    if (failures.empty()) failures = prefix + "processing-failed/";
    delivery.failed_key = expand_prefix(failures, oldest, "processing-failed") + name;
  }
  const auto write = [&](Transaction& txn) -> Task<void> {
    // Unless the stream was deleted meanwhile.
    co_await require(txn, stream.account, stream.region, stream.name);
    Store::begin_delivery(txn, stream.id, delivery);
  };
  co_await storage::transact(database_, write);
  co_return delivery;
}

Task<void> Firehose::deliver(const DeliveryStream& stream, BufferPtr buffer, const Destination& destination) {
  const auto unfinished = [&](Transaction& txn) { return Store::delivery(txn, stream.id); };
  std::optional<Delivery> decided = co_await storage::transact(database_, unfinished);
  if (!decided) decided = co_await decide(stream, buffer, destination);
  const Delivery delivery = std::move(*decided);
  const std::optional<Processor> processor = co_await processor_of(destination);
  if (processor && !delivery.failed_key.empty()) {
    const Processed processed = co_await process(stream, buffer, delivery.end, *processor);
    const auto content = [&] { return packed(std::make_shared<StringBody>(processed.content), delivery); };
    if (!processed.content.empty()) {
      const std::uint64_t size = co_await length_of(content());
      co_await put_object(stream, delivery.bucket, delivery.key, std::make_shared<SizedBody>(content(), size));
    }
    if (!processed.failures.empty()) {
      auto failures = std::make_shared<StringBody>(processed.failures);
      co_await put_object(stream, delivery.bucket, delivery.failed_key, std::move(failures));
    }
  } else {
    const auto content = [&] { return packed(buffer->body(delivery.end), delivery); };
    const std::uint64_t size = co_await length_of(content());
    co_await put_object(stream, delivery.bucket, delivery.key, std::make_shared<SizedBody>(content(), size));
  }
  co_await buffer->delivered(delivery);
}

Task<void> Firehose::put_object(const DeliveryStream& stream, std::string bucket, std::string key,
                                std::shared_ptr<BodySource> body) {
  net::Request request;
  request.method = "PUT";
  request.body = std::make_unique<StringBody>("");
  wire::Call call(request);
  call.request_id = uuid();
  call.service = "s3";
  call.operation = "PutObject";
  call.caller = access::root_caller(stream.account);
  call.region = stream.region;
  call.time = clock_.now();
  wire::s3::PutObjectRequest input;
  input.bucket = std::move(bucket);
  input.key = std::move(key);
  input.body = std::move(body);
  input.content_type = "application/octet-stream";
  co_await directory_.call<wire::s3::PutObject>("s3", call, std::move(input));
}

}  // namespace cumulet::firehose
