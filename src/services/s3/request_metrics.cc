#include "services/s3/request_metrics.h"

#include <string_view>
#include <utility>

namespace cumulet::s3 {
namespace {

constexpr std::array<std::string_view, 14> kNames{
    "AllRequests",  "GetRequests",    "PutRequests",      "DeleteRequests",     "HeadRequests",
    "PostRequests", "SelectRequests", "ListRequests",     "BytesDownloaded",    "BytesUploaded",
    "4xxErrors",    "5xxErrors",      "FirstByteLatency", "TotalRequestLatency"};

double millis_of(std::chrono::nanoseconds time) { return static_cast<double>(time.count()) / 1e6; }

}  // namespace

RequestMetrics::RequestMetrics(events::MetricSink& sink, const std::string& account, const std::string& region,
                               const std::string& bucket, const std::string& filter_id, std::string prefix)
    : prefix_(std::move(prefix)) {
  for (std::size_t i = 0; i < kMetrics; ++i) {
    events::MetricSample like(account, region, "AWS/S3", kNames[i]);
    if (i == kDownloaded || i == kUploaded) like.unit = "Bytes";
    if (i == kFirstByte || i == kTotal) like.unit = "Milliseconds";
    like.dimensions.emplace_back("BucketName", bucket);
    like.dimensions.emplace_back("FilterId", filter_id);
    series_[i] = sink.series(like);
  }
}

void RequestMetrics::record(Metric metric, double value) const {
  if (series_[metric] != nullptr) series_[metric]->record(value);
}

RequestMetrics::Metric RequestMetrics::kind_of(const CountedRequest& request) {
  if (request.operation.starts_with("ListObject")) return kList;
  if (request.operation == "SelectObjectContent") return kSelect;
  if (request.operation == "DeleteObjects") return kDelete;
  if (request.method == "POST") return kPost;
  if (request.key.empty()) return kAll;
  if (request.method == "GET") return kGet;
  if (request.method == "PUT") return kPut;
  if (request.method == "DELETE") return kDelete;
  if (request.method == "HEAD") return kHead;
  return kAll;
}

void RequestMetrics::count(const CountedRequest& request) const {
  if (!prefix_.empty() && !request.key.starts_with(prefix_)) return;
  record(kAll, 1);
  const Metric kind = kind_of(request);
  if (kind != kAll) record(kind, 1);
  if (request.bytes_out > 0) record(kDownloaded, static_cast<double>(request.bytes_out));
  if (request.bytes_in > 0) record(kUploaded, static_cast<double>(request.bytes_in));
  record(k4xx, request.status >= 400 && request.status < 500 ? 1 : 0);
  record(k5xx, request.status >= 500 ? 1 : 0);
  record(kFirstByte, millis_of(request.first_byte));
  record(kTotal, millis_of(request.total));
}

}  // namespace cumulet::s3
