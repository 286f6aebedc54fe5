#include "services/kinesis/kinesis.h"

#include "services/kinesis/errors.h"
#include "wire/arn.h"

namespace cumulet::kinesis {

namespace api = wire::kinesis;

Kinesis::Kinesis(storage::Database& database, const Clock& clock, Options options)
    : database_(database), clock_(clock), options_(options), service_(api::model()) {
  register_streams();
  register_records();
  register_reading();
  register_resharding();
  register_settings();
  register_tags();
  register_consumers();
}

std::optional<Kinesis::Address> Kinesis::address_of(const std::string& arn) {
  const std::optional<wire::Arn> parsed = wire::parse_arn(arn);
  if (!parsed || parsed->service != "kinesis" || parsed->resource_type() != "stream") return std::nullopt;
  const std::string_view name = parsed->resource_id();
  // A consumer's ARN goes on behind the stream's.
  return Address(parsed->account, parsed->region, std::string(name.substr(0, name.find('/'))));
}

Result<Kinesis::Address> Kinesis::address(const Call& call, const std::optional<std::string>& name,
                                          const std::optional<std::string>& arn) {
  if (!arn) {
    if (!name) return invalid_argument("Either StreamName or StreamARN must be provided.");
    return Address(call.account(), call.region, *name);
  }
  std::optional<Address> at = address_of(*arn);
  if (!at) return invalid_argument("StreamARN " + *arn + " is not the ARN of a stream.");
  if (name && *name != at->name) {
    return invalid_argument("StreamName " + *name + " and StreamARN " + *arn + " do not name the same stream.");
  }
  if (at->region != call.region) return invalid_argument("StreamARN " + *arn + " is of another region.");
  // Nothing shares streams between accounts yet.
  if (at->account != call.account()) return no_such_stream(at->account, at->name);
  return std::move(*at);
}

void Kinesis::observe(const Address& stream, std::string name, double value, std::string unit) {
  if (options_.metrics == nullptr) return;
  events::MetricSample sample(stream.account, stream.region, "AWS/Kinesis", name);
  sample.dimensions.emplace_back("StreamName", stream.name);
  sample.value = value;
  sample.unit = std::move(unit);
  options_.metrics->record(std::move(sample));
}

Task<StreamPtr> Kinesis::require(Transaction& txn, Address at) {
  StreamPtr stream = co_await store_.find(txn, at.account, at.region, at.name);
  if (stream == nullptr) co_await fail(no_such_stream(at.account, at.name));
  co_return stream;
}

Task<StreamPtr> Kinesis::stream_at(Address at) {
  const auto read = [this, &at](Transaction& txn) { return require(txn, at); };
  co_return co_await storage::transact(database_, read);
}

Kinesis::LiveStreamPtr Kinesis::live(const Stream& stream) {
  std::lock_guard lock(mutex_);
  LiveStreamPtr& found = live_[stream.id];
  if (found == nullptr) found = std::make_shared<LiveStream>(stream.id, options_.shard_limits);
  return found;
}

}  // namespace cumulet::kinesis
