#pragma once

#include <string>
#include <string_view>

#include "net/http.h"
#include "wire/schema.h"

namespace cumulet::wire {

/// The headers that every response of a service has: the request's id, S3's second id, DynamoDB's checksum, the content
/// type of the JSON protocols. Call it when the body stands.
void add_response_ids(const ServiceModel& service, const std::string& request_id, net::Response& response);

/// S3's x-amz-id-2: opaque, and the same for the same request.
std::string s3_host_id(std::string_view request_id);

}  // namespace cumulet::wire
