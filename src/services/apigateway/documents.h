#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "wire/json.h"
#include "wire/schema.h"

/// Rows are JSON documents, and the shapes of one thing (what creates it, what changes it, what shows it) have the same
/// member names: so a document turns one into another.
namespace cumulet::apigateway {

/// The document of an operation's input or output.
template <typename Operation>
std::string input_document(const typename Operation::Input& input) {
  return wire::encode_json(*Operation::model().input, &input);
}
template <typename Operation>
std::string output_document(const typename Operation::Output& output) {
  return wire::encode_json(*Operation::model().output, &output);
}

/// Reads a document into an operation's output; members that it does not have stay as they are in `onto`.
template <typename Operation>
Result<typename Operation::Output> read_output(const std::string& document, typename Operation::Output onto = {}) {
  wire::Findings findings;
  wire::decode_json(document, *Operation::model().output, &onto, false, findings);
  if (findings.fatal) return std::move(*findings.fatal);
  return onto;
}

/// The documents as the answer of a list operation.
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
