#pragma once

#include <string_view>

#include "base/result.h"
#include "base/task.h"
#include "wire/call.h"

/// May this caller do this? Until policies are evaluated in full, whoever has credentials of the account may do
/// everything in it, and whoever has none may do what an operation grants the public by itself (S3's bucket policies).
namespace cumulet::access {

/// The question an operation asks for one resource. An anonymous caller fails with AccessDenied in the service's words.
Result<void> authorize(const wire::Call& call, std::string_view action, std::string_view resource);

/// What the pipeline asks before it runs an operation: anonymous callers pass to S3, which decides by the bucket's
/// policy, and to operations that the model leaves unsigned.
Task<void> authorize(const wire::Call& call);

/// "User: … is not authorized to perform: … on resource: …", worded for the service.
Error access_denied(const wire::Call& call, std::string_view action, std::string_view resource);

}  // namespace cumulet::access
