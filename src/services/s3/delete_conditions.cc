#include "services/s3/delete_conditions.h"

#include "services/s3/conditions.h"
#include "services/s3/errors.h"
#include "services/s3/store.h"
#include "services/s3/versions.h"

namespace cumulet::s3 {

Task<void> DeleteConditions::check(storage::Transaction& txn, const Bucket& bucket, std::string key,
                                   std::optional<std::string> version_id) const {
  if (!etag && !modified && !size) co_return;
  const Contents contents(bucket);
  std::optional<Object> object = co_await contents.find_object(txn, key);
  if (version_id && (!object || shown_version(*object) != *version_id)) {
    const Versions versions(bucket);
    object = co_await versions.find(txn, key, *version_id);
  }
  if (!object || object->delete_marker) co_return;
  if (etag && !etag_matches(*etag, object->etag)) co_await fail(precondition_failed("If-Match"));
  const std::int64_t second = object->modified / 1000;
  if (modified && std::chrono::floor<std::chrono::seconds>(modified->time_since_epoch()).count() != second) {
    co_await fail(precondition_failed("x-amz-if-match-last-modified-time"));
  }
  if (size && static_cast<std::uint64_t>(*size) != object->size) {
    co_await fail(precondition_failed("x-amz-if-match-size"));
  }
}

}  // namespace cumulet::s3
