#include <algorithm>
#include <atomic>

#include "services/kinesis/errors.h"
#include "services/kinesis/kinesis.h"
#include "services/kinesis/shapes.h"
#include "wire/cbor.h"
#include "wire/document.h"
#include "wire/event_stream.h"

/// SubscribeToShard: a response that goes on for five minutes, with every record of a shard as soon as it is there.
namespace cumulet::kinesis {

namespace api = wire::kinesis;

namespace {

constexpr std::chrono::minutes kLife{5};
/// An event without records tells the client that we are there, and us that the client is.
constexpr std::chrono::seconds kHeartbeat{5};
/// Another subscription may not take this one's place sooner.
constexpr std::chrono::seconds kUndisturbed{5};
constexpr std::size_t kRecordsAtOnce = 1000;
constexpr std::size_t kBytesAtOnce = 1u << 20;
constexpr std::string_view kJsonType = "application/json";
constexpr std::string_view kCborType = "application/x-amz-cbor-1.1";

/// The event has the members of GetRecords' output, and where to continue.
std::string payload_of(api::GetRecordsOutput& records, const std::optional<std::string>& next, bool cbor) {
  constexpr std::string_view kContinuation = "ContinuationSequenceNumber";
  const wire::Shape& shape = *api::GetRecords::model().output;
  std::string text =
      cbor ? wire::encode_cbor(shape, &records, wire::CborTime::kMillis) : wire::encode_json(shape, &records);
  if (!next) return text;
  if (!cbor) {
    text.pop_back();
    return text + ",\"" + std::string(kContinuation) + "\":\"" + *next + "\"}";
  }
  ++text.front();  // A map of few members has their number in its first byte.
  text += static_cast<char>(0x78);
  text += static_cast<char>(kContinuation.size());
  text += kContinuation;
  text += static_cast<char>(0x78);
  text += static_cast<char>(next->size());
  return text + *next;
}

}  // namespace

struct Kinesis::Subscription {
  explicit Subscription(SteadyTime now) : began(now) {}
  const SteadyTime began;
  std::atomic<bool> replaced{false};
};

/// What is sent, message by message.
class Kinesis::SubscriptionBody final : public BodySource {
 public:
  SubscriptionBody(Kinesis& kinesis, std::string key, std::shared_ptr<Subscription> subscription, Resource of,
                   StreamPtr stream, std::uint32_t shard, Position from, bool cbor)
      : kinesis_(kinesis),
        key_(std::move(key)),
        subscription_(std::move(subscription)),
        of_(std::move(of)),
        stream_id_(stream->id),
        live_(kinesis.live(*stream)),
        shard_(shard),
        next_(from),
        cbor_(cbor),
        pending_(wire::event("initial-response", content_type(), cbor ? std::string_view("\xa0", 1) : "{}")) {}

  ~SubscriptionBody() override {
    std::lock_guard lock(kinesis_.mutex_);
    const auto found = kinesis_.subscriptions_.find(key_);
    if (found != kinesis_.subscriptions_.end() && found->second == subscription_) kinesis_.subscriptions_.erase(found);
  }

  Task<std::string> read() override {
    if (pending_.empty() && !ended_) {
      Result<std::string> message = co_await attempt(next_message());
      if (message.ok()) {
        pending_ = std::move(*message);
      } else {
        pending_ = exception(message.error());
        ended_ = true;
      }
    }
    std::string piece = pending_.substr(0, kPiece);
    pending_.erase(0, piece.size());
    co_return piece;
  }

 private:
  std::string_view content_type() const { return cbor_ ? kCborType : kJsonType; }

  std::string exception(const Error& error) const {
    const bool known = api::model().find_error(error.code()) != nullptr;
    const std::string code = known ? error.code() : std::string(api::errors::kInternalFailureException.code);
    wire::CborWriter cbor;
    wire::JsonWriter json;
    cbor.map(1).text("message").text(error.message());
    json.begin_object().key("message").string(error.message()).end_object();
    return wire::event_exception(code, content_type(), cbor_ ? cbor.take() : json.take());
  }

