#include "wire/dialect.h"

namespace cumulet::wire {
namespace {

bool is_json(const ServiceModel& service) {
  return service.protocol == Protocol::kJson10 || service.protocol == Protocol::kJson11 ||
         service.protocol == Protocol::kRpcV2Cbor || service.protocol == Protocol::kCbor11;
}

/// The same error under another code and status, its fields kept.
Error renamed(const Error& error, std::string code, int status, std::string message) {
  Error out(std::move(code), status, std::move(message));
  for (const Error::Field& field : error.fields()) {
    if (field.raw) {
      static_cast<void>(std::move(out).with_json(field.name, field.value));
    } else {
      static_cast<void>(std::move(out).with(field.name, field.value));
    }
  }
  return out;
}

}  // namespace

Error validation_failed(const ServiceModel& service, std::string message) {
  if (service.protocol == Protocol::kQuery || service.service == "cloudwatch")
    return Error(errors::kValidationError, std::move(message));
  if (service.service == "logs") return Error("InvalidParameterException", 400, std::move(message));
  if (service.service == "apigatewayv2") return Error("BadRequestException", 400, std::move(message));
  if (service.service == "s3") return Error("InvalidRequest", 400, std::move(message));
  return Error(errors::kValidation, std::move(message));
}

Error missing_parameter(std::string_view path) {
  std::string name(path.substr(path.rfind('.') + 1));
  if (!name.empty() && name[0] >= 'a' && name[0] <= 'z') name[0] = static_cast<char>(name[0] - 'a' + 'A');
  return Error("MissingParameter", 400, "The request must contain the parameter " + name + ".");
}

Error malformed_body(const ServiceModel& service) {
  if (service.service == "lambda") {
    return Error("InvalidRequestContentException", 400, "Could not parse request body into json");
  }
  if (service.service == "apigatewayv2") return Error("BadRequestException", 400, "Invalid request input");
  if (service.service == "s3") {
    return Error("MalformedXML", 400,
                 "The XML you provided was not well-formed or did not validate against our published schema");
  }
  if (service.protocol == Protocol::kQuery) return Error("MalformedInput", 400, "");
  return Error(errors::kSerialization, "");
}

Error unreadable(const ServiceModel& service, Error fatal, bool in_body) {
  if (service.service == "s3" && !in_body) return Error("InvalidArgument", 400, fatal.message());
  if (service.service == "apigatewayv2") return Error("BadRequestException", 400, fatal.message());
  // The parser found no JSON at all, rather than JSON of another shape.
  if (in_body && fatal.is(errors::kSerialization) && fatal.message().empty()) return malformed_body(service);
  return fatal;
}

Error body_too_large(const ServiceModel& service) {
  if (service.service == "s3") return Error("MaxMessageLengthExceeded", 400, "Your request was too big.");
  if (service.service == "lambda") {
    return Error("RequestEntityTooLargeException", 413, "Request must be smaller than the limit for this operation");
  }
  return Error("RequestEntityTooLarge", 413, "The request is too large");
}

Error unknown_operation(const ServiceModel& service, std::string_view name, std::string_view version) {
  if (service.protocol == Protocol::kQuery) {
    if (name.empty()) return Error("MissingAction", 400, "The request must contain the parameter Action");
    return Error("InvalidAction", 400,
                 "Could not find operation " + std::string(name) + " for version " + std::string(version));
  }
  if (service.protocol == Protocol::kRestXml) {
    return Error("MethodNotAllowed", 405, "The specified method is not allowed against this resource.");
  }
  return Error(std::string(errors::kUnknownOperation.code), is_json(service) ? 400 : 404, "");
}

Error in_words_of(const ServiceModel& service, const Error& error) {
  const bool internal = error.is(errors::kInternalFailure);
  if (service.service == "s3") {
    if (internal) {
      return renamed(error, "InternalError", 500, "We encountered an internal error. Please try again.");
    }
    if (error.is(errors::kAccessDenied)) return renamed(error, "AccessDenied", 403, "Access Denied");
    if (error.is(errors::kNotImplemented)) {
      return renamed(error, "NotImplemented", 501,
                     "A header or query you provided implies functionality that is not implemented.");
    }
  }
  if (service.service.starts_with("dynamodb") && internal) {
    return renamed(error, "InternalServerError", 500, "The request processing has failed because of an internal error");
  }
  if (service.service == "lambda" && internal) {
    return renamed(error, "ServiceException", 500, "An error occurred and the request cannot be processed.");
  }
  if (error.is(errors::kAccessDenied)) {
    if (service.protocol == Protocol::kQuery) return renamed(error, "AccessDenied", 403, error.message());
    if (is_json(service)) return renamed(error, error.code(), 400, error.message());
  }
  if (error.is(errors::kValidation) && service.protocol == Protocol::kQuery) {
    return renamed(error, std::string(errors::kValidationError.code), 400, error.message());
  }
  if (internal)
    return renamed(error, error.code(), 500, "The request processing has failed because of an unknown error");
  return error;
}

}  // namespace cumulet::wire
