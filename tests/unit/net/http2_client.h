#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support.h"

struct nghttp2_session;

namespace cumulet::net {

/// An HTTP/2 client by prior knowledge that does what a test tells it to. Not thread-safe; nothing is sent or received
/// but in its calls, which wait up to 10 s.
class Http2Client {
 public:
  struct Stream {
    int status = 0;
    std::vector<int> interim;
    std::map<std::string, std::string> fields;
    std::string body;
    bool ended = false;   ///< END_STREAM came.
    bool closed = false;  ///< Complete, or reset with `error`.
    std::uint32_t error = 0;
  };
  using Fields = std::vector<std::pair<std::string, std::string>>;

  /// With `reads` false it never opens its windows further.
  explicit Http2Client(std::uint16_t port, bool reads = true);
  ~Http2Client();
  Http2Client(const Http2Client&) = delete;
  Http2Client& operator=(const Http2Client&) = delete;

  /// Begins a request; without `open`, it ends with its head.
  std::int32_t request(const std::string& method, const std::string& path, const Fields& more = {}, bool open = false);
  /// With exactly these fields.
  std::int32_t request_of(const Fields& fields, bool open = false);
  void send(std::int32_t stream, std::string_view bytes, bool last);
  void end_with_trailers(std::int32_t stream, const Fields& trailers);
  void reset(std::int32_t stream);
  void ping();
  /// Bytes that are no frame of the session's.
  void raw(std::string_view bytes);

  /// Sends and receives until the condition holds; false after 10 s, or when the connection ended before.
  bool until(const std::function<bool()>& condition);
  /// The response, complete or not.
  Stream& answer(std::int32_t stream);
  Stream& stream(std::int32_t id) { return streams_[id]; }
  /// Receives until the server closes.
  bool closed();
  bool gone_away() const { return gone_away_; }
  std::uint32_t goodbye() const { return goodbye_; }  ///< The GOAWAY's error code.
  std::size_t unsent(std::int32_t stream);            ///< Bytes of the body that wait for a window.

 private:
  struct Callbacks;
  struct Upload {
    std::string bytes;
    std::size_t sent = 0;
    bool last = false;
    bool trailers = false;
  };

  bool exchange(int wait_milliseconds);
  void send_all();

  RawClient socket_;
  nghttp2_session* session_ = nullptr;
  std::map<std::int32_t, Stream> streams_;
  std::map<std::int32_t, Upload> uploads_;
  bool gone_away_ = false;
  bool ended_ = false;
  std::uint32_t goodbye_ = 0;
};

}  // namespace cumulet::net
