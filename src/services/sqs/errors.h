#pragma once

#include <string>
#include <utility>

#include "base/error.h"
#include "wire/generated/sqs.h"

/// The failures that several operations share, in SQS's words.
namespace cumulet::sqs {

inline Error invalid_parameter(std::string message) { return Error("InvalidParameterValue", 400, std::move(message)); }

inline Error no_such_queue() {
  return Error(wire::sqs::errors::kQueueDoesNotExist, "The specified queue does not exist.");
}

inline Error invalid_receipt(const std::string& handle) {
  return Error(wire::sqs::errors::kReceiptHandleIsInvalid,
               "The input receipt handle \"" + handle + "\" is not a valid receipt handle.");
}

}  // namespace cumulet::sqs
