#include "services/s3/archive.h"

#include "base/clock.h"
#include "services/s3/errors.h"
#include "services/s3/lifecycle_rules.h"

namespace cumulet::s3 {
namespace api = wire::s3;

namespace {

bool is_archived(const Object& object) {
  return object.metadata.storage_class == "GLACIER" || object.metadata.storage_class == "DEEP_ARCHIVE";
}

Error invalid_state(const std::string& message, const Object& object) {
  return Error("InvalidObjectState", 403, message).with("StorageClass", object.metadata.storage_class);
}

}  // namespace

Result<void> check_not_archived(const Object& object, std::int64_t now_millis) {
  if (!is_archived(object) || object.restored_until > now_millis) return {};
  return invalid_state("The operation is not valid for the object's storage class", object);
}

Result<void> check_restore(const api::RestoreRequest& wanted, const Object& object) {
  if (wanted.type || wanted.select_parameters || wanted.output_location) {
    return Error(errors::kNotImplemented, "Restores that select are not implemented by this server.");
  }
  if (!is_archived(object))
    return invalid_state("Restore is not allowed for the object's current storage class", object);
  if (!wanted.days) return malformed_xml();
  if (*wanted.days < 1) {
    return invalid_argument("restoration days should be at least 1", "Days", std::to_string(*wanted.days));
  }
  std::string tier = wanted.tier.value_or("Standard");
  if (wanted.glacier_job_parameters) tier = wanted.glacier_job_parameters->tier;
  if (tier != "Standard" && tier != "Bulk" && tier != "Expedited") return malformed_xml();
  if (tier == "Expedited" && object.metadata.storage_class == "DEEP_ARCHIVE") {
    return invalid_argument("Retrieval option is not supported by this storage class", "Tier", tier);
  }
  return {};
}

std::int64_t restored_until(const api::RestoreRequest& wanted, std::int64_t now_millis) {
  return midnight_after(now_millis, wanted.days.value_or(1));
}

std::string restore_header(const Object& object, std::int64_t now_millis) {
  if (!is_archived(object) || object.restored_until <= now_millis) return {};
  return "ongoing-request=\"false\", expiry-date=\"" +
         http_date(Timestamp(std::chrono::milliseconds(object.restored_until))) + "\"";
}

}  // namespace cumulet::s3