  /// Empty when it is time to end.
  Task<std::string> next_message() {
    const SteadyTime end = subscription_->began + kLife;
    const SteadyTime beat = std::min(end, std::chrono::steady_clock::now() + kHeartbeat);
    while (true) {
      const std::uint64_t changes = live_->changes();
      if (subscription_->replaced) {
        co_await fail(api::errors::kResourceInUseException,
                      "Another subscription of the same consumer to the same shard has taken the place of this one.");
      }
      const auto registered = [this](Transaction& txn) -> Task<void> {
        const StreamPtr stream = co_await kinesis_.require(txn, of_.stream);
        co_await kinesis_.require_consumer(txn, stream, of_.consumer);
      };
      co_await storage::transact(kinesis_.database_, registered);
      Piece piece = co_await kinesis_.read_piece(of_.stream, stream_id_, shard_, next_, kRecordsAtOnce, kBytesAtOnce);
      next_ = piece.next;
      const SteadyTime now = std::chrono::steady_clock::now();
      if (!piece.records.empty() || piece.ended() || (now >= beat && now < end)) co_return shown(std::move(piece));
      if (now >= end) {
        ended_ = true;
        co_return std::string();
      }
      co_await live_->wait(shard_, next_, changes, beat);
    }
  }

  std::string shown(Piece piece) {
    api::GetRecordsOutput output;
    output.millis_behind_latest = millis_behind(piece.records, piece.caught_up, kinesis_.clock_.now());
    std::optional<std::string> next;
    if (piece.ended()) {
      output.child_shards = child_shards(*piece.stream, shard_);
      ended_ = true;
    } else {
      next = sequence_number(piece.next - 1, shard_);
    }
    for (StoredRecord& record : piece.records) output.records.push_back(shown_record(std::move(record), shard_));
    return wire::event("SubscribeToShardEvent", content_type(), payload_of(output, next, cbor_));
  }

  Kinesis& kinesis_;
  const std::string key_;
  const std::shared_ptr<Subscription> subscription_;
  const Resource of_;
  const std::string stream_id_;
  const LiveStreamPtr live_;
  const std::uint32_t shard_;
  Position next_;
  const bool cbor_;
  std::string pending_;
  bool ended_ = false;
};

Task<api::SubscribeToShardOutput> Kinesis::subscribe_to_shard(Call& call, const api::SubscribeToShardInput& input) {
  co_await refuse_dry_run(input.dry_run);
  const Resource of = co_await consumer_of(call, input.consumer_arn, std::nullopt, std::nullopt);
  const auto read = [&](Transaction& txn) -> Task<StreamPtr> {
    const StreamPtr found = co_await require(txn, of.stream);
    co_await require_consumer(txn, found, of.consumer);
    co_return found;
  };
  const StreamPtr stream = co_await storage::transact(database_, read);
  const std::optional<std::uint32_t> number = parse_shard_id(input.shard_id);
  const Shard* shard = number ? stream->find_shard(*number) : nullptr;
  if (shard == nullptr) co_await fail(no_such_shard(*stream, input.shard_id));
  Start start;
  start.type = input.starting_position.type;
  start.sequence = input.starting_position.sequence_number;
  start.timestamp = input.starting_position.timestamp;
  const Position from = co_await position_of(stream, *shard, start);
  const LiveStreamPtr live_stream = live(*stream);
  co_await live_stream->learn(database_, store_, std::vector<const Shard*>(1, shard));

  const SteadyTime now = std::chrono::steady_clock::now();
  const auto subscription = std::make_shared<Subscription>(now);
  const std::string key = input.consumer_arn + " " + shard_id(shard->number);
  {
    std::lock_guard lock(mutex_);
    std::shared_ptr<Subscription>& active = subscriptions_[key];
    if (active != nullptr && now - active->began < kUndisturbed) {
      co_return Error(api::errors::kResourceInUseException,
                      "Another active subscription exists for this consumer: " + stream->account + ":" + stream->name +
                          ":" + shard_id(shard->number) + ":" + of.consumer);
    }
    if (active != nullptr) active->replaced = true;
    active = subscription;
  }
  live_stream->changed();
  api::SubscribeToShardOutput output;
  output.event_stream = std::make_shared<SubscriptionBody>(*this, key, subscription, of, stream, shard->number, from,
                                                           call.http.headers.get("content-type") == kCborType);
  co_return output;
}

}  // namespace cumulet::kinesis
