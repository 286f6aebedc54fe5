#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <shared_mutex>
#include <string>
#include <vector>

#include "events/metric_sink.h"
#include "services/s3/access_logs.h"
#include "services/s3/request_metrics.h"
#include "services/s3/store.h"
#include "storage/database.h"
#include "wire/witness.h"

namespace cumulet::s3 {

/// Sees each request to S3 and knows, in memory, which buckets keep a server access log or request metrics: all others
/// cost nothing.
class RequestWatch final : public wire::Witness {
 public:
  RequestWatch(storage::Database& database, AccessLogs& logs) : database_(database), logs_(logs) {}

  void use_metrics(events::MetricSink& sink) { sink_ = &sink; }
  /// Reads which buckets are watched; before the first request.
  Task<void> load();
  /// Reads a bucket's settings again, after they were changed (or the bucket deleted).
  Task<void> refresh(std::string bucket);

  std::shared_ptr<void> answered(const wire::Answered& answered) override;

  /// What is kept of the requests to one bucket.
  struct Watched {
    LogStream stream;
    bool logs = false;
    std::vector<RequestMetrics> metrics;
  };

 private:
  class Ending;

  Task<std::shared_ptr<const Watched>> read(std::string bucket);
  std::shared_ptr<const Watched> find(const std::string& bucket) const;

  storage::Database& database_;
  AccessLogs& logs_;
  events::MetricSink* sink_ = nullptr;
  std::atomic<std::uint64_t> changes_{0};
  std::atomic<std::size_t> watched_{0};
  mutable std::shared_mutex mutex_;
  std::map<std::string, std::shared_ptr<const Watched>, std::less<>> buckets_;
};

}  // namespace cumulet::s3
