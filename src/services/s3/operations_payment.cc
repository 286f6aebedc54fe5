#include "services/s3/errors.h"
#include "services/s3/s3.h"

namespace cumulet::s3 {
namespace api = wire::s3;

namespace {

constexpr const char* kRequester = "Requester";

Result<void> check_acceleration(const api::PutBucketAccelerateConfigurationRequest& input) {
  const std::optional<std::string>& status = input.accelerate_configuration.status;
  if (!status || (*status != "Enabled" && *status != "Suspended")) return malformed_xml();
  if (input.bucket.find('.') != std::string::npos) {
    return invalid_request("S3 Transfer Acceleration is not supported for buckets with periods (.) in their names");
  }
  if (*status == "Suspended") return {};
  return Error("NotImplemented", 501,
               "Transfer acceleration is not implemented by this server: there are no edge locations.");
}

}  // namespace

/// Analytics and Intelligent-Tiering are settings that no bucket of this server can have: putting one is answered "not
/// implemented", reading it in S3's words, which is what Terraform and its like ask for.
void S3::register_payment_and_tiers() {
  service_.on<api::PutBucketRequestPayment>(
      [this](Call& c, const auto& in) -> Task<api::PutBucketRequestPaymentOutput> {
        const std::string payer = in.request_payment_configuration.payer;
        if (payer != kRequester && payer != "BucketOwner") co_return malformed_xml();
        co_await set(c, in.bucket, "s3:PutBucketRequestPayment", &Bucket::request_payment,
                     payer == kRequester ? payer : std::string());
        co_return api::PutBucketRequestPaymentOutput();
      });
  service_.on<api::GetBucketRequestPayment>(
      [this](Call& c, const auto& in) -> Task<api::GetBucketRequestPaymentOutput> {
        const Bucket bucket = co_await permit(c, in.bucket, "s3:GetBucketRequestPayment");
        api::GetBucketRequestPaymentOutput output;
        output.payer = bucket.request_payment.empty() ? "BucketOwner" : bucket.request_payment;
        co_return output;
      });
  service_.on<api::PutBucketAccelerateConfiguration>(
      [this](Call& c, const auto& in) -> Task<api::PutBucketAccelerateConfigurationOutput> {
        co_await permit(c, in.bucket, "s3:PutAccelerateConfiguration");
        co_await check_acceleration(in);
        co_return api::PutBucketAccelerateConfigurationOutput();
      });
  service_.on<api::GetBucketAccelerateConfiguration>(
      [this](Call& c, const auto& in) -> Task<api::GetBucketAccelerateConfigurationOutput> {
        co_await permit(c, in.bucket, "s3:GetAccelerateConfiguration");
        co_return api::GetBucketAccelerateConfigurationOutput();
      });
  service_.on<api::GetBucketAnalyticsConfiguration>(
      [this](Call& c, const auto& in) -> Task<api::GetBucketAnalyticsConfigurationOutput> {
        co_await permit(c, in.bucket, "s3:GetAnalyticsConfiguration");
        co_return no_such_configuration();
      });
  service_.on<api::ListBucketAnalyticsConfigurations>(
      [this](Call& c, const auto& in) -> Task<api::ListBucketAnalyticsConfigurationsOutput> {
        co_await permit(c, in.bucket, "s3:GetAnalyticsConfiguration");
        api::ListBucketAnalyticsConfigurationsOutput output;
        output.is_truncated = false;
        co_return output;
      });
  service_.on<api::GetBucketIntelligentTieringConfiguration>(
      [this](Call& c, const auto& in) -> Task<api::GetBucketIntelligentTieringConfigurationOutput> {
        co_await permit(c, in.bucket, "s3:GetIntelligentTieringConfiguration");
        co_return no_such_configuration();
      });
  service_.on<api::ListBucketIntelligentTieringConfigurations>(
      [this](Call& c, const auto& in) -> Task<api::ListBucketIntelligentTieringConfigurationsOutput> {
        co_await permit(c, in.bucket, "s3:GetIntelligentTieringConfiguration");
        api::ListBucketIntelligentTieringConfigurationsOutput output;
        output.is_truncated = false;
        co_return output;
      });
}

}  // namespace cumulet::s3
