#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

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
  /// Takes the body of an answer with status 200 piece by piece, instead of Inbound::body and without a limit, on the
  /// client's thread. False ends the request with code "ResponseRefused" (502).
  std::function<bool(std::string_view bytes)> sink;
  bool follow_redirects = false;
  bool http2 = false;              ///< HTTP/2 also without TLS, by prior knowledge.
  std::string client_certificate;  ///< PEM, with its key: shown to a server that asks. Empty: none.
  std::string client_key;
  std::string trusted_pem;  ///< Authorities to trust instead of the system's; empty for the system's.
};

struct Inbound {
  int status = 0;
  Headers headers;
  std::string body;
};

/// HTTP to other servers (libcurl, HTTP/1.1 and HTTP/2, connections kept), on a thread of its own that the first
/// request starts. Thread-safe. Framing and Connection fields of the caller are left out. Proxies are those of the
/// environment, but never for localhost. Fails with code "ConnectionError" (502) or "RequestTimeout" (504) and the
/// reason in words.
class Client {
 public:
  Client();
  ~Client();
  Task<Inbound> send(Outbound request);                    ///< From a loop.
  Result<Inbound> send_blocking(const Outbound& request);  ///< From any thread that may wait.

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace cumulet::net
