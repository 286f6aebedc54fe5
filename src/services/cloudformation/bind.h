#pragma once

#include <string>

#include "base/result.h"
#include "services/cloudformation/value.h"
#include "wire/schema.h"

namespace cumulet::cloudformation {

/// Fills a structure of an AWS API from a resource's properties: the same names, as the model (not the wire) spells
/// them. Numbers and booleans may be written as text, as templates do. Properties that the structure does not have are
/// left alone. Fails with ValidationError and the path of a property of the wrong kind.
Result<void> bind(const Value& properties, const wire::Shape& shape, void* structure);

/// The input of an operation, from properties.
template <typename Operation>
Result<typename Operation::Input> input_from(const Value& properties) {
  typename Operation::Input input{};
  Result<void> bound = bind(properties, *Operation::model().input, &input);
  if (!bound.ok()) return std::move(bound).error();
  return input;
}

}  // namespace cumulet::cloudformation
