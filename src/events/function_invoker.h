#pragma once

#include <string>

#include "base/task.h"

namespace cumulet::events {

/// What a function answered to a synchronous call.
struct FunctionReply {
  FunctionReply() = default;
  FunctionReply(std::string p, std::string e) : payload(std::move(p)), function_error(std::move(e)) {}
  std::string payload;
  std::string function_error;  ///< Empty, or "Unhandled": then the payload is the error document.
};

/// Runs functions for the other services (API Gateway, event sources). The Lambda service implements it.
class FunctionInvoker {
 public:
  virtual ~FunctionInvoker() = default;
  /// `function` is a function's ARN, with or without a qualifier. `source_arn` names who asks. Fails with the errors of
  /// Invoke (ResourceNotFoundException, TooManyRequestsException, …). Any loop.
  virtual Task<FunctionReply> invoke(std::string function, std::string payload, std::string source_arn) = 0;
};

}  // namespace cumulet::events
