#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/loop.h"
#include "net/http.h"

namespace cumulet::net {

/// What a connection and a request may cost us. Times in seconds, sizes in bytes.
struct Limits {
  std::size_t header_bytes = 64 * 1024;   ///< Request line and headers; more is 431 (request line: 414).
  std::size_t header_count = 200;         ///< More is 431.
  std::uint64_t body_bytes = 5ull << 30;  ///< More is 413. Operations set tighter ones.
  std::size_t connections = 20'000;       ///< Past it, new ones are closed at once.
  std::size_t of_one_sandbox = 512;       ///< The same for each listener of `serve`; together, they get three quarters.
  std::uint32_t header_seconds = 20;      ///< From the first byte to the end of the headers; then 408.
  std::uint32_t body_idle_seconds = 60;   ///< Without a byte of the body; then the connection closes.
  std::uint32_t keep_alive_seconds = 75;  ///< Idle between requests.
  std::uint32_t write_idle_seconds = 60;  ///< A reader that takes nothing.

  // HTTP/2: requests at once on a connection, and the bytes of one body, and of all, that may wait to be read.
  std::uint32_t http2_streams = 128;
  std::uint32_t http2_stream_window = 256 * 1024;
  std::uint32_t http2_connection_window = 1024 * 1024;
};

/// The event loops: one thread each, sockets are accepted with SO_REUSEPORT by every loop, and a connection stays on
/// the loop that accepted it. Making them prepares the process for sockets: SIGPIPE is ignored, the soft limit of
/// descriptors raised (to 65,536 at most).
class Loops {
 public:
  explicit Loops(std::size_t count);
  ~Loops();  ///< Stops and joins.
  Loops(const Loops&) = delete;
  Loops& operator=(const Loops&) = delete;

  std::size_t size() const;
  Loop& at(std::size_t index);
  /// Starts the threads. Servers are added before or after.
  void run();
  /// Ends the loops once the work posted so far is done, and their threads. Not from one of them.
  void stop();

 private:
  friend class Server;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Gives the certificate for a TLS server name.
class TlsIdentity {
 public:
  virtual ~TlsIdentity() = default;
  /// PEM chain and key for that name (lower case; empty when the client sent none).
  virtual std::pair<std::string, std::string> certificate_for(const std::string& server_name) = 0;
};

/// An HTTP listener: HTTP/1.1, HTTP/2 (by its preface, or agreed on with TLS) and, when an identity is given, TLS, all
/// on the same port: the first bytes tell them apart.
/// Requests whose framing is ambiguous (both Content-Length and Transfer-Encoding, several lengths, obs-fold, a bare
/// LF, spaces before a colon …) are answered 400 and the connection is closed.
class Server {
 public:
  Server(Loops& loops, Handler handler, Limits limits = {}, std::shared_ptr<TlsIdentity> identity = nullptr);
  ~Server();

  /// Listens on host:port (port 0 picks one) on every loop, and returns the port. Fails with the reason of the system.
  Result<std::uint16_t> listen(const std::string& host, std::uint16_t port);

  /// Serves a socket that is listening already (made inside a sandbox's network namespace, say) on one loop, until
  /// `close_listener` with the returned number. Takes the descriptor. `handler` answers only this listener's requests
  /// and may take its time: nothing limits how long it answers.
  std::uint64_t serve(int listening_fd, std::size_t loop_index, Handler handler);
  /// Closes the listener and its connections; handlers at work run to their end. Any thread.
  void close_listener(std::uint64_t listener);

  /// Stops accepting on what `listen` made, lets requests in flight end until the deadline, then closes the connections
  /// that are left. The listeners of `serve` stay until they are closed or the server goes: functions that are at work
  /// still reach their Runtime API. Blocks; not on a loop.
  void drain(SteadyTime deadline);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace cumulet::net
