#pragma once

#include <string>

#include <gtest/gtest.h>

#include "base/run.h"
#include "net/http.h"
#include "wire/protocol.h"

/// Requests by hand, and what the protocols make of them.
namespace cumulet::wire {

inline net::Request request_of(std::string method, std::string target, std::string body = {},
                               net::Headers headers = {}) {
  net::Request request;
  request.method = std::move(method);
  request.target = std::move(target);
  const std::size_t question = request.target.find('?');
  request.path = request.target.substr(0, question);
  if (question != std::string::npos) request.query = request.target.substr(question + 1);
  request.headers = std::move(headers);
  request.body = std::make_unique<StringBody>(std::move(body));
  return request;
}

inline net::Request json_request(std::string target, std::string body) {
  return request_of("POST", "/", std::move(body), {{"X-Amz-Target", std::move(target)}});
}

inline net::Request form_request(std::string body) {
  return request_of("POST", "/", std::move(body), {{"Content-Type", "application/x-www-form-urlencoded"}});
}

/// The name of the operation that a request is for, or the error's code.
inline std::string routed(const ServiceModel& service, net::Request request, std::string bucket = {}) {
  const Result<const OperationModel*> operation = run(route(service, request, std::move(bucket)));
  return operation.ok() ? std::string((*operation)->name) : operation.error().code();
}

template <typename Operation>
Result<typename Operation::Input> decoded(const ServiceModel& service, net::Request request, std::string bucket = {}) {
  Result<Instance> input = run(decode(service, Operation::model(), request, std::move(bucket)));
  if (!input.ok()) return std::move(input).error();
  return std::move(input->template as<typename Operation::Input>());
}

template <typename Operation>
net::Response encoded(const ServiceModel& service, typename Operation::Output output) {
  net::Request request = request_of("POST", "/");
  Call call(request);
  call.request_id = "id-1";
  return encode(service, Operation::model(), &output, call);
}

inline std::string body_of(const net::Response& response) {
  const auto* text = std::get_if<std::string>(&response.body);
  return text != nullptr ? *text : "<stream>";
}

inline std::string message_of(const Error& error) { return error.code() + ": " + error.message(); }

}  // namespace cumulet::wire
