#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <sys/uio.h>

#include "net/connection.h"
#include "net/http1_response.h"

namespace cumulet::net {

/// Pieces of memory that are written together.
class WriteParts {
 public:
  void add(std::string_view bytes) {
    if (!bytes.empty()) parts_[count_++] = iovec{const_cast<char*>(bytes.data()), bytes.size()};
  }
  bool empty() const { return first_ == count_; }
  const iovec* data() const { return &parts_[first_]; }
  int count() const { return static_cast<int>(count_ - first_); }
  void consume(std::size_t bytes);

 private:
  std::array<iovec, 4> parts_{};
  std::size_t first_ = 0;
  std::size_t count_ = 0;
};

/// Writes responses to an HTTP/1.x connection. A reader that takes nothing for `write_idle_seconds` loses it.
class ResponseWriter {
 public:
  explicit ResponseWriter(Connection& connection) : connection_(connection) {}

  /// What of the request matters for its response.
  struct Context {
    bool head_only = false;
    bool http10 = false;
    bool keep_alive = true;  ///< Becomes false when the response can only end with the connection.
    /// The next request is here already: a short response may share the packet, and the wake-up, of the one to that.
    bool more_follows = false;
  };

  /// Sends all of it. False when the connection must be closed at once: it broke, or the body's source failed midway
  /// and the other side has to notice.
  Task<bool> send(Response& response, Context& context);

 private:
  Task<bool> send_source(BodySource& source, const Response& response, ResponseFraming framing);
  Task<bool> send_file(class FileBody& file);
  Task<bool> write_all(WriteParts& parts, bool more_follows);
  Transport::Kind write_now(WriteParts& parts, bool more_follows);
  Task<bool> wait(Transport::Kind need);

  Connection& connection_;
  std::string head_;
};

}  // namespace cumulet::net
