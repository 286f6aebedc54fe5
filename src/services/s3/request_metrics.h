#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "events/metric_sink.h"

namespace cumulet::s3 {

/// A request as the request metrics count it.
struct CountedRequest {
  std::string operation;
  std::string method;
  std::string key;  ///< Empty: of the bucket itself.
  int status = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::chrono::nanoseconds first_byte{0};
  std::chrono::nanoseconds total{0};
};

/// What one metrics configuration of a bucket reports to CloudWatch: AWS/S3 by BucketName and FilterId. Any thread.
/// https://docs.aws.amazon.com/AmazonS3/latest/userguide/metrics-dimensions.html
class RequestMetrics {
 public:
  /// Only requests for objects whose keys start with `prefix` count, and all when it is empty.
  RequestMetrics(events::MetricSink& sink, const std::string& account, const std::string& region,
                 const std::string& bucket, const std::string& filter_id, std::string prefix);

  void count(const CountedRequest& request) const;

 private:
  enum Metric : std::size_t {
    kAll,
    kGet,
    kPut,
    kDelete,
    kHead,
    kPost,
    kSelect,
    kList,
    kDownloaded,
    kUploaded,
    k4xx,
    k5xx,
    kFirstByte,
    kTotal,
    kMetrics
  };
  void record(Metric metric, double value) const;
  /// What a request counts as besides kAll, which is also the answer when it is nothing else.
  static Metric kind_of(const CountedRequest& request);

  const std::string prefix_;
  std::array<std::shared_ptr<events::MetricSeries>, kMetrics> series_;
};

}  // namespace cumulet::s3
