#pragma once

#include <string>

#include "base/task.h"
#include "net/http.h"

namespace cumulet::wire {

/// Requests that are no AWS operation but belong to a service all the same: an API's invoke URL, a function URL, a
/// static site. The pipeline asks each surface in turn before it looks for an operation; the surface does its own
/// access checks and renders its own errors.
class Surface {
 public:
  virtual ~Surface() = default;
  /// Decided by host and path alone; cheap, as it runs on every request.
  virtual bool owns(const net::Request& request) const = 0;
  virtual Task<net::Response> answer(net::Request& request, std::string request_id) = 0;
};

}  // namespace cumulet::wire
