#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

struct nghttp2_session;

/// HTTP/2's frames on one connection, server side: bytes in, events out, and back. nghttp2 is inside http2_frames.cc
/// and nowhere else; nothing here reads, writes or waits.
namespace cumulet::net {

/// Error codes of RFC 9113 that we send.
enum class Http2Error : std::uint32_t {
  kNone = 0,
  kProtocol = 1,
  kInternal = 2,
  kRefusedStream = 7,
  kCancel = 8,
  kEnhanceYourCalm = 11,
};

class Http2Frames {
 public:
  struct Settings {
    std::uint32_t streams = 0;            ///< Concurrent requests.
    std::uint32_t stream_window = 0;      ///< Bytes of one body that may be on their way or unread.
    std::uint32_t connection_window = 0;  ///< The same of all bodies together.
    std::uint32_t header_bytes = 0;
  };

  /// What of a response's body is taken at once.
  struct Piece {
    std::size_t size = 0;
    bool last = false;    ///< Without it, size 0 means: later, after resume().
    bool failed = false;  ///< The stream is reset.
  };

  using Fields = std::vector<std::pair<std::string, std::string>>;

  /// What the other side's frames mean. Called within receive() and output(): only consume() may be called from there.
  class Events {
   public:
    virtual ~Events() = default;
    virtual void request_begins(std::int32_t stream) = 0;
    virtual void field(std::int32_t stream, std::string_view name, std::string_view value) = 0;
    virtual void head_complete(std::int32_t stream) = 0;
    virtual void data(std::int32_t stream, std::string_view bytes) = 0;
    virtual void body_ends(std::int32_t stream) = 0;
    /// Complete in both directions, or reset by one side.
    virtual void stream_closed(std::int32_t stream) = 0;
    /// Fills `to` from the body of the response.
    virtual Piece pull(std::int32_t stream, char* to, std::size_t size) = 0;
  };

  Http2Frames(Events& events, const Settings& settings);
  ~Http2Frames();
  Http2Frames(const Http2Frames&) = delete;
  Http2Frames& operator=(const Http2Frames&) = delete;

  /// Takes bytes that came, the connection's preface first. False when the connection cannot go on: what output() still
  /// gives (a GOAWAY that says why) is the last word.
  bool receive(std::string_view bytes);
  /// Appends frames that are ready to be sent, until `out` has reached about `enough` bytes.
  void output(std::string& out, std::size_t enough);
  bool wants_to_read() const;
  bool wants_to_write() const;

  /// So many bytes of a body have been used: the other side may send as many more.
  void consume(std::int32_t stream, std::size_t bytes);
  /// Sends ":status" and fields; the body comes by Events::pull.
  void respond(std::int32_t stream, const Fields& fields, bool with_body);
  void send_continue(std::int32_t stream);
  /// pull() has something again.
  void resume(std::int32_t stream);
  void reset(std::int32_t stream, Http2Error error);
  /// Says that no further request will be taken; those that are on their way still are.
  void announce_shutdown();
  /// GOAWAY: the end, once it is sent.
  void go_away(Http2Error error);

  /// A head has begun and is not complete: no other frame can come in between.
  bool head_open() const { return head_stream_ != 0; }
  /// Time passes: frames that carry nothing are forgiven at a rate.
  void forgive(std::int64_t frames);

 private:
  struct Callbacks;

  Events& events_;
  nghttp2_session* session_ = nullptr;
  std::int32_t head_stream_ = 0;  ///< Whose head is coming; 0: none.
  bool flooded_ = false;
  bool ended_ = false;
  std::int64_t noise_ = 0;  ///< Frames received that carried nothing, less what excuses them.
};

}  // namespace cumulet::net
