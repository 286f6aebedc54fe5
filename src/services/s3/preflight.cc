#include "services/s3/preflight.h"

#include "base/text.h"
#include "services/s3/cors.h"
#include "services/s3/errors.h"
#include "wire/protocol.h"
#include "wire/virtual_host.h"

namespace cumulet::s3 {

bool S3::Preflight::owns(const net::Request& request) const { return request.method == "OPTIONS"; }

Task<net::Response> S3::Preflight::answer(net::Request& request, std::string request_id) {
  wire::ErrorContext context(request_id);
  context.resource = request.path;
  const wire::ServiceModel& model = s3_.service_.model();
  const std::string_view origin = request.headers.get("origin");
  const std::string_view method = request.headers.get("access-control-request-method");
  if (origin.empty() || method.empty()) {
    const Error error("BadRequest", 400,
                      "Insufficient information. Origin request header and Access-Control-Request-Method needed.");
    co_return wire::render(model, error, context);
  }
  std::string name = wire::virtual_host_bucket(request.host);
  if (name.empty()) name = uri_decode(request.path.substr(1, request.path.find('/', 1) - 1)).value_or("");
  const auto read = [&name](storage::Transaction& txn) { return find_bucket(txn, name); };
  const std::optional<Bucket> bucket = co_await storage::transact(s3_.database_, read);
  if (!bucket) co_return wire::render(model, no_such_bucket(name), context);
  const std::string_view headers = request.headers.get("access-control-request-headers");
  std::optional<net::Headers> reply;
  if (!bucket->cors.empty()) reply = cors_headers(bucket->cors, origin, method, headers, true);
  if (!reply) {
    const Error error =
        Error("AccessForbidden", 403,
              bucket->cors.empty() ? "CORSResponse: CORS is not enabled for this bucket."
                                   : "CORSResponse: This CORS request is not allowed. This is usually because the "
                                     "evalution of Origin, request method / Access-Control-Request-Method or "
                                     "Access-Control-Request-Headers are not whitelisted by the resource's CORS spec.")
            .with("Method", std::string(method))
            .with("ResourceType", request.path.find('/', 1) == std::string::npos ? "BUCKET" : "OBJECT");
    co_return wire::render(model, error, context);
  }
  net::Response response(200);
  response.headers = std::move(*reply);
  response.headers.set("x-amz-request-id", request_id);
  co_return response;
}

}  // namespace cumulet::s3
