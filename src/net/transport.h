#pragma once

#include <cstddef>
#include <cstdint>

#include <sys/uio.h>

namespace cumulet::net {

/// The bytes of one connection, plain or through TLS. Nothing here waits: an operation that cannot go on says which
/// readiness of the socket it needs.
class Transport {
 public:
  enum class Kind : std::uint8_t {
    kDone,       ///< `bytes` were moved (at least one).
    kNeedRead,   ///< Try again once the socket is readable.
    kNeedWrite,  ///< Try again once the socket is writable.
    kEnd,        ///< The other side has finished sending.
    kBroken,     ///< The connection is of no more use.
  };
  struct Outcome {
    Kind kind;
    std::size_t bytes = 0;
  };

  virtual ~Transport() = default;
  /// Before anything else; plain connections have nothing to do.
  virtual Outcome handshake() = 0;
  virtual Outcome read(char* to, std::size_t size) = 0;
  /// Writes a beginning of the parts.
  virtual Outcome write(const iovec* parts, int count, bool more_follows) = 0;
  /// True when send_file can be used.
  virtual bool sends_files() const { return false; }
  /// Sends from the file at `offset`. kEnd when the file is shorter than that.
  virtual Outcome send_file(int file, std::uint64_t offset, std::size_t size);
  /// Tells the other side that nothing more will be sent.
  virtual void finish() = 0;
  virtual bool secure() const { return false; }
  /// The handshake has agreed on HTTP/2.
  virtual bool speaks_http2() const { return false; }
};

/// A socket as it is. Does not own it.
class PlainTransport final : public Transport {
 public:
  explicit PlainTransport(int socket) : socket_(socket) {}
  Outcome handshake() override { return {Kind::kDone, 0}; }
  Outcome read(char* to, std::size_t size) override;
  Outcome write(const iovec* parts, int count, bool more_follows) override;
  bool sends_files() const override { return true; }
  Outcome send_file(int file, std::uint64_t offset, std::size_t size) override;
  void finish() override;

 private:
  int socket_;
};

}  // namespace cumulet::net
