#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/run.h"
#include "net/http.h"
#include "wire/protocol.h"

/// What the fuzz targets of the protocols share: the input's first byte chooses the operation, the rest is the body.
namespace cumulet::wire {

struct FuzzInput {
  FuzzInput(const std::uint8_t* data, std::size_t size)
      : choice(size == 0 ? 0 : data[0]),
        body(reinterpret_cast<const char*>(data) + (size == 0 ? 0 : 1), size == 0 ? 0 : size - 1) {}
  std::size_t choice;
  std::string_view body;
};

/// Decodes a request and, when that works, renders nothing; when it fails, renders the error.
inline void fuzz_decode(const ServiceModel& service, const OperationModel& operation, net::Request request) {
  const Result<Instance> input = run(decode(service, operation, request, ""));
  if (input.ok()) return;
  if (input.error().is(errors::kInternalFailure)) __builtin_trap();
  const net::Response response = render(service, input.error(), ErrorContext("id"));
  if (response.status < 400 || response.status > 499) __builtin_trap();
}

inline net::Request fuzz_request(std::string method, std::string path, std::string_view body) {
  net::Request request;
  request.method = std::move(method);
  request.path = std::move(path);
  request.target = request.path;
  request.body = std::make_unique<StringBody>(std::string(body));
  return request;
}

}  // namespace cumulet::wire
