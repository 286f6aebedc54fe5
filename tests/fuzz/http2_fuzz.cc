#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string_view>

#include "base/text.h"
#include "net/http2_head.h"

// Whatever comes after HTTP/2's preface: heads that are accepted are sound, windows are never overrun, and what waits
// to be sent in answer to it is bounded.

using cumulet::net::Framing;
using cumulet::net::Http2Error;
using cumulet::net::Http2Frames;
using cumulet::net::Http2Head;
using cumulet::net::Limits;
using cumulet::net::Refusal;
using cumulet::net::Request;
using cumulet::net::Response;

namespace {

constexpr std::size_t kStreams = 4;
constexpr std::size_t kStreamWindow = 4096;
constexpr std::size_t kConnectionWindow = 65'535;

void require(bool condition) {
  if (!condition) std::abort();
}

Limits small_limits() {
  Limits limits;
  limits.header_bytes = 2048;
  limits.header_count = 16;
  return limits;
}

void check_accepted(const Request& request, const Limits& limits) {
  require(!request.method.empty());
  require(request.path == "*" || request.path.starts_with('/') || request.target.starts_with('*'));
  require(request.target.find_first_of(" \t\r\n") == std::string::npos);
  require(request.headers.size() <= limits.header_count + 1);
  std::size_t hosts = 0;
  for (const auto& [name, value] : request.headers) {
    require(!name.empty() && name.find_first_of(" \t\r\n:") == std::string::npos);
    require(value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
    if (cumulet::iequals(name, "host")) ++hosts;
  }
  require(hosts == 1);
}

/// Answers every request with a body of 3,000 bytes; bodies of the odd ones are read at once, those of the others
/// never.
class Answering final : public Http2Frames::Events {
 public:
  Answering() : limits_(small_limits()), frames_(*this, settings()) {}

  void run(std::string_view bytes) {
    constexpr std::size_t kPiece = 500;
    bool goes_on = true;
    while (goes_on && !bytes.empty()) {
      goes_on = frames_.receive(bytes.substr(0, kPiece));
      bytes.remove_prefix(std::min(bytes.size(), kPiece));
      require(unread_ <= kConnectionWindow + kStreams * kStreamWindow);
      for (const std::int32_t id : std::exchange(complete_, {})) answer(id);
      std::string out;
      frames_.output(out, 1 << 20);
      require(out.size() < 1 << 20);
    }
    frames_.go_away(Http2Error::kNone);
    std::string out;
    frames_.output(out, 1 << 20);
    require(!frames_.wants_to_read());
  }

 private:
  struct Stream {
    explicit Stream(const Limits& limits) : head(limits) {}
    Http2Head head;
    std::size_t unread = 0;
    std::size_t left = 3000;
  };

  static Http2Frames::Settings settings() {
    Http2Frames::Settings settings;
    settings.streams = kStreams;
    settings.stream_window = kStreamWindow;
    settings.connection_window = kConnectionWindow;
    settings.header_bytes = 2048;
    return settings;
  }

  void answer(std::int32_t id) {
    const auto found = streams_.find(id);
    if (found == streams_.end()) return;
    Request request;
    Framing framing;
    const Refusal refusal = found->second.head.finish(request, framing);
    if (refusal == Refusal::kNone) check_accepted(request, limits_);
    frames_.respond(id, http2_fields(Response(refusal == Refusal::kNone ? 200 : 400), std::nullopt), true);
  }

  void request_begins(std::int32_t id) override {
    require(streams_.size() < kStreams + 1);
    require(streams_.emplace(id, Stream(limits_)).second);
  }
  void field(std::int32_t id, std::string_view name, std::string_view value) override {
    streams_.at(id).head.add(name, value);
  }
  void head_complete(std::int32_t id) override { complete_.push_back(id); }
  void data(std::int32_t id, std::string_view bytes) override {
    Stream& stream = streams_.at(id);
    if ((id / 2) % 2 == 0) return frames_.consume(id, bytes.size());
    stream.unread += bytes.size();
    unread_ += bytes.size();
    require(stream.unread <= std::max(kStreamWindow, kConnectionWindow));
  }
  void body_ends(std::int32_t) override {}
  void stream_closed(std::int32_t id) override {
    const auto found = streams_.find(id);
    if (found == streams_.end()) return;
    unread_ -= found->second.unread;
    frames_.consume(id, found->second.unread);
    streams_.erase(found);
  }
  Http2Frames::Piece pull(std::int32_t id, char* to, std::size_t size) override {
    Stream& stream = streams_.at(id);
    Http2Frames::Piece piece;
    piece.size = std::min(size, stream.left);
    std::fill_n(to, piece.size, 'x');
    stream.left -= piece.size;
    piece.last = stream.left == 0;
    return piece;
  }

  const Limits limits_;
  Http2Frames frames_;
  std::map<std::int32_t, Stream> streams_;
  std::vector<std::int32_t> complete_;
  std::size_t unread_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string bytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  bytes.append(reinterpret_cast<const char*>(data), size);
  Answering().run(bytes);
  return 0;
}
