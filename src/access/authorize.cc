#include "access/authorize.h"

#include <string>
#include <utility>

#include "base/error.h"

namespace cumulet::access {
namespace {

/// Services that speak the query protocol or S3's say AccessDenied, all others AccessDeniedException.
bool says_access_denied(std::string_view service) {
  return service == "s3" || service == "iam" || service == "sts" || service == "sns" || service == "cloudformation";
}

}  // namespace

Error access_denied(const wire::Call& call, std::string_view action, std::string_view resource) {
  if (call.service == "s3") return Error("AccessDenied", 403, "Access Denied");
  const std::string who = call.caller.anonymous ? std::string("anonymous") : call.caller.arn;
  std::string message = "User: " + who + " is not authorized to perform: " + std::string(action);
  if (!resource.empty()) message += " on resource: " + std::string(resource);
  message += " because no identity-based policy allows the " + std::string(action) + " action";
  if (says_access_denied(call.service)) return Error("AccessDenied", 403, std::move(message));
  return Error(errors::kAccessDenied, std::move(message));
}

Result<void> authorize(const wire::Call& call, std::string_view action, std::string_view resource) {
  if (call.caller.anonymous || call.caller.account.empty()) return access_denied(call, action, resource);
  return {};
}

Task<void> authorize(const wire::Call& call) {
  // The authenticator lets anonymous callers through only where the service or the model allows them.
  if (call.caller.anonymous) co_return;
  co_await authorize(call, call.service + ":" + call.operation, {});
}

}  // namespace cumulet::access
