#include "services/s3/request_watch.h"

#include <mutex>
#include <optional>
#include <utility>

#include "base/text.h"
#include "services/s3/access_log_line.h"
#include "services/s3/metrics_configurations.h"
#include "wire/response_ids.h"
#include "wire/virtual_host.h"

namespace cumulet::s3 {
namespace {

using Elapsed = std::chrono::steady_clock::duration;

std::int64_t millis_of(Elapsed elapsed) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(elapsed).count();
}

/// Bucket and key, as the address names them.
std::pair<std::string, std::string> address_of(const net::Request& request, std::string_view host_bucket) {
  std::string path = uri_decode(request.path).value_or(request.path);
  if (path.starts_with('/')) path.erase(0, 1);
  std::string bucket(host_bucket);
  const std::size_t site = request.host.find(".s3-website");
  if (bucket.empty() && site != std::string::npos) bucket = request.host.substr(0, site);
  if (bucket.empty()) bucket = wire::virtual_host_bucket(request.host);
  if (!bucket.empty()) return {std::move(bucket), std::move(path)};
  const std::size_t slash = path.find('/');
  if (slash == std::string::npos) return {std::move(path), std::string()};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

std::optional<std::uint64_t> number_of(const net::Headers& headers, const char* name) {
  const std::optional<std::int64_t> number = parse_int(headers.get(name));
  if (!number || *number < 0) return std::nullopt;
  return static_cast<std::uint64_t>(*number);
}

std::optional<std::uint64_t> bytes_in(const net::Request& request) {
  const std::optional<std::uint64_t> decoded = number_of(request.headers, "x-amz-decoded-content-length");
  return decoded ? decoded : number_of(request.headers, "content-length");
}

std::optional<std::uint64_t> bytes_out(const wire::Answered& answered) {
  if (answered.call.http.method == "HEAD") return std::nullopt;
  if (const auto* text = std::get_if<std::string>(&answered.response.body)) return text->size();
  const auto& body = std::get<std::unique_ptr<BodySource>>(answered.response.body);
  return body == nullptr ? std::nullopt : body->size();
}

/// Of the object that a request puts or gets.
std::optional<std::uint64_t> object_size(const wire::Answered& answered) {
  const std::string& operation = answered.call.operation;
  if (operation == "PutObject" || operation == "UploadPart") return bytes_in(answered.call.http);
  if (operation != "GetObject" && operation != "HeadObject" && !operation.empty()) return std::nullopt;
  if (answered.response.status >= 300) return std::nullopt;
  const std::string_view range = answered.response.headers.get("content-range");
  const std::size_t slash = range.find('/');
  if (slash != std::string_view::npos) {
    const std::optional<std::int64_t> size = parse_int(range.substr(slash + 1));
    if (size && *size >= 0) return static_cast<std::uint64_t>(*size);
  }
  return answered.response.content_length ? answered.response.content_length : bytes_out(answered);
}

std::string requester_of(const wire::Caller& caller) {
  if (caller.anonymous || caller.account.empty()) return {};
  return caller.arn.ends_with(":root") ? caller.account : caller.arn;
}

void note_signature(const net::Request& request, AccessRecord& record) {
  const std::string_view header = request.headers.get("authorization");
  if (header.starts_with("AWS")) {
    record.signature = header.starts_with("AWS4") ? "SigV4" : "SigV2";
    record.authentication = "AuthHeader";
  } else if (request.query.find("X-Amz-Signature=") != std::string::npos) {
    record.signature = "SigV4";
    record.authentication = "QueryString";
  } else if (request.query.find("Signature=") != std::string::npos) {
    record.signature = "SigV2";
    record.authentication = "QueryString";
  }
}

AccessRecord record_of(const wire::Answered& answered, const LogStream& stream, std::string key) {
  const wire::Call& call = answered.call;
  AccessRecord record;
  record.bucket_owner = stream.account;
  record.bucket = stream.bucket;
  record.source_region = stream.region;
  record.time = call.time;
  record.remote = call.http.remote_address;
  record.requester = requester_of(call.caller);
  record.request_id = call.request_id;
  record.operation = access_log_operation(call.operation, call.http.method);
  record.key = std::move(key);
  record.request_line = call.http.method + " " + call.http.target + " HTTP/1.1";
  record.status = answered.response.status;
  record.error = answered.error;
  record.bytes_sent = bytes_out(answered);
  record.object_size = object_size(answered);
  record.turn_around_millis = millis_of(std::chrono::steady_clock::now() - answered.started);
  record.referer = call.http.headers.get("referer");
  record.user_agent = call.http.headers.get("user-agent");
  record.version = answered.response.headers.get("x-amz-version-id");
  record.host_id = wire::s3_host_id(call.request_id);
  record.host = call.http.headers.get("host");
  note_signature(call.http, record);
  return record;
}

CountedRequest counted(const wire::Answered& answered, std::string key) {
  CountedRequest request;
  request.method = answered.call.http.method;
  request.key = std::move(key);
  request.operation = answered.call.operation;
  request.status = answered.response.status;
  request.bytes_in = bytes_in(answered.call.http).value_or(0);
  request.bytes_out = bytes_out(answered).value_or(0);
  request.first_byte = std::chrono::steady_clock::now() - answered.started;
  return request;
}

}  // namespace

/// Lives until the answer's body has gone out, and tells of the request then.
class RequestWatch::Ending {
 public:
  Ending(AccessLogs& logs, std::shared_ptr<const Watched> watched, const wire::Answered& answered, std::string key)
      : logs_(logs), watched_(std::move(watched)), started_(answered.started) {
    if (watched_->logs) record_ = record_of(answered, watched_->stream, key);
    if (!watched_->metrics.empty()) counted_ = counted(answered, std::move(key));
  }
  ~Ending() {
    const Elapsed total = std::chrono::steady_clock::now() - started_;
    counted_.total = total;
    for (const RequestMetrics& metrics : watched_->metrics) metrics.count(counted_);
    if (!watched_->logs) return;
    record_.total_millis = millis_of(total);
    logs_.add(watched_->stream, access_log_line(record_));
  }
  Ending(const Ending&) = delete;
  Ending& operator=(const Ending&) = delete;

