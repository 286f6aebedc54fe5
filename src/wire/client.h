#pragma once

#include <string>

#include "base/result.h"
#include "net/http.h"
#include "wire/schema.h"

/// The protocols from a client's side: the command line calls the API as any other client does. Unsigned; see sigv4.h.
namespace cumulet::wire {

/// A request without its host.
struct ClientRequest {
  ClientRequest() = default;
  std::string method;
  std::string target;  ///< Path and query, encoded.
  net::Headers headers;
  std::string body;
};

/// A payload that streams (S3's PutObject) is the caller's: its body stays empty.
ClientRequest encode_request(const ServiceModel& service, const OperationModel& operation, const void* input);

/// Fills `output` from a successful response; from any other, the Error that it carries. A payload that streams becomes
/// a body in memory.
Result<void> decode_response(const ServiceModel& service, const OperationModel& operation, int status,
                             const net::Headers& headers, const std::string& body, void* output);

template <typename Operation>
ClientRequest request_for(const ServiceModel& service, const typename Operation::Input& input) {
  return encode_request(service, Operation::model(), &input);
}

template <typename Operation>
Result<typename Operation::Output> response_of(const ServiceModel& service, int status, const net::Headers& headers,
                                               const std::string& body) {
  typename Operation::Output output{};
  Result<void> read = decode_response(service, Operation::model(), status, headers, body, &output);
  if (!read.ok()) return std::move(read).error();
  return output;
}

}  // namespace cumulet::wire
