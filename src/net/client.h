#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/task.h"
#include "base/thread_pool.h"
#include "net/http.h"

namespace cumulet::net {

/// One outbound request.
struct Outbound {
  std::string method = "GET";
  std::string url;  ///< http:// or https:// only.
  Headers headers;
  std::string body;
  std::chrono::milliseconds timeout{30'000};
  std::uint64_t response_limit = 10u << 20;  ///< Bytes; a longer answer fails.
  bool follow_redirects = false;
};

struct Inbound {
  int status = 0;
  Headers headers;
  std::string body;
};

/// HTTP to other servers (libcurl, HTTP/1.1 and HTTP/2, connections kept). Thread-safe. Fails with code
/// "ConnectionError" (502) or "RequestTimeout" (504) and the reason in words.
class Client {
 public:
  Client();
  ~Client();
  Task<Inbound> send(Outbound request);  ///< From a loop.
  Result<Inbound> send_blocking(const Outbound& request);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace cumulet::net