 private:
  AccessLogs& logs_;
  const std::shared_ptr<const Watched> watched_;
  const std::chrono::steady_clock::time_point started_;
  AccessRecord record_;
  CountedRequest counted_;
};

std::shared_ptr<void> RequestWatch::answered(const wire::Answered& answered) {
  if (watched_.load(std::memory_order_relaxed) == 0) return nullptr;
  auto [bucket, key] = address_of(answered.call.http, answered.bucket);
  std::shared_ptr<const Watched> watched = find(bucket);
  if (watched == nullptr) return nullptr;
  return std::make_shared<Ending>(logs_, std::move(watched), answered, std::move(key));
}

std::shared_ptr<const RequestWatch::Watched> RequestWatch::find(const std::string& bucket) const {
  const std::shared_lock lock(mutex_);
  const auto found = buckets_.find(bucket);
  return found == buckets_.end() ? nullptr : found->second;
}

Task<void> RequestWatch::load() {
  const auto list = [](storage::Transaction& txn) { return watched_buckets(txn); };
  const std::vector<std::string> buckets = co_await storage::transact(database_, list);
  for (const std::string& bucket : buckets) co_await refresh(bucket);
}

Task<std::shared_ptr<const RequestWatch::Watched>> RequestWatch::read(std::string name) {
  auto watched = std::make_shared<Watched>();
  const auto look = [&](storage::Transaction& txn) -> Task<void> {
    *watched = Watched();
    const std::optional<Bucket> bucket = co_await find_bucket(txn, name);
    if (!bucket) co_return;
    watched->stream.bucket = bucket->name;
    watched->stream.account = bucket->account;
    watched->stream.region = bucket->region;
    watched->stream.document = bucket->logging;
    watched->logs = !bucket->logging.empty();
    if (sink_ == nullptr) co_return;
    const std::vector<MetricsFilter> filters = co_await metrics_filters(txn, name);
    for (const MetricsFilter& filter : filters) {
      watched->metrics.emplace_back(*sink_, bucket->account, bucket->region, name, filter.id, filter.prefix);
    }
  };
  co_await storage::transact(database_, look);
  co_return std::shared_ptr<const Watched>(std::move(watched));
}

Task<void> RequestWatch::refresh(std::string bucket) {
  ++changes_;
  while (true) {
    const std::uint64_t seen = changes_;
    std::shared_ptr<const Watched> watched = co_await read(bucket);
    const std::unique_lock lock(mutex_);
    if (changes_ != seen) continue;  // Somebody may have read what is newer meanwhile.
    if (watched->logs || !watched->metrics.empty()) {
      buckets_[bucket] = std::move(watched);
    } else {
      buckets_.erase(bucket);
    }
    watched_ = buckets_.size();
    co_return;
  }
}

}  // namespace cumulet::s3
