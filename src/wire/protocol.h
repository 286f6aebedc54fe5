#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/task.h"
#include "net/http.h"
#include "wire/call.h"
#include "wire/schema.h"

/// The AWS protocols from the pipeline's point of view: which operation is it, bytes to typed input, typed output to
/// bytes, Error to bytes. A request goes through route, then (authentication, which may replace the body) decode.
namespace cumulet::wire {

/// The service's model in the protocol that the request speaks. Routing, decoding, encoding and rendering take this
/// one.
const ServiceModel& spoken_model(const ServiceModel& service, const net::Request& request);

/// Finds the operation of a request. For query services that post a form, reads the body and puts it back. `bucket` is
/// what the host of an S3 request in virtual-host style names; otherwise empty. The error is in the service's words.
Task<const OperationModel*> route(const ServiceModel& service, net::Request& request, std::string bucket);

/// The operation takes its body as it comes in (S3's PutObject): decode does not read it, the input owns it.
bool streams_body(const OperationModel& operation);

/// The longest body that is read whole.
std::uint64_t body_limit(const ServiceModel& service, const OperationModel& operation);

/// The typed input, validated. Takes the request's body.
Task<Instance> decode(const ServiceModel& service, const OperationModel& operation, net::Request& request,
                      std::string bucket);

/// The response to a successful call. A body that streams moves from the output into the response.
net::Response encode(const ServiceModel& service, const OperationModel& operation, void* output, const Call& call);

/// What the error document says besides the error.
struct ErrorContext {
  explicit ErrorContext(std::string id) : request_id(std::move(id)) {}
  std::string request_id;
  std::string resource;  ///< S3's <Resource>: the request's path.
};

/// The response to a failed call, whether it failed before its operation was known or inside it. Errors that all
/// services share (base/error.h) get the service's own code and message. A field of the error whose name starts with
/// "header:" becomes a response header ("header:x-amz-delete-marker"), any other a member of the document.
net::Response render(const ServiceModel& service, const Error& error, const ErrorContext& context);

/// Fails in the service's words when `input` (of the operation's input type) breaks a constraint of the model.
Result<void> check_input(const ServiceModel& service, const OperationModel& operation, const void* input);

}  // namespace cumulet::wire
