#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "net/server.h"

namespace cumulet::net {

/// A server on a port of its own, stopped at the end of the test.
class TestServer {
 public:
  explicit TestServer(Handler handler, Limits limits = {}, std::shared_ptr<TlsIdentity> identity = nullptr,
                      std::size_t loops = 2);
  ~TestServer();

  std::uint16_t port() const { return port_; }
  Server& server() { return *server_; }
  Loops& loops() { return loops_; }

 private:
  Loops loops_;
  std::unique_ptr<Server> server_;
  std::uint16_t port_ = 0;
};

/// A response as it stood on the wire.
struct RawResponse {
  int status = 0;
  std::string head;                                ///< Status line and fields, as sent.
  std::string body;                                ///< Decoded.
  std::string field(std::string_view name) const;  ///< Its value; empty without one.
};

/// A client that sends exactly the bytes it is told to.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port);
  ~RawClient();
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  RawClient& send(std::string_view bytes);
  /// Sends what the socket takes now and gives its size.
  std::size_t send_some(std::string_view bytes);
  /// Reads one response: interim ones are given too. Status 0 when the connection ended first.
  RawResponse read(bool head_only = false);
  /// Reads until the server closes.
  std::string read_to_end();
  /// True when the server has closed and nothing is left to read; waits up to 10 s for it.
  bool closed();
  void finish_sending();
  int fd() const { return fd_; }

 private:
  bool fill();

  int fd_;
  std::string buffer_;
};

/// Waits up to 10 s until the condition holds.
bool eventually(const std::function<bool()>& condition);

/// A pattern of that many bytes which no shift or loss leaves alike.
std::string pattern(std::size_t size, std::size_t offset = 0);

}  // namespace cumulet::net
