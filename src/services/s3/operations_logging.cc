#include "base/log.h"
#include "services/s3/errors.h"
#include "services/s3/log_target.h"
#include "services/s3/metrics_configurations.h"
#include "services/s3/s3.h"
#include "wire/document.h"

namespace cumulet::s3 {
namespace api = wire::s3;

namespace {

constexpr const char* kActor = "logging.s3.amazonaws.com";  ///< Whom notifications name for a delivery.
constexpr std::size_t kMetricsPage = 100;

}  // namespace

void S3::register_logging() {
  service_.on<api::PutBucketLogging>([this](Call& c, const auto& in) { return put_bucket_logging(c, in); });
  service_.on<api::GetBucketLogging>([this](Call& c, const auto& in) -> Task<api::GetBucketLoggingOutput> {
    const Bucket bucket = co_await permit(c, in.bucket, "s3:GetBucketLogging", {}, in.expected_bucket_owner);
    api::GetBucketLoggingOutput output;
    if (bucket.logging.empty()) co_return output;
    api::PutBucketLoggingRequest put = co_await wire::read_input<api::PutBucketLogging>(bucket.logging);
    output.logging_enabled = std::move(put.bucket_logging_status.logging_enabled);
    co_return output;
  });
  service_.on<api::PutBucketMetricsConfiguration>(
      [this](Call& c, const auto& in) -> Task<api::PutBucketMetricsConfigurationOutput> {
        co_await permit(c, in.bucket, "s3:PutMetricsConfiguration", {}, in.expected_bucket_owner);
        co_await check_metrics(in);
        const auto write = [&in](storage::Transaction& txn) { return put_metrics(txn, in); };
        co_await storage::transact(database_, write);
        co_await watch_.refresh(in.bucket);
        co_return api::PutBucketMetricsConfigurationOutput();
      });
  service_.on<api::GetBucketMetricsConfiguration>(
      [this](Call& c, const auto& in) -> Task<api::GetBucketMetricsConfigurationOutput> {
        co_await permit(c, in.bucket, "s3:GetMetricsConfiguration", {}, in.expected_bucket_owner);
        const auto read = [&in](storage::Transaction& txn) { return find_metrics(txn, in.bucket, in.id); };
        api::GetBucketMetricsConfigurationOutput output;
        output.metrics_configuration = co_await storage::transact(database_, read);
        if (!output.metrics_configuration) co_return no_such_configuration();
        co_return output;
      });
  service_.on<api::DeleteBucketMetricsConfiguration>(
      [this](Call& c, const auto& in) -> Task<api::DeleteBucketMetricsConfigurationOutput> {
        co_await permit(c, in.bucket, "s3:PutMetricsConfiguration", {}, in.expected_bucket_owner);
        const auto erase = [&in](storage::Transaction& txn) -> Task<void> {
          const auto found = co_await find_metrics(txn, in.bucket, in.id);
          if (!found) co_await fail(no_such_configuration());
          erase_metrics(txn, in.bucket, in.id);
        };
        co_await storage::transact(database_, erase);
        co_await watch_.refresh(in.bucket);
        co_return api::DeleteBucketMetricsConfigurationOutput();
      });
  service_.on<api::ListBucketMetricsConfigurations>(
      [this](Call& c, const auto& in) { return list_bucket_metrics(c, in); });
}

Task<api::PutBucketLoggingOutput> S3::put_bucket_logging(Call& call, const api::PutBucketLoggingRequest& input) {
  co_await permit(call, input.bucket, "s3:PutBucketLogging", {}, input.expected_bucket_owner);
  const std::optional<api::LoggingEnabled>& wanted = input.bucket_logging_status.logging_enabled;
  if (wanted) co_await check_logging(*wanted);
  const auto write = [&](storage::Transaction& txn) -> Task<void> {
    std::optional<Bucket> source = co_await find_bucket(txn, input.bucket);
    if (!source) co_await fail(no_such_bucket(input.bucket));
    source->logging.clear();
    if (wanted) {
      const std::optional<Bucket> target = co_await find_bucket(txn, wanted->target_bucket);
      LogStream stream;
      stream.bucket = source->name;
      stream.account = source->account;
      stream.region = source->region;
      const std::string example = log_key(*wanted, stream, clock_.now(), clock_.now());
      co_await check_log_target(*wanted, *source, target, example);
      api::PutBucketLoggingRequest kept;
      kept.bucket = input.bucket;
      kept.bucket_logging_status = input.bucket_logging_status;
      source->logging = wire::input_document<api::PutBucketLogging>(kept);
      mark_watched(txn, source->name);
    }
    put_bucket(txn, *source);
  };
  co_await storage::transact(database_, write);
  co_await watch_.refresh(input.bucket);
  co_return api::PutBucketLoggingOutput();
}

Task<api::ListBucketMetricsConfigurationsOutput> S3::list_bucket_metrics(
    Call& call, const api::ListBucketMetricsConfigurationsRequest& input) {
  co_await permit(call, input.bucket, "s3:GetMetricsConfiguration", {}, input.expected_bucket_owner);
  const std::string after = input.continuation_token.value_or("");
  const auto read = [&](storage::Transaction& txn) { return list_metrics(txn, input.bucket, after, kMetricsPage + 1); };
  std::vector<api::MetricsConfiguration> page = co_await storage::transact(database_, read);
  api::ListBucketMetricsConfigurationsOutput output;
  output.continuation_token = input.continuation_token;
  output.is_truncated = page.size() > kMetricsPage;
  if (*output.is_truncated) {
    page.pop_back();
    output.next_continuation_token = page.back().id;
  }
  output.metrics_configuration_list = std::move(page);
  co_return output;
}

/// Lines whose target has gone, or does not take them any more, are dropped, as on AWS.
Task<void> S3::deliver_log(const LogStream& stream, Timestamp day, std::string lines) {
  const api::PutBucketLoggingRequest put = co_await wire::read_input<api::PutBucketLogging>(stream.document);
  if (!put.bucket_logging_status.logging_enabled) co_return;
  const api::LoggingEnabled& wanted = *put.bucket_logging_status.logging_enabled;
  const auto read = [&wanted](storage::Transaction& txn) { return find_bucket(txn, wanted.target_bucket); };
  const std::optional<Bucket> target = co_await storage::transact(database_, read);
  Bucket source;
  source.name = stream.bucket;
  source.account = stream.account;
  source.region = stream.region;
  const std::string key = log_key(wanted, stream, clock_.now(), day);
  const Result<void> takes = check_log_target(wanted, source, target, key);
  if (!takes.ok()) {
    log::warning("an access log was not delivered", {{"bucket", stream.bucket}, {"why", takes.error().message()}});
    co_return;
  }
  ServiceObject object;
  object.actor = kActor;
  object.key = key;
  object.content_type = "text/plain";
  object.acl = co_await log_acl(wanted, *target);
  co_await write_as_service(*target, std::move(object), std::move(lines));
}

}  // namespace cumulet::s3
