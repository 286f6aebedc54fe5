#pragma once

#include <string>
#include <utility>

#include "base/error.h"

namespace cumulet::dynamodb {

/// DynamoDB's error codes; those of the model that we give, with the status it gives them.
namespace errors {
using cumulet::errors::kInternalFailure;
using cumulet::errors::kNotImplemented;
using cumulet::errors::kRequestTimeout;
using cumulet::errors::kValidation;
inline constexpr ErrorKind kConditionalCheckFailed{"ConditionalCheckFailedException", 400};
inline constexpr ErrorKind kResourceNotFound{"ResourceNotFoundException", 400};
inline constexpr ErrorKind kResourceInUse{"ResourceInUseException", 400};
inline constexpr ErrorKind kTableNotFound{"TableNotFoundException", 400};
inline constexpr ErrorKind kLimitExceeded{"LimitExceededException", 400};
inline constexpr ErrorKind kItemCollectionSizeLimitExceeded{"ItemCollectionSizeLimitExceededException", 400};
inline constexpr ErrorKind kTransactionCanceled{"TransactionCanceledException", 400};
inline constexpr ErrorKind kIdempotentParameterMismatch{"IdempotentParameterMismatchException", 400};
inline constexpr ErrorKind kThrottling{"ThrottlingException", 400};
inline constexpr ErrorKind kDuplicateItem{"DuplicateItemException", 400};
inline constexpr ErrorKind kThroughputExceeded{"ProvisionedThroughputExceededException", 400};
inline constexpr ErrorKind kExpiredIterator{"ExpiredIteratorException", 400};
inline constexpr ErrorKind kTrimmedDataAccess{"TrimmedDataAccessException", 400};
}  // namespace errors

/// A ValidationException.
inline Error invalid(std::string message) { return Error(errors::kValidation, std::move(message)); }
/// A ValidationException with the words that most of them begin with.
inline Error invalid_parameter(const std::string& message) {
  return invalid("One or more parameter values were invalid: " + message);
}

}  // namespace cumulet::dynamodb
