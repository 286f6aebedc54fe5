#pragma once

#include <chrono>
#include <memory>
#include <string_view>

#include "net/http.h"
#include "wire/call.h"

namespace cumulet::wire {

/// A request whose answer is ready: its head; the body goes out later.
struct Answered {
  Answered(const Call& c, std::string_view b, const net::Response& r, std::string_view e,
           std::chrono::steady_clock::time_point s)
      : call(c), bucket(b), response(r), error(e), started(s) {}
  const Call& call;         ///< Of a surface's request: without operation and caller.
  std::string_view bucket;  ///< S3 in virtual-host style: the bucket that the host names.
  const net::Response& response;
  std::string_view error;  ///< Its code; empty when all went well.
  std::chrono::steady_clock::time_point started;
};

/// Sees how the requests to a service or surface were answered, also those that were refused before they reached it.
class Witness {
 public:
  virtual ~Witness() = default;
  /// Any thread; must not block. What is returned lives until the body has gone out; null when nobody waits for that.
  virtual std::shared_ptr<void> answered(const Answered& answered) = 0;
};

}  // namespace cumulet::wire
