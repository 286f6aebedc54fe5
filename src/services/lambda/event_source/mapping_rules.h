#pragma once

#include "base/result.h"
#include "wire/generated/lambda.h"

/// What event source mappings may say, in Lambda's words (InvalidParameterValueException).
/// https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html
namespace cumulet::lambda {

/// What a request to create one must have, and what it may not have here.
Result<void> check_given(const wire::lambda::CreateEventSourceMappingRequest& input);
/// A mapping as it would be kept.
Result<void> check_mapping(const wire::lambda::EventSourceMappingConfiguration& mapping);
/// What the API shows where nothing was said.
void fill_defaults(wire::lambda::EventSourceMappingConfiguration& mapping);

}  // namespace cumulet::lambda
