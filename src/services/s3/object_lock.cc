#include "services/s3/object_lock.h"

#include "services/s3/errors.h"
#include "wire/checksum.h"
#include "wire/document.h"

namespace cumulet::s3 {
namespace api = wire::s3;

namespace {

constexpr std::int32_t kDaysLimit = 36'500;
constexpr std::int32_t kYearsLimit = 100;
constexpr std::int64_t kDayMillis = 86'400'000;

bool is_mode(const std::string& mode) { return mode == "GOVERNANCE" || mode == "COMPLIANCE"; }

std::int64_t millis_of(Timestamp time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

/// The same day of the year, so many years later; 29 February becomes 1 March where there is none.
std::int64_t years_later(std::int64_t now_millis, std::int32_t years) {
  using std::chrono::sys_days;
  const sys_days day(std::chrono::floor<std::chrono::days>(std::chrono::milliseconds(now_millis)));
  const std::int64_t within_day = now_millis - millis_of(Timestamp(day));
  const std::chrono::year_month_day date(day);
  const std::chrono::year_month_day later(date.year() + std::chrono::years(years), date.month(), date.day());
  return millis_of(Timestamp(sys_days(later))) + within_day;
}

Error no_event_holds() { return Error(errors::kNotImplemented, "Event holds are not implemented by this server."); }

Error date_has_passed(Timestamp until) {
  return invalid_argument("The retain until date must be in the future!", "x-amz-object-lock-retain-until-date",
                          iso8601(until, true));
}

Result<void> check_default(const api::DefaultRetention& retention) {
  if (!retention.mode || !is_mode(*retention.mode)) return malformed_xml();
  if (retention.days.has_value() == retention.years.has_value()) return malformed_xml();
  const std::int32_t period = retention.days ? *retention.days : *retention.years;
  if (period <= 0) {
    return Error("InvalidRetentionPeriod", 400, "Default retention period must be a positive integer value.");
  }
  if (period > (retention.days ? kDaysLimit : kYearsLimit)) {
    return Error("InvalidRetentionPeriod", 400,
                 "Default retention period is too large. It can be at most 36500 days or 100 years.");
  }
  return {};
}

}  // namespace

std::string enabled_lock(const std::string& bucket) {
  api::PutObjectLockConfigurationRequest input;
  input.bucket = bucket;
  input.object_lock_configuration.emplace().object_lock_enabled = "Enabled";
  return wire::input_document<api::PutObjectLockConfiguration>(input);
}

Result<void> check_lock_configuration(const std::optional<api::ObjectLockConfiguration>& wanted) {
  if (!wanted || wanted->object_lock_enabled.value_or("") != "Enabled") return malformed_xml();
  if (!wanted->rule) return {};
  if (!wanted->rule->default_retention) return malformed_xml();
  if (wanted->rule->default_retention->default_event_hold) return no_event_holds();
  return check_default(*wanted->rule->default_retention);
}

Result<void> require_lock(const Bucket& bucket) {
  if (!bucket.object_lock.empty()) return {};
  return invalid_request("Bucket is missing Object Lock Configuration");
}

Result<ObjectLock> lock_of(const AskedLock& asked, const Bucket& bucket, std::int64_t now_millis) {
  ObjectLock lock;
  if (asked.event_hold) return no_event_holds();
  if (!asked.mode && !asked.until && !asked.legal_hold) return lock;
  if (asked.mode.has_value() != asked.until.has_value()) {
    const char* const missing = asked.mode ? "x-amz-object-lock-retain-until-date" : "x-amz-object-lock-mode";
    return invalid_argument("x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied",
                            missing, "");
  }
  if (asked.mode && !is_mode(*asked.mode)) {
    return invalid_argument("Unknown wormMode directive.", "x-amz-object-lock-mode", *asked.mode);
  }
  if (asked.legal_hold && *asked.legal_hold != "ON" && *asked.legal_hold != "OFF") {
    return invalid_argument("Legal Hold must be either of 'ON' or 'OFF'", "x-amz-object-lock-legal-hold",
                            *asked.legal_hold);
  }
  Result<void> enabled = require_lock(bucket);
  if (!enabled.ok()) return std::move(enabled).error();
  if (asked.until && millis_of(*asked.until) <= now_millis) return date_has_passed(*asked.until);
  if (asked.mode) {
    lock.mode = *asked.mode;
    lock.retain_until = millis_of(*asked.until);
  }
  lock.legal_hold = asked.legal_hold.value_or("");
  return lock;
}

Result<void> check_lock_digest(const AskedLock& asked, const Bucket& bucket, const wire::Call& call) {
  ObjectLock given;
  apply_default_lock(bucket, 0, given);
  if (!asked.mode && !asked.legal_hold && given.mode.empty()) return {};
  const net::Headers& headers = call.http.headers;
  if (headers.has("content-md5") || headers.has("x-amz-trailer")) return {};
  for (const auto& [name, value] : headers) {
    if (wire::checksum_kind_of_header(name)) return {};
  }
  return invalid_request(
      "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters");
}

void apply_default_lock(const Bucket& bucket, std::int64_t now_millis, ObjectLock& lock) {
  if (bucket.object_lock.empty() || !lock.mode.empty()) return;
  const auto put = wire::read_input<api::PutObjectLockConfiguration>(bucket.object_lock);
  if (!put.ok() || !put->object_lock_configuration || !put->object_lock_configuration->rule) return;
  const std::optional<api::DefaultRetention>& retention = put->object_lock_configuration->rule->default_retention;
  if (!retention || !retention->mode) return;
  lock.mode = *retention->mode;
  lock.retain_until = retention->days ? now_millis + *retention->days * kDayMillis
                                      : years_later(now_millis, retention->years.value_or(0));
}

bool is_protected(const ObjectLock& lock, std::int64_t now_millis, bool bypass) {
  if (lock.legal_hold == "ON") return true;
  if (lock.mode.empty() || lock.retain_until <= now_millis) return false;
  return lock.mode == "COMPLIANCE" || !bypass;
}

Result<void> check_retention_change(const ObjectLock& before, const ObjectLock& after, std::int64_t now_millis,
                                    bool bypass) {
  if (before.mode.empty() || before.retain_until <= now_millis) return {};
  const bool stays = after.mode == before.mode && after.retain_until >= before.retain_until;
  if (stays || (before.mode == "GOVERNANCE" && bypass)) return {};
  return protected_by_lock();
}

Result<ObjectLock> retention_of(const std::optional<api::ObjectLockRetention>& wanted, std::int64_t now_millis) {
  if (!wanted) return malformed_xml();
  if (wanted->event_hold || wanted->event_hold_duration) return no_event_holds();
  ObjectLock lock;
  if (!wanted->mode && !wanted->retain_until_date) return lock;
  if (!wanted->mode || !wanted->retain_until_date || !is_mode(*wanted->mode)) return malformed_xml();
  if (millis_of(*wanted->retain_until_date) <= now_millis) return date_has_passed(*wanted->retain_until_date);
  lock.mode = *wanted->mode;
  lock.retain_until = millis_of(*wanted->retain_until_date);
  return lock;
}

Error protected_by_lock() {
  return Error("AccessDenied", 403, "Access Denied because object protected by object lock.");
}

}  // namespace cumulet::s3
