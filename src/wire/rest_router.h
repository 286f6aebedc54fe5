#pragma once

#include <string_view>
#include <vector>

#include "net/http.h"
#include "wire/rest.h"
#include "wire/schema.h"

namespace cumulet::wire {

/// Finds a REST service's operation by method, path, query parameters and headers. Where several fit (S3), the one wins
/// whose URI says more literally what the request says; then the one whose required parameters and headers are there.
class RestRouter {
 public:
  explicit RestRouter(const ServiceModel& service);

  /// The router of a service, made at its first use. Thread-safe.
  static const RestRouter& of(const ServiceModel& service);

  /// Null when no operation fits, or (S3) when a sub-resource is asked for that the fitting one does not speak of:
  /// DELETE /bucket?acl must not delete the bucket.
  const OperationModel* find(const net::Request& request, std::string_view path, const QueryParameters& query) const;

 private:
  using Literal = std::pair<std::string_view, std::string_view>;
  struct Route {
    const OperationModel* operation = nullptr;
    UriTemplate path;
    std::vector<Literal> literals;        ///< Of the query: "?uploads" is {"uploads", ""}.
    std::vector<const Member*> required;  ///< Required headers and query parameters.
  };
  struct Fit;

  Fit fit(const Route& route, const net::Request& request, std::string_view path, const QueryParameters& query) const;
  bool ignores_subresource(const Route& chosen, const QueryParameters& query) const;

  std::vector<Route> routes_;
  std::vector<std::string_view> subresources_;
};

}  // namespace cumulet::wire
