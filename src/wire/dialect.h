#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "wire/schema.h"

/// How each service words the failures that arise before its operation runs.
namespace cumulet::wire {

/// The input breaks constraints; `message` is validate's.
Error validation_failed(const ServiceModel& service, std::string message);
/// SQS: the first required parameter that is not there; `path` as validation spells it.
Error missing_parameter(std::string_view path);
/// The request could not be read; `fatal` is a codec's finding.
Error unreadable(const ServiceModel& service, Error fatal, bool in_body);
/// A body that cannot be parsed at all.
Error malformed_body(const ServiceModel& service);
Error body_too_large(const ServiceModel& service);
/// No operation of that name and version (rest: of that method and path).
Error unknown_operation(const ServiceModel& service, std::string_view name, std::string_view version);
/// An error that all services share, in this service's words; any other as it is.
Error in_words_of(const ServiceModel& service, const Error& error);

}  // namespace cumulet::wire
