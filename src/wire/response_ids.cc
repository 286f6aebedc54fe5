#include "wire/response_ids.h"

#include "base/digest.h"
#include "base/text.h"

namespace cumulet::wire {

std::string s3_host_id(std::string_view request_id) { return base64_encode(sha256(request_id)); }

void add_response_ids(const ServiceModel& service, const std::string& request_id, net::Response& response) {
  if (service.protocol == Protocol::kRestXml) {
    response.headers.set("x-amz-request-id", request_id);
    response.headers.set("x-amz-id-2", s3_host_id(request_id));
    return;
  }
  response.headers.set("x-amzn-RequestId", request_id);
  if (service.protocol == Protocol::kRpcV2Cbor) response.headers.set("smithy-protocol", "rpc-v2-cbor");
  if (service.protocol == Protocol::kRpcV2Cbor || service.protocol == Protocol::kCbor11) {
    const std::string* written = std::get_if<std::string>(&response.body);
    if (!response.headers.has("Content-Type") && written != nullptr && !written->empty()) {
      response.headers.set(
          "Content-Type", service.protocol == Protocol::kRpcV2Cbor ? "application/cbor" : "application/x-amz-cbor-1.1");
    }
    return;
  }
  if (service.protocol != Protocol::kJson10 && service.protocol != Protocol::kJson11) return;
  if (!response.headers.has("Content-Type")) {
    response.headers.set("Content-Type", service.protocol == Protocol::kJson10 ? "application/x-amz-json-1.0"
                                                                               : "application/x-amz-json-1.1");
  }
  const std::string* body = std::get_if<std::string>(&response.body);
  if (service.service.starts_with("dynamodb") && body != nullptr) {
    response.headers.set("x-amz-crc32", std::to_string(crc32(0, *body)));
  }
}

}  // namespace cumulet::wire
