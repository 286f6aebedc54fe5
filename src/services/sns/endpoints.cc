#include "services/sns/endpoints.h"

#include "base/text.h"
#include "services/sns/platform.h"
#include "services/sns/sms.h"
#include "wire/arn.h"

namespace cumulet::sns {
namespace {

bool is_email(const std::string& text) {
  const std::size_t at = text.find('@');
  return at != std::string::npos && at > 0 && at + 1 < text.size() && text.find('@', at + 1) == std::string::npos &&
         text.size() <= 320 && text.find_first_of(" <>\"\r\n\t") == std::string::npos;
}

bool is_arn_of(const std::string& text, std::string_view service) {
  const std::optional<wire::Arn> arn = wire::parse_arn(text);
  return arn && arn->service == service && !arn->region.empty() && !arn->account.empty();
}

Result<void> check_queue(const Topic& topic, const std::string& endpoint) {
  if (!is_arn_of(endpoint, "sqs")) return invalid("SQS endpoint ARN");
  if (!topic.fifo() && endpoint.ends_with(".fifo")) {
    return invalid("Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics");
  }
  return {};
}

}  // namespace

bool needs_confirmation(const std::string& protocol) {
  return protocol == "http" || protocol == "https" || protocol == "email" || protocol == "email-json";
}

Result<void> check_endpoint(const Topic& topic, const std::string& protocol, const std::string& endpoint) {
  if (protocol == "sqs") return check_queue(topic, endpoint);
  const bool known =
      protocol == "lambda" || protocol == "sms" || protocol == "application" || needs_confirmation(protocol);
  if (protocol == "firehose") {
    return invalid("Protocol Reason: this server does not deliver from topics to Firehose");
  }
  if (!known) return invalid("Amazon SNS does not support this protocol string: " + protocol);
  if (topic.fifo()) {
    return invalid("Invalid parameter: Endpoint Reason: Please use SQS queue as endpoint for a FIFO topic");
  }
  if (protocol == "lambda" && !is_arn_of(endpoint, "lambda")) return invalid("Lambda endpoint ARN");
  if (protocol == "http" || protocol == "https") {
    if (!endpoint.starts_with(protocol + "://") || endpoint.size() <= protocol.size() + 3)
      return invalid("Endpoint must match the specified protocol");
  }
  if (protocol.starts_with("email") && !is_email(endpoint)) return invalid("Email address");
  if (protocol == "sms" && phone_number(endpoint).empty()) return invalid("Invalid SMS endpoint: " + endpoint);
  if (protocol == "application" && !parse_endpoint_arn(endpoint))
    return invalid("Application endpoint arn invalid:" + endpoint);
  return {};
}

}  // namespace cumulet::sns
