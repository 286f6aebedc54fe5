#include "services/s3/notifications.h"

#include <cstdio>

#include "base/text.h"
#include "services/s3/notification_rules.h"
#include "services/s3/versions.h"
#include "wire/arn.h"
#include "wire/document.h"
#include "wire/json_writer.h"
#include "wire/response_ids.h"

namespace cumulet::s3 {
namespace api = wire::s3;

namespace {

/// What the documents call a change.
struct Names {
  const char* event;          ///< "s3:" before it, in configurations.
  const char* detail_type;    ///< EventBridge's.
  const char* reason;         ///< EventBridge's, where it has one.
  const char* deletion_type;  ///< As well.
};

Names names_of(ObjectChange change) {
  switch (change) {
    case ObjectChange::kPut:
      return {"ObjectCreated:Put", "Object Created", "PutObject", nullptr};
    case ObjectChange::kCopy:
      return {"ObjectCreated:Copy", "Object Created", "CopyObject", nullptr};
    case ObjectChange::kCompleteUpload:
      return {"ObjectCreated:CompleteMultipartUpload", "Object Created", "CompleteMultipartUpload", nullptr};
    case ObjectChange::kDelete:
      return {"ObjectRemoved:Delete", "Object Deleted", "DeleteObject", "Permanently Deleted"};
    case ObjectChange::kDeleteMarker:
      return {"ObjectRemoved:DeleteMarkerCreated", "Object Deleted", "DeleteObject", "Delete Marker Created"};
    case ObjectChange::kPutTags:
      return {"ObjectTagging:Put", "Object Tags Added", nullptr, nullptr};
    case ObjectChange::kDeleteTags:
      return {"ObjectTagging:Delete", "Object Tags Deleted", nullptr, nullptr};
    case ObjectChange::kPutAcl:
      return {"ObjectAcl:Put", "Object ACL Updated", nullptr, nullptr};
    case ObjectChange::kExpire:
      return {"LifecycleExpiration:Delete", "Object Deleted", "Lifecycle Expiration", "Permanently Deleted"};
    case ObjectChange::kExpireMarker:
      return {"LifecycleExpiration:DeleteMarkerCreated", "Object Deleted", "Lifecycle Expiration",
              "Delete Marker Created"};
    case ObjectChange::kTransition:
      return {"LifecycleTransition", "Object Storage Class Changed", nullptr, nullptr};
    case ObjectChange::kBeginRestore:
      return {"ObjectRestore:Post", "Object Restore Initiated", nullptr, nullptr};
    case ObjectChange::kRestore:
      return {"ObjectRestore:Completed", "Object Restore Completed", nullptr, nullptr};
  }
  return {"", "", nullptr, nullptr};
}

constexpr const char* kEmptyEtag = "d41d8cd98f00b204e9800998ecf8427e";  ///< What a delete marker has.

bool is_tagging(ObjectChange change) { return change == ObjectChange::kPutTags || change == ObjectChange::kDeleteTags; }
bool is_deletion(ObjectChange change) {
  return change == ObjectChange::kDelete || change == ObjectChange::kDeleteMarker || change == ObjectChange::kExpire ||
         change == ObjectChange::kExpireMarker;
}

/// A greater one, as text, is a later change of the same key.
std::string sequencer(const Object& object, Timestamp now) {
  const std::uint64_t order =
      object.order != 0 ? object.order : static_cast<std::uint64_t>(now.time_since_epoch().count());
  char text[24];
  std::snprintf(text, sizeof text, "%018llX", static_cast<unsigned long long>(order));
  return text;
}

std::string etag_of(ObjectChange change, const Object& object) {
  const bool marker = change == ObjectChange::kDeleteMarker || change == ObjectChange::kExpireMarker;
  return marker ? kEmptyEtag : object.etag;
}

/// As forms encode it: a space is "+".
std::string encoded_key(const std::string& key) {
  std::string out;
  for (const char c : uri_encode(key, true)) {
    out += c;
    if (out.ends_with("%20")) out.replace(out.size() - 3, 3, "+");
  }
  return out;
}

Timestamp restored_until_of(const Object& object) {
  return Timestamp(std::chrono::milliseconds(object.restored_until));
}

std::string principal_of(const wire::Caller& caller) {
  if (caller.anonymous) return "Anonymous";
  return caller.unique_id == caller.account ? caller.account : "AWS:" + caller.unique_id;
}

std::string message_of(const Bucket& bucket, const wire::Call& call, ObjectChange change, const Object& object,
                       const std::string& configuration_id, Timestamp now) {
  wire::JsonWriter json(1024);
  json.begin_object().key("Records").begin_array().begin_object();
  json.key("eventVersion").string(is_tagging(change) ? "2.3" : "2.1").key("eventSource").string("aws:s3");
  json.key("awsRegion").string(bucket.region).key("eventTime").string(iso8601(now, true));
  json.key("eventName").string(names_of(change).event);
  json.key("userIdentity").begin_object().key("principalId").string(principal_of(call.caller)).end_object();
  json.key("requestParameters").begin_object();
  json.key("sourceIPAddress").string(call.http.remote_address).end_object();
  json.key("responseElements").begin_object().key("x-amz-request-id").string(call.request_id);
  json.key("x-amz-id-2").string(wire::s3_host_id(call.request_id)).end_object();
  json.key("s3").begin_object().key("s3SchemaVersion").string("1.0");
  json.key("configurationId").string(configuration_id);
  json.key("bucket").begin_object().key("name").string(bucket.name);
  json.key("ownerIdentity").begin_object().key("principalId").string(bucket.account).end_object();
  json.key("arn").string(bucket.arn()).end_object();
  json.key("object").begin_object().key("key").string(encoded_key(object.key));
  if (!is_deletion(change)) json.key("size").integer(static_cast<std::int64_t>(object.size));
  const std::string etag = etag_of(change, object);
  if (!etag.empty()) json.key("eTag").string(etag);
  if (!object.version.empty()) json.key("versionId").string(object.version);
  if (!is_tagging(change)) json.key("sequencer").string(sequencer(object, now));
  json.end_object().end_object();
  if (change == ObjectChange::kRestore) {
    json.key("glacierEventData").begin_object().key("restoreEventData").begin_object();
    json.key("lifecycleRestorationExpiryTime").string(iso8601(restored_until_of(object), true));
    json.key("lifecycleRestoreStorageClass").string(object.metadata.storage_class).end_object().end_object();
  }
  json.end_object().end_array().end_object();
  return json.take();
}

std::string detail_of(const Bucket& bucket, const wire::Call& call, ObjectChange change, const Object& object,
                      Timestamp now) {
  const Names names = names_of(change);
  wire::JsonWriter json(512);
  json.begin_object().key("version").string("0").key("event-version").string("1.0");
  json.key("bucket").begin_object().key("name").string(bucket.name).end_object();
  json.key("object").begin_object().key("key").string(object.key);
  if (!is_deletion(change)) json.key("size").integer(static_cast<std::int64_t>(object.size));
  const std::string etag = etag_of(change, object);
  if (!etag.empty()) json.key("etag").string(etag);
  if (!object.version.empty()) json.key("version-id").string(object.version);
  if (!is_tagging(change)) json.key("sequencer").string(sequencer(object, now));
  json.end_object().key("request-id").string(call.request_id);
  json.key("requester").string(call.caller.anonymous ? "Anonymous" : call.caller.account);
  json.key("source-ip-address").string(call.http.remote_address);
  if (change == ObjectChange::kTransition) {
    json.key("destination-storage-class").string(object.metadata.storage_class);
  }
  if (change == ObjectChange::kRestore) {
    json.key("restore-expiry-time").string(iso8601(restored_until_of(object)));
    json.key("source-storage-class").string(object.metadata.storage_class);
  }
  if (names.reason != nullptr) json.key("reason").string(names.reason);
  if (names.deletion_type != nullptr) json.key("deletion-type").string(names.deletion_type);
  return json.end_object().take();
}

}  // namespace

Result<void> Notifications::record(storage::Transaction& txn, const Bucket& bucket, const wire::Call& call,
                                   ObjectChange change, const Object& object) const {
  if (bucket.notifications.empty()) return {};
  const Result<api::PutBucketNotificationConfigurationRequest> put =
      wire::read_input<api::PutBucketNotificationConfiguration>(bucket.notifications);
  if (!put.ok()) return put.error();
  const api::NotificationConfiguration& configuration = put->notification_configuration;
  const Timestamp now = clock_.now();
  const std::string name = std::string("s3:") + names_of(change).event;
  const std::vector<NotificationRule> rules = rules_of(configuration);
  for (const NotificationRule& rule : rules) {
    if (!rule.matches(name, object.key)) continue;
    send(txn, bucket, rule.arn, message_of(bucket, call, change, object, rule.id, now));
  }
  if (!configuration.event_bridge_configuration) return {};
  events::Event event;
  event.account = bucket.account;
  event.region = bucket.region;
  event.target_arn = wire::make_arn("events", bucket.region, bucket.account, "event-bus/default");
  event.source_arn = bucket.arn();
  event.payload = detail_of(bucket, call, change, object, now);
  event.attributes["@Source"] = "aws.s3";
  event.attributes["@DetailType"] = names_of(change).detail_type;
  event.attributes["@Resources"] = "[\"" + bucket.arn() + "\"]";
  outbox_.record(txn, std::move(event));
  return {};
}

void Notifications::record_test(storage::Transaction& txn, const Bucket& bucket, const wire::Call& call,
                                const api::NotificationConfiguration& configuration) const {
  wire::JsonWriter json;
  json.begin_object().key("Service").string("Amazon S3").key("Event").string("s3:TestEvent");
  json.key("Time").string(iso8601(clock_.now(), true)).key("Bucket").string(bucket.name);
  json.key("RequestId").string(call.request_id).key("HostId").string(wire::s3_host_id(call.request_id)).end_object();
  const std::vector<NotificationRule> rules = rules_of(configuration);
  for (const NotificationRule& rule : rules) {
    if (rule.arn.find(":lambda:") == std::string::npos) send(txn, bucket, rule.arn, json.text());
  }
}

void Notifications::send(storage::Transaction& txn, const Bucket& bucket, const std::string& arn,
                         std::string message) const {
  events::Event event;
  event.account = bucket.account;
  event.region = bucket.region;
  event.target_arn = arn;
  event.source_arn = bucket.arn();
  event.payload = std::move(message);
  if (arn.find(":sns:") != std::string::npos) event.attributes["@Subject"] = "Amazon S3 Notification";
  outbox_.record(txn, std::move(event));
}

}  // namespace cumulet::s3
