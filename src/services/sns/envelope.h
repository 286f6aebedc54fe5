#pragma once

#include <string>

#include "services/sns/model.h"

/// What subscribers get: the JSON documents around a message.
/// https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
namespace cumulet::sns {

/// How a message is signed and where its links lead.
struct Seal {
  std::string version = "1";
  std::string signature;
  std::string certificate_url;
  std::string unsubscribe_url;
};

/// The text for a protocol: of a structured message the one of that name, or the default.
std::string message_for(const Notification& notification, const std::string& protocol);

/// The text that is signed for a notification.
std::string signed_text(const Notification& notification, const std::string& message);

/// The document that queues, HTTP endpoints and email-json get.
std::string notification_document(const Notification& notification, const std::string& message, const Seal& seal);

/// The event of a function.
std::string function_event(const Notification& notification, const std::string& message,
                           const std::string& subscription_arn, const Seal& seal);

/// The request to confirm (or, for `kind` "UnsubscribeConfirmation", the word that it ended).
struct Confirmation {
  std::string kind = "SubscriptionConfirmation";
  std::string id;
  std::string topic_arn;
  std::string token;
  std::string subscribe_url;
  std::int64_t time = 0;
  std::string message() const;
};
std::string signed_text(const Confirmation& confirmation);
std::string confirmation_document(const Confirmation& confirmation, const Seal& seal);

/// 2026-11-22T10:20:30.123Z
std::string timestamp_text(std::int64_t millis);

}  // namespace cumulet::sns
