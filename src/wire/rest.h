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

/// How well an operation fits a request; the greatest wins.
struct RestFit {
  int literals = -1;  ///< Literal path segments; -1 when the operation does not fit at all.
  int queries = 0;    ///< Literal query parameters.
  int missing = 0;    ///< Required headers and query parameters that are not there.
  int present = 0;    ///< … that are there.
  bool deprecated = false;

  bool fits() const { return literals >= 0; }
  bool better_than(const RestFit& other) const;
};

using QueryParameters = std::vector<std::pair<std::string, std::string>>;

RestFit rest_fit(const OperationModel& operation, const net::Request& request, std::string_view path,
                 const QueryParameters& query);

/// The literal query parameters of a model's URI ("?uploads" gives {"uploads", ""}), without x-id.
std::vector<std::pair<std::string_view, std::string_view>> literal_queries(const OperationModel& operation);

/// Fills the members that travel outside the body.
void decode_rest(const OperationModel& operation, const net::Request& request, std::string_view path,
                 const QueryParameters& query, void* input, Findings& findings);

/// Adds the headers and the status that the output's members make.
void encode_rest(const OperationModel& operation, const void* output, net::Response& response);

}  // namespace cumulet::wire
