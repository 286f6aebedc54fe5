#include "services/sns/push_payload.h"

#include <simdjson.h>

#include "wire/json_writer.h"

namespace cumulet::sns {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

/// What was published for just this platform; nothing when there is only a text for all.
std::optional<std::string> own_text(const Notification& notification, const std::string& platform) {
  if (!notification.structured) return std::nullopt;
  thread_local simdjson::dom::parser reader;
  std::string_view text;
  if (reader.parse(notification.message)[platform].get(text)) return std::nullopt;
  return std::string(text);
}

std::string default_text(const Notification& notification) {
  return own_text(notification, "default").value_or(notification.message);
}

/// FCM's data has text values only.
void write_data(wire::JsonWriter& json, const object& data) {
  json.begin_object();
  for (const auto& [key, value] : data) {
    std::string_view text;
    json.key(key);
    value.get(text) ? json.string(simdjson::minify(value)) : json.string(text);
  }
  json.end_object();
}

void write_legacy(wire::JsonWriter& json, const element& payload, const std::string& ttl) {
  object part;
  if (!payload["notification"].get(part)) {
    json.key("notification").begin_object();
    for (const char* name : {"title", "body", "image"}) {
      std::string_view text;
      if (!part[name].get(text)) json.key(name).string(text);
    }
    json.end_object();
  }
  if (!payload["data"].get(part)) {
    json.key("data");
    write_data(json, part);
  }
  json.key("android").begin_object();
  std::string_view text;
  std::int64_t seconds = 0;
  if (!payload["collapse_key"].get(text)) json.key("collapse_key").string(text);
  if (!payload["priority"].get(text)) json.key("priority").string(text);
  if (!ttl.empty()) {
    json.key("ttl").string(ttl + "s");
  } else if (!payload["time_to_live"].get(seconds)) {
    json.key("ttl").string(std::to_string(seconds) + "s");
  }
  json.end_object();
}

}  // namespace

std::string push_attribute(const Notification& notification, const std::string& platform, const std::string& name) {
  const auto found = notification.attributes.find("AWS.SNS.MOBILE." + platform + "." + name);
  return found == notification.attributes.end() ? std::string() : found->second.value;
}

std::string apns_payload(const Notification& notification, const std::string& platform) {
  if (std::optional<std::string> own = own_text(notification, platform)) return std::move(*own);
  wire::JsonWriter json;
  json.begin_object().key("aps").begin_object().key("alert").string(default_text(notification));
  json.end_object().end_object();
  return json.take();
}

bool apns_alerts(const std::string& payload) {
  thread_local simdjson::dom::parser reader;
  element aps;
  if (reader.parse(payload)["aps"].get(aps)) return false;
  return !aps["alert"].error() || !aps["badge"].error() || !aps["sound"].error();
}

std::string fcm_payload(const Notification& notification, const std::string& token) {
  std::string ttl = push_attribute(notification, "GCM", "TTL");
  if (ttl.empty()) ttl = push_attribute(notification, "FCM", "TTL");
  const std::optional<std::string> own = own_text(notification, "GCM");
  thread_local simdjson::dom::parser reader;
  element payload;
  const bool parsed = own && !reader.parse(*own).get(payload) && payload.is_object();
  wire::JsonWriter json;
  json.begin_object();
  object message;
  if (parsed && !payload["fcmV1Message"]["message"].get(message)) {
    bool only_checked = false;
    if (!payload["fcmV1Message"]["validate_only"].get(only_checked) && only_checked) {
      json.key("validate_only").boolean(true);
    }
    json.key("message").begin_object().key("token").string(token);
    for (const auto& [key, value] : message) {
      if (key != "token" && key != "topic" && key != "condition") json.key(key).raw(simdjson::minify(value));
    }
    json.end_object().end_object();
    return json.take();
  }
  json.key("message").begin_object().key("token").string(token);
  if (parsed) {
    write_legacy(json, payload, ttl);
  } else {
    json.key("data").begin_object().key("default").string(own.value_or(default_text(notification))).end_object();
    if (!ttl.empty()) json.key("android").begin_object().key("ttl").string(ttl + "s").end_object();
  }
  json.end_object().end_object();
  return json.take();
}

}  // namespace cumulet::sns
