#include "services/s3/metrics_configurations.h"

#include <utility>

#include "services/s3/errors.h"
#include "storage/key.h"
#include "wire/document.h"

namespace cumulet::s3 {
namespace api = wire::s3;
namespace {

using storage::Key;
using storage::KeyRange;
using storage::KeyReader;
using storage::KeyValue;
using storage::ScanOptions;

constexpr std::size_t kConfigurationLimit = 1000;  ///< Of one bucket, as documented.
constexpr std::size_t kIdLimit = 64;

Key space_of(const std::string& bucket) { return Key("s3-metrics").text(bucket); }
std::string row_key(const std::string& bucket, const std::string& id) { return space_of(bucket).text(id).bytes(); }
std::string watched_key(const std::string& bucket) { return Key("s3-watched").text(bucket).bytes(); }

bool is_id(const std::string& id) {
  static constexpr const char* kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
  return !id.empty() && id.size() <= kIdLimit && id.find_first_not_of(kLetters) == std::string::npos;
}

Error no_filter_by(const char* what) {
  return Error("NotImplemented", 501,
               std::string("A metrics configuration with a filter by ") + what + " is not implemented by this server.");
}

}  // namespace

Result<void> check_metrics(const api::PutBucketMetricsConfigurationRequest& input) {
  const api::MetricsConfiguration& wanted = input.metrics_configuration;
  if (wanted.id != input.id || !is_id(input.id)) {
    return Error("InvalidConfigurationId", 400, "The specified configuration ID is not valid.");
  }
  if (!wanted.filter) return {};
  const api::MetricsFilter& filter = *wanted.filter;
  if (filter.tag || (filter.and_ && filter.and_->tags)) return no_filter_by("tags");
  if (filter.access_point_arn || (filter.and_ && filter.and_->access_point_arn)) return no_filter_by("access point");
  if (!filter.prefix && !filter.and_) return malformed_xml();
  return {};
}

Task<void> put_metrics(storage::Transaction& txn, api::PutBucketMetricsConfigurationRequest input) {
  const std::string key = row_key(input.bucket, input.id);
  const std::optional<std::string> before = co_await txn.get(key);
  if (!before) {
    const std::vector<api::MetricsConfiguration> all =
        co_await list_metrics(txn, input.bucket, "", kConfigurationLimit);
    if (all.size() >= kConfigurationLimit) {
      co_await fail(Error("TooManyConfigurations", 400,
                          "You are attempting to create a new configuration but have already reached the "
                          "1,000-configuration limit."));
    }
  }
  txn.put(key, wire::input_document<api::PutBucketMetricsConfiguration>(input));
  mark_watched(txn, input.bucket);
}

Task<std::optional<api::MetricsConfiguration>> find_metrics(storage::Transaction& txn, std::string bucket,
                                                            std::string id) {
  const std::optional<std::string> row = co_await txn.get(row_key(bucket, id));
  if (!row) co_return std::optional<api::MetricsConfiguration>();
  api::PutBucketMetricsConfigurationRequest put = co_await wire::read_input<api::PutBucketMetricsConfiguration>(*row);
  co_return std::optional<api::MetricsConfiguration>(std::move(put.metrics_configuration));
}

Task<std::vector<api::MetricsConfiguration>> list_metrics(storage::Transaction& txn, std::string bucket,
                                                          std::string after, std::size_t limit) {
  const std::string space = space_of(bucket).bytes();
  const std::string from = after.empty() ? space : row_key(bucket, after) + '\0';
  const KeyRange range(from, storage::after_prefix(space));
  ScanOptions options;
  options.limit = limit;
  const std::vector<KeyValue> rows = co_await txn.scan(range, options);
  std::vector<api::MetricsConfiguration> found;
  for (const KeyValue& row : rows) {
    api::PutBucketMetricsConfigurationRequest put =
        co_await wire::read_input<api::PutBucketMetricsConfiguration>(row.value);
    found.push_back(std::move(put.metrics_configuration));
  }
  co_return found;
}

void erase_metrics(storage::Transaction& txn, const std::string& bucket, const std::string& id) {
  txn.erase(row_key(bucket, id));
}

Task<void> erase_all_metrics(storage::Transaction& txn, std::string bucket) {
  const std::vector<api::MetricsConfiguration> all = co_await list_metrics(txn, bucket, "", kConfigurationLimit);
  for (const api::MetricsConfiguration& each : all) erase_metrics(txn, bucket, each.id);
  txn.erase(watched_key(bucket));
}

Task<std::vector<MetricsFilter>> metrics_filters(storage::Transaction& txn, std::string bucket) {
  const std::vector<api::MetricsConfiguration> all =
      co_await list_metrics(txn, std::move(bucket), "", kConfigurationLimit);
  std::vector<MetricsFilter> filters;
  for (const api::MetricsConfiguration& each : all) {
    std::string prefix;
    if (each.filter && each.filter->prefix) prefix = *each.filter->prefix;
    if (each.filter && each.filter->and_ && each.filter->and_->prefix) prefix = *each.filter->and_->prefix;
    filters.emplace_back(each.id, std::move(prefix));
  }
  co_return filters;
}

void mark_watched(storage::Transaction& txn, const std::string& bucket) { txn.put(watched_key(bucket), ""); }

Task<std::vector<std::string>> watched_buckets(storage::Transaction& txn) {
  const std::string space = Key("s3-watched").bytes();
  std::vector<std::string> buckets;
  std::string from = space;
  while (true) {
    const KeyRange range(from, storage::after_prefix(space));
    const std::vector<KeyValue> rows = co_await txn.scan(range);
    if (rows.empty()) co_return buckets;
    for (const KeyValue& row : rows) {
      KeyReader key(std::string_view(row.key).substr(space.size()));
      buckets.push_back(key.text().value_or(""));
    }
    from = rows.back().key + '\0';
  }
}

}  // namespace cumulet::s3
