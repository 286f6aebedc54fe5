#pragma once

#include <string>

#include "services/sns/model.h"

/// What push platforms get: their own JSON, out of what was published.
namespace cumulet::sns {

/// The body for APNs: the text published for that platform, or {"aps":{"alert": …}} around a plain one.
std::string apns_payload(const Notification& notification, const std::string& platform);
/// Whether it shows something to the user; otherwise it only wakes the app.
bool apns_alerts(const std::string& payload);

/// The body of FCM's messages:send. Takes {"fcmV1Message": {"message": …}} as it is, turns the legacy form
/// ({"notification", "data", "time_to_live" …}) into the present one, and puts a plain text under data.default.
std::string fcm_payload(const Notification& notification, const std::string& token);

/// AWS.SNS.MOBILE.PLATFORM.NAME; empty when the message has no such attribute.
std::string push_attribute(const Notification& notification, const std::string& platform, const std::string& name);

}  // namespace cumulet::sns
