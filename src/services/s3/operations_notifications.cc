#include "access/authenticate.h"
#include "access/policy.h"
#include "services/s3/errors.h"
#include "services/s3/notification_rules.h"
#include "services/s3/s3.h"
#include "wire/arn.h"
#include "wire/document.h"
#include "wire/generated/lambda.h"
#include "wire/generated/sns.h"
#include "wire/generated/sqs.h"

namespace cumulet::s3 {
namespace api = wire::s3;

namespace {

Error unusable(const std::string& arn, std::string why) {
  return invalid_argument("Unable to validate the following destination configurations", arn, std::move(why));
}

/// Whether a destination's policy lets S3 in for this bucket.
bool lets_in(const std::string& policy_text, std::string action, const std::string& arn, const Bucket& bucket) {
  const Result<access::Policy> policy = access::parse_policy(policy_text, access::PolicyKind::kResource);
  if (!policy.ok()) return false;
  access::Question question;
  question.service_principal = "s3.amazonaws.com";
  question.action = std::move(action);
  question.resource = arn;
  question.context["aws:sourcearn"] = {bucket.arn()};
  question.context["aws:sourceaccount"] = {bucket.account};
  return access::evaluate(*policy, question) == access::Decision::kAllow;
}

/// Looks at destinations as their owner does. Other accounts' queues and topics must let S3 in by their policies, as
/// every function must.
class Destinations {
 public:
  Destinations(const wire::Directory& directory, const wire::Call& parent, const Bucket& bucket)
      : directory_(directory), bucket_(bucket), call_(parent.http) {
    call_.request_id = parent.request_id;
    call_.region = bucket.region;
    call_.time = parent.time;
    call_.endpoint = parent.endpoint;
  }

  Task<void> check(const std::string& arn_text) {
    const std::optional<wire::Arn> arn = wire::parse_arn(arn_text);
    call_.caller = access::root_caller(arn->account);
    if (arn->service == "lambda") co_await check_function(*arn, arn_text);
    if (arn->service == "sqs") co_await check_queue(*arn, arn_text);
    if (arn->service == "sns") co_await check_topic(*arn, arn_text);
  }

 private:
  Task<void> check_function(const wire::Arn& arn, const std::string& text) {
    wire::lambda::GetPolicyRequest input;
    const std::string rest(arn.resource_id());
    const std::size_t colon = rest.find(':');
    input.function_name = rest.substr(0, colon);
    if (colon != std::string::npos) input.qualifier = rest.substr(colon + 1);
    const auto policy = co_await attempt(directory_.call<wire::lambda::GetPolicy>("lambda", call_, std::move(input)));
    const bool open = policy.ok() && lets_in(policy->policy.value_or(""), "lambda:InvokeFunction", text, bucket_);
    if (!open) co_await fail(unusable(text, "Not authorized to invoke function [" + text + "]"));
  }

  Task<void> check_queue(const wire::Arn& arn, const std::string& text) {
    wire::sqs::GetQueueUrlRequest named;
    named.queue_name = arn.resource;
    const auto url = co_await attempt(directory_.call<wire::sqs::GetQueueUrl>("sqs", call_, std::move(named)));
    if (!url.ok()) co_await fail(unusable(text, "The destination queue does not exist"));
    if (arn.account == bucket_.account) co_return;
    wire::sqs::GetQueueAttributesRequest input;
    input.queue_url = url->queue_url.value_or("");
    input.attribute_names.emplace().push_back("Policy");
    const auto shown = co_await attempt(directory_.call<wire::sqs::GetQueueAttributes>("sqs", call_, std::move(input)));
    const bool open = shown.ok() && shown->attributes && shown->attributes->contains("Policy") &&
                      lets_in(shown->attributes->at("Policy"), "sqs:SendMessage", text, bucket_);
    if (!open)
      co_await fail(unusable(
          text, "Permissions on the destination queue do not allow S3 to publish notifications from this bucket"));
  }

  Task<void> check_topic(const wire::Arn& arn, const std::string& text) {
    wire::sns::GetTopicAttributesInput input;
    input.topic_arn = text;
    const auto shown = co_await attempt(directory_.call<wire::sns::GetTopicAttributes>("sns", call_, std::move(input)));
    if (!shown.ok()) co_await fail(unusable(text, "The destination topic does not exist"));
    if (arn.account == bucket_.account) co_return;
    const bool open = shown->attributes && shown->attributes->contains("Policy") &&
                      lets_in(shown->attributes->at("Policy"), "sns:Publish", text, bucket_);
    if (!open)
      co_await fail(unusable(
          text, "Permissions on the destination topic do not allow S3 to publish notifications from this bucket"));
  }

  const wire::Directory& directory_;
  const Bucket& bucket_;
  wire::Call call_;
};

}  // namespace

void S3::register_notifications() {
  service_.on<api::PutBucketNotificationConfiguration>(
      [this](Call& c, const auto& in) { return put_bucket_notification_configuration(c, in); });
  service_.on<api::GetBucketNotificationConfiguration>(
      [this](Call& c, const auto& in) -> Task<api::GetBucketNotificationConfigurationOutput> {
        const Bucket bucket = co_await permit(c, in.bucket, "s3:GetBucketNotification", {}, in.expected_bucket_owner);
        api::GetBucketNotificationConfigurationOutput output;
        if (bucket.notifications.empty()) co_return output;
        api::PutBucketNotificationConfigurationRequest put =
            co_await wire::read_input<api::PutBucketNotificationConfiguration>(bucket.notifications);
        output.lambda_function_configurations =
            std::move(put.notification_configuration.lambda_function_configurations);
        output.queue_configurations = std::move(put.notification_configuration.queue_configurations);
        output.topic_configurations = std::move(put.notification_configuration.topic_configurations);
        output.event_bridge_configuration = put.notification_configuration.event_bridge_configuration;
        co_return output;
      });
}

Task<api::PutBucketNotificationConfigurationOutput> S3::put_bucket_notification_configuration(
    Call& call, const api::PutBucketNotificationConfigurationRequest& input) {
  const Bucket bucket =
      co_await permit(call, input.bucket, "s3:PutBucketNotification", {}, input.expected_bucket_owner);
  api::PutBucketNotificationConfigurationRequest kept;
  kept.notification_configuration = input.notification_configuration;
  api::NotificationConfiguration& configuration = kept.notification_configuration;
  co_await check_notifications(bucket, configuration);
  give_ids(configuration);
  const std::vector<NotificationRule> rules = rules_of(configuration);
  Destinations destinations(directory_, call, bucket);
  for (const NotificationRule& rule : rules) {
    const std::optional<wire::Arn> arn = wire::parse_arn(rule.arn);
    if (input.skip_destination_validation.value_or(false) && arn->account == bucket.account) continue;
    co_await destinations.check(rule.arn);
  }
  const bool nothing = rules.empty() && !configuration.event_bridge_configuration;
  const std::string document =
      nothing ? std::string() : wire::input_document<api::PutBucketNotificationConfiguration>(kept);
  const auto write = [&](storage::Transaction& txn) -> Task<void> {
    std::optional<Bucket> now = co_await find_bucket(txn, bucket.name);
    if (!now) co_await fail(no_such_bucket(bucket.name));
    now->notifications = document;
    put_bucket(txn, *now);
    notifications_.record_test(txn, *now, call, configuration);
  };
  co_await storage::transact(database_, write);
  co_return api::PutBucketNotificationConfigurationOutput();
}

}  // namespace cumulet::s3
