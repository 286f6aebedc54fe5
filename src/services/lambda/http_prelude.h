#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "net/http.h"

/// How a streamed response says its status and headers: a JSON object {statusCode, headers, cookies} and eight NUL
/// bytes before the body, with a content type of its own.
/// https://docs.aws.amazon.com/lambda/latest/dg/config-rs-write-functions.html
namespace cumulet::lambda {

inline constexpr std::string_view kHttpIntegrationType = "application/vnd.awslambda.http-integration-response";

/// The status and headers that the JSON object asks for. Fails with MalformedResponse (502).
Result<net::Response> parse_http_prelude(std::string_view json);

/// Takes the beginning of a streamed response until its prelude is whole. What a function writes is hostile: a prelude
/// has at most 64 KiB.
class HttpPrelude {
 public:
  static constexpr std::size_t kLimit = 64 * 1024;
  enum class Progress { kMore, kWhole, kBad };

  Progress take(std::string_view piece);
  /// With kWhole: the response without its body, and what came of the body already.
  net::Response& response() { return response_; }
  std::string& rest() { return text_; }

 private:
  std::string text_;
  net::Response response_;
};

}  // namespace cumulet::lambda
