#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "services/s3/model.h"
#include "wire/generated/s3.h"

/// Objects in the storage classes GLACIER and DEEP_ARCHIVE: they can be read only while they are restored. Their
/// content lies where all other content lies, so a restore is done at once.
/// https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects.html
namespace cumulet::s3 {

/// Fails with InvalidObjectState.
Result<void> check_not_archived(const Object& object, std::int64_t now_millis);

/// Fails with InvalidObjectState, MalformedXML, InvalidArgument or NotImplemented.
Result<void> check_restore(const wire::s3::RestoreRequest& wanted, const Object& object);
/// Until when the object can be read then.
std::int64_t restored_until(const wire::s3::RestoreRequest& wanted, std::int64_t now_millis);

/// As x-amz-restore has it; empty when it does not apply.
std::string restore_header(const Object& object, std::int64_t now_millis);

}  // namespace cumulet::s3
