#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/http.h"
#include "wire/decoding.h"
#include "wire/schema.h"

/// The parts of REST messages outside the body: labels in the path, query parameters, headers, status.
namespace cumulet::wire {

/// The path that a model's URI is held against: with the bucket that the host named put in front.
std::string effective_path(const net::Request& request, std::string_view bucket);

/// The path of a model's URI: literal segments, labels {Key}, and at the end perhaps a label {Key+} that takes the
/// rest.
class UriTemplate {
 public:
  struct Label {
    std::string_view name;
    std::string_view value;  ///< Still encoded.
  };

  UriTemplate() = default;
  explicit UriTemplate(std::string_view uri);

  /// The number of literal segments, -1 when the path does not fit. Adds the labels, where they are wanted. A slash at
  /// the end of the path does not count, unless a label takes the rest.
  int match(std::string_view path, std::vector<Label>* labels) const;

 private:
  enum class Kind { kLiteral, kLabel, kRest };
  struct Segment {
    Kind kind = Kind::kLiteral;
    std::string_view text;  ///< The literal, or the label's name.
  };
  std::vector<Segment> segments_;
};

using QueryParameters = std::vector<std::pair<std::string, std::string>>;

/// Fills the members that travel outside the body.
void decode_rest(const OperationModel& operation, const net::Request& request, std::string_view path,
                 const QueryParameters& query, void* input, Findings& findings);

/// Adds the headers and the status that the output's members make.
void encode_rest(const OperationModel& operation, const void* output, net::Response& response);

}  // namespace cumulet::wire
