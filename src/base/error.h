#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cumulet {

/// What kind of failure: the AWS error code and its HTTP status. Constants of this type are generated per service
/// (wire/generated/<service>/errors.h); those that every protocol shares stand in base/errors.h.
struct ErrorKind {
  std::string_view code;
  int http_status = 400;
};

/// A failure that a client can see. It arises once, travels as a value, and is rendered once, by the protocol codec.
/// `fields` are further members of the error document (S3's BucketName, Lambda's Reason); a field marked `raw` is JSON
/// text that is placed as it is (DynamoDB's CancellationReasons and Item).
class Error {
 public:
  struct Field {
    std::string name;
    std::string value;
    bool raw = false;
  };

  Error(ErrorKind kind, std::string message)
      : code_(kind.code), message_(std::move(message)), http_status_(kind.http_status) {}
  Error(std::string code, int http_status, std::string message)
      : code_(std::move(code)), message_(std::move(message)), http_status_(http_status) {}

  const std::string& code() const { return code_; }
  const std::string& message() const { return message_; }
  int http_status() const { return http_status_; }
  const std::vector<Field>& fields() const { return fields_; }
  bool is(ErrorKind kind) const { return code_ == kind.code; }

  /// Adds a member to the error document.
  Error&& with(std::string name, std::string value) && {
    fields_.push_back(Field{std::move(name), std::move(value), false});
    return std::move(*this);
  }
  /// Adds a member whose value is JSON text already.
  Error&& with_json(std::string name, std::string json) && {
    fields_.push_back(Field{std::move(name), std::move(json), true});
    return std::move(*this);
  }

 private:
  std::string code_;
  std::string message_;
  int http_status_;
  std::vector<Field> fields_;
};

/// The errors that AWS lists as common to all services.
namespace errors {
inline constexpr ErrorKind kInternalFailure{"InternalFailure", 500};
inline constexpr ErrorKind kServiceUnavailable{"ServiceUnavailable", 503};
inline constexpr ErrorKind kValidation{"ValidationException", 400};
inline constexpr ErrorKind kValidationError{"ValidationError", 400};
inline constexpr ErrorKind kAccessDenied{"AccessDeniedException", 403};
inline constexpr ErrorKind kSerialization{"SerializationException", 400};
inline constexpr ErrorKind kUnknownOperation{"UnknownOperationException", 400};
inline constexpr ErrorKind kNotImplemented{"NotImplemented", 501};
inline constexpr ErrorKind kRequestTimeout{"RequestTimeout", 408};
/// Never leaves the house: the transaction lost a race, and its body must run again.
inline constexpr ErrorKind kTransactionConflict{"TransactionConflict.internal", 500};
}  // namespace errors

}  // namespace cumulet
