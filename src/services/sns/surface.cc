#include "base/text.h"
#include "services/sns/sns.h"

/// What subscribers open without credentials: the links to confirm and to unsubscribe, and the certificate.
namespace cumulet::sns {
namespace {

constexpr std::string_view kConfirm = "Action=ConfirmSubscription";
constexpr std::string_view kUnsubscribe = "Action=Unsubscribe";
constexpr std::string_view kSpace = "http://sns.amazonaws.com/doc/2010-03-31/";

std::string parameter(const net::Request& request, std::string_view name) {
  for (const auto& [key, value] : request.query_parameters()) {
    if (key == name) return value;
  }
  return {};
}

bool is_signed(const net::Request& request) {
  return request.headers.has("authorization") || request.query.find("X-Amz-Signature=") != std::string::npos;
}

std::string element(std::string_view name, std::string_view content) {
  return "<" + std::string(name) + ">" + std::string(content) + "</" + std::string(name) + ">";
}

net::Response document(int status, std::string_view root, const std::string& content) {
  return net::Response(
      status, "text/xml",
      "<" + std::string(root) + " xmlns=\"" + std::string(kSpace) + "\">" + content + "</" + std::string(root) + ">\n");
}

}  // namespace

bool Sns::owns(const net::Request& request) const {
  if (request.method != "GET") return false;
  if (request.path.size() > 1) return request.path.substr(1) == parts_.signer.certificate_name();
  if (request.query.find(kConfirm) == std::string::npos && request.query.find(kUnsubscribe) == std::string::npos)
    return false;
  return !is_signed(request);
}

Task<net::Response> Sns::answer(net::Request& request, std::string request_id) {
  if (request.path.size() > 1) {
    co_return net::Response(200, "application/x-x509-ca-cert", parts_.signer.certificate());
  }
  const std::string metadata = element("ResponseMetadata", element("RequestId", request_id));
  const Result<std::string> done = co_await attempt(follow(request));
  if (!done.ok()) {
    const std::string_view fault = done.error().http_status() < 500 ? "Sender" : "Receiver";
    const std::string error = element("Type", fault) + element("Code", done.error().code()) +
                              element("Message", xml_escape(done.error().message()));
    co_return document(done.error().http_status(), "ErrorResponse",
                       element("Error", error) + element("RequestId", request_id));
  }
  if (done->empty()) co_return document(200, "UnsubscribeResponse", metadata);
  const std::string result = element("SubscriptionArn", xml_escape(*done));
  co_return document(200, "ConfirmSubscriptionResponse", element("ConfirmSubscriptionResult", result) + metadata);
}

/// The ARN of the subscription that was confirmed, or nothing when one was ended.
Task<std::string> Sns::follow(const net::Request& request) {
  if (parameter(request, "Action") == "Unsubscribe") {
    co_await subscriptions_.unsubscribe(parameter(request, "SubscriptionArn"), nullptr);
    co_return std::string();
  }
  const std::string arn = parameter(request, "TopicArn");
  const std::optional<TopicName> topic = parse_topic_arn(arn);
  if (!topic) co_await fail(invalid("TopicArn"));
  std::string subscription =
      co_await subscriptions_.confirm(arn, topic->region, parameter(request, "Token"), false, false);
  co_return subscription;
}

}  // namespace cumulet::sns
