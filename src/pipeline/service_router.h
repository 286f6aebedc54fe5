#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "net/http.h"
#include "wire/service.h"

namespace cumulet::pipeline {

/// Where a request is bound for.
struct Destination {
  const wire::Service* service = nullptr;  ///< Null: no service of ours.
  std::string region;                      ///< Of the credential scope; empty when unsigned.
  std::string bucket;                      ///< S3 in virtual-host style: the bucket that the host names.
};

/// Finds the service of a request by, in this order: the service in its credential scope, the X-Amz-Target prefix, the
/// API version of a query-protocol request, the host name, the path prefix; what is left is S3 in path style.
class ServiceRouter {
 public:
  void add(const wire::Service& service);
  /// `form` is the body of a form-encoded request that carries no signature to go by; empty otherwise.
  Destination route(const net::Request& request) const;

 private:
  const wire::Service* by_signing_name(std::string_view name, std::string_view target = {}) const;
  const wire::Service* by_target(std::string_view target) const;
  const wire::Service* by_host(std::string_view host) const;
  const wire::Service* by_path(std::string_view path) const;

  std::vector<const wire::Service*> services_;
};

/// `credential scope` of a signed request ("AKID/20261122/eu-west-1/s3/aws4_request"): header or presigned query. Empty
/// when there is none.
std::string credential_scope(const net::Request& request);

}  // namespace cumulet::pipeline
