#pragma once

#include <string>
#include <vector>

#include "wire/document.h"

namespace cumulet::apigateway {

using wire::input_document;
using wire::output_document;
using wire::read_output;

/// The documents of stored things as the answer of a list operation.
template <typename Operation>
Result<typename Operation::Output> read_items(const std::vector<std::string>& documents) {
  std::string all = "{\"items\":[";
  for (const std::string& document : documents) {
    if (all.back() != '[') all += ',';
    all += document;
  }
  all += "]}";
  return read_output<Operation>(all);
}

}  // namespace cumulet::apigateway
