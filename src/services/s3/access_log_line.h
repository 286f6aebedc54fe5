#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"

namespace cumulet::s3 {

/// A request as a bucket's server access log tells of it. What is not known is empty, and "-" in the line.
/// https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html
struct AccessRecord {
  std::string bucket_owner;
  std::string bucket;
  Timestamp time;
  std::string remote;
  std::string requester;
  std::string request_id;
  std::string operation;  ///< "REST.GET.OBJECT"
  std::string key;
  std::string request_line;  ///< "GET /photos/cat.jpg HTTP/1.1"
  int status = 0;
  std::string error;
  std::optional<std::uint64_t> bytes_sent;
  std::optional<std::uint64_t> object_size;
  std::int64_t total_millis = 0;
  std::int64_t turn_around_millis = 0;
  std::string referer;
  std::string user_agent;
  std::string version;
  std::string host_id;
  std::string signature;       ///< "SigV4" or "SigV2"
  std::string authentication;  ///< "AuthHeader" or "QueryString"
  std::string host;
  std::string source_region;
};

/// One line, with its end. What clients say is cut at 1,024 bytes and can neither end the line nor a quoted field.
std::string access_log_line(const AccessRecord& record);

/// "REST.GET.OBJECT", of an operation's name ("GetObject") and its HTTP method; "WEBSITE.GET.OBJECT" without a name.
std::string access_log_operation(const std::string& operation, const std::string& method);

}  // namespace cumulet::s3
