#include "services/s3/log_target.h"

#include <array>
#include <cstdio>
#include <ctime>

#include "base/digest.h"
#include "base/ids.h"
#include "base/text.h"
#include "services/s3/acl.h"
#include "services/s3/errors.h"
#include "services/s3/object_lock.h"
#include "services/s3/service_delivery.h"

namespace cumulet::s3 {
namespace api = wire::s3;
namespace {

constexpr const char* kPrincipal = "logging.s3.amazonaws.com";

Error bad_target(std::string message, const std::string& target) {
  return Error("InvalidTargetBucketForLogging", 400, std::move(message)).with("TargetBucket", target);
}

bool takes_logs(const Bucket& source, const Bucket& target, const std::string& key) {
  const access::Decision decision = policy_for_service(kPrincipal, source, target, key);
  if (decision != access::Decision::kNone) return decision == access::Decision::kAllow;
  return acls_enabled(target) && grants_log_delivery(target.acl);
}

bool has_default_retention(const Bucket& bucket) {
  ObjectLock lock;
  apply_default_lock(bucket, 0, lock);
  return !lock.mode.empty();
}

bool by_event_time(const api::LoggingEnabled& wanted) {
  if (!wanted.target_object_key_format || !wanted.target_object_key_format->partitioned_prefix) return false;
  return wanted.target_object_key_format->partitioned_prefix->partition_date_source == "EventTime";
}

std::string formatted(Timestamp time, const char* form) {
  const std::time_t second = std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
  std::tm parts{};
  ::gmtime_r(&second, &parts);
  std::array<char, 64> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), form, &parts);
  return std::string(text.data(), size);
}

}  // namespace

Result<void> check_logging(const api::LoggingEnabled& wanted) {
  if (wanted.target_grants) {
    for (const api::TargetGrant& grant : *wanted.target_grants) {
      const bool known =
          grant.permission == "FULL_CONTROL" || grant.permission == "READ" || grant.permission == "WRITE";
      if (!grant.grantee || !known) return malformed_xml();
    }
  }
  if (!wanted.target_object_key_format) return {};
  const api::TargetObjectKeyFormat& format = *wanted.target_object_key_format;
  if (format.simple_prefix.has_value() == format.partitioned_prefix.has_value()) return malformed_xml();
  if (!format.partitioned_prefix) return {};
  const std::optional<std::string>& source = format.partitioned_prefix->partition_date_source;
  if (source && *source != "EventTime" && *source != "DeliveryTime") return malformed_xml();
  return {};
}

Result<void> check_log_target(const api::LoggingEnabled& wanted, const Bucket& source,
                              const std::optional<Bucket>& target, const std::string& key) {
  const std::string& name = wanted.target_bucket;
  if (!target) return bad_target("The target bucket for logging does not exist", name);
  if (target->account != source.account) {
    return bad_target("The owner for the bucket to be logged and the target bucket must be the same.", name);
  }
  if (target->region != source.region) {
    return Error("CrossLocationLoggingProhibited", 403,
                 "Cross-location logging not allowed. Buckets in one geographic location cannot log information to a "
                 "bucket in another location.")
        .with("SourceBucketLocation", source.region)
        .with("TargetBucketLocation", target->region);
  }
  if (wanted.target_grants && !acls_enabled(*target)) {
    return Error("AccessControlListNotSupported", 400, "The bucket does not allow ACLs");
  }
  if (has_default_retention(*target)) {
    return bad_target("The target bucket for logging must not have a default retention period", name);
  }
  if (!target->request_payment.empty()) {
    return bad_target("The target bucket for logging must not have Requester Pays enabled", name);
  }
  if (!takes_logs(source, *target, key)) {
    return bad_target(
        "You must either provide the necessary permissions to the logging service using a bucket policy or give the "
        "log-delivery group WRITE and READ_ACP permissions to the target bucket",
        name);
  }
  return {};
}

std::string log_key(const api::LoggingEnabled& wanted, const LogStream& stream, Timestamp now, Timestamp day) {
  const std::string unique = to_upper(hex_encode(sha256(uuid()).substr(0, 8)));
  std::string key = wanted.target_prefix;
  const bool partitioned = wanted.target_object_key_format && wanted.target_object_key_format->partitioned_prefix;
  if (!partitioned) return key + formatted(now, "%Y-%m-%d-%H-%M-%S-") + unique;
  const Timestamp at = by_event_time(wanted) ? day : now;
  key += stream.account + "/" + stream.region + "/" + stream.bucket + "/";
  return key + formatted(at, "%Y/%m/%d/%Y-%m-%d-%H-%M-%S-") + unique;
}

Result<std::string> log_acl(const api::LoggingEnabled& wanted, const Bucket& target) {
  if (!wanted.target_grants || !acls_enabled(target)) return std::string();
  std::vector<api::Grant> grants;
  for (const api::TargetGrant& each : *wanted.target_grants) {
    api::Grant& grant = grants.emplace_back();
    grant.grantee = each.grantee;
    grant.permission = each.permission;
  }
  return granting_acl(target.account, std::move(grants));
}

}  // namespace cumulet::s3
