#pragma once

#include <string>
#include <utility>

#include "base/result.h"
#include "wire/json.h"
#include "wire/schema.h"

/// Typed values as JSON documents, for rows. The shapes of one thing (what creates it, what changes it, what shows it)
/// have the same member names, so a document also turns one into another.
namespace cumulet::wire {

template <typename Operation>
std::string input_document(const typename Operation::Input& input) {
  return encode_json(*Operation::model().input, &input);
}
template <typename Operation>
std::string output_document(const typename Operation::Output& output) {
  return encode_json(*Operation::model().output, &output);
}

/// Reads a document into an operation's input or output; members that it does not have stay as they are in `onto`.
template <typename Operation>
Result<typename Operation::Input> read_input(const std::string& document, typename Operation::Input onto = {}) {
  Findings findings;
  decode_json(document, *Operation::model().input, &onto, false, findings);
  if (findings.fatal) return std::move(*findings.fatal);
  return onto;
}
template <typename Operation>
Result<typename Operation::Output> read_output(const std::string& document, typename Operation::Output onto = {}) {
  Findings findings;
  decode_json(document, *Operation::model().output, &onto, false, findings);
  if (findings.fatal) return std::move(*findings.fatal);
  return onto;
}

}  // namespace cumulet::wire
