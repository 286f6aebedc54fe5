#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "storage/database.h"
#include "wire/generated/s3.h"

/// A bucket's configurations of request metrics, each in a row of its own.
///   ("s3-metrics", bucket, id)   the input of PutBucketMetricsConfiguration, as JSON
///   ("s3-watched", bucket)       empty: the bucket keeps an access log or metrics, or did
/// https://docs.aws.amazon.com/AmazonS3/latest/userguide/metrics-configurations.html
namespace cumulet::s3 {

struct MetricsFilter {
  MetricsFilter(std::string i, std::string p) : id(std::move(i)), prefix(std::move(p)) {}
  std::string id;
  std::string prefix;
};

/// Fails with NotImplemented for what a filter cannot ask for here: tags and access points.
Result<void> check_metrics(const wire::s3::PutBucketMetricsConfigurationRequest& input);

/// Fails with TooManyConfigurations.
Task<void> put_metrics(storage::Transaction& txn, wire::s3::PutBucketMetricsConfigurationRequest input);
Task<std::optional<wire::s3::MetricsConfiguration>> find_metrics(storage::Transaction& txn, std::string bucket,
                                                                 std::string id);
/// By id, after `after`.
Task<std::vector<wire::s3::MetricsConfiguration>> list_metrics(storage::Transaction& txn, std::string bucket,
                                                               std::string after, std::size_t limit);
void erase_metrics(storage::Transaction& txn, const std::string& bucket, const std::string& id);
/// All that is kept here of a bucket that goes.
Task<void> erase_all_metrics(storage::Transaction& txn, std::string bucket);

Task<std::vector<MetricsFilter>> metrics_filters(storage::Transaction& txn, std::string bucket);

void mark_watched(storage::Transaction& txn, const std::string& bucket);
Task<std::vector<std::string>> watched_buckets(storage::Transaction& txn);

}  // namespace cumulet::s3
