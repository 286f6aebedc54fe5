#include "http2_client.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <sys/socket.h>

namespace cumulet::net {
namespace {

std::vector<nghttp2_nv> pairs_of(const Http2Client::Fields& fields) {
  std::vector<nghttp2_nv> pairs;
  for (const auto& [name, value] : fields) {
    nghttp2_nv pair{};
    pair.name = reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data()));
    pair.namelen = name.size();
    pair.value = reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data()));
    pair.valuelen = value.size();
    pairs.push_back(pair);
  }
  return pairs;
}

}  // namespace

struct Http2Client::Callbacks {
  static Http2Client& self(void* user) { return *static_cast<Http2Client*>(user); }

  static int header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                    const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* user) {
    Stream& stream = self(user).streams_[frame->hd.stream_id];
    const std::string key(reinterpret_cast<const char*>(name), name_size);
    const std::string text(reinterpret_cast<const char*>(value), value_size);
    if (key == ":status") {
      stream.status = std::stoi(text);
      if (stream.status < 200) stream.interim.push_back(stream.status);
    } else {
      stream.fields[key] = text;
    }
    return 0;
  }

  static int data(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* bytes, std::size_t size,
                  void* user) {
    self(user).streams_[id].body.append(reinterpret_cast<const char*>(bytes), size);
    return 0;
  }

  static int frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type == NGHTTP2_GOAWAY) {
      self(user).gone_away_ = true;
      self(user).goodbye_ = frame->goaway.error_code;
    }
    const bool may_end = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    if (may_end && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
      self(user).streams_[frame->hd.stream_id].ended = true;
    return 0;
  }

  static int closed(nghttp2_session*, std::int32_t id, std::uint32_t error, void* user) {
    self(user).streams_[id].closed = true;
    self(user).streams_[id].error = error;
    return 0;
  }

  static ssize_t pull(nghttp2_session*, std::int32_t id, std::uint8_t* to, std::size_t size, std::uint32_t* flags,
                      nghttp2_data_source*, void* user) {
    Upload& upload = self(user).uploads_[id];
    const std::size_t count = std::min(size, upload.bytes.size() - upload.sent);
    std::memcpy(to, upload.bytes.data() + upload.sent, count);
    upload.sent += count;
    if (upload.sent == upload.bytes.size() && upload.last) {
      *flags |= NGHTTP2_DATA_FLAG_EOF;
      if (upload.trailers) *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
      return static_cast<ssize_t>(count);
    }
    return count == 0 ? NGHTTP2_ERR_DEFERRED : static_cast<ssize_t>(count);
  }
};

Http2Client::Http2Client(std::uint16_t port, bool reads) : socket_(port) {
  const int on = 1;
  ::setsockopt(socket_.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, Callbacks::header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Callbacks::data);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Callbacks::frame);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Callbacks::closed);
  nghttp2_option* option = nullptr;
  nghttp2_option_new(&option);
  nghttp2_option_set_no_auto_window_update(option, reads ? 0 : 1);
  nghttp2_option_set_max_send_header_block_length(option, 1 << 20);
  nghttp2_session_client_new2(&session_, callbacks, this, option);
  nghttp2_option_del(option);
  nghttp2_session_callbacks_del(callbacks);
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, nullptr, 0);
}

Http2Client::~Http2Client() { nghttp2_session_del(session_); }

std::int32_t Http2Client::request(const std::string& method, const std::string& path, const Fields& more, bool open) {
  Fields fields{{":method", method}, {":scheme", "http"}, {":authority", "x.example:80"}, {":path", path}};
  fields.insert(fields.end(), more.begin(), more.end());
  return request_of(fields, open);
}

std::int32_t Http2Client::request_of(const Fields& fields, bool open) {
  const std::vector<nghttp2_nv> pairs = pairs_of(fields);
  nghttp2_data_provider provider{};
  provider.read_callback = Callbacks::pull;
  const std::int32_t id =
      nghttp2_submit_request(session_, nullptr, pairs.data(), pairs.size(), open ? &provider : nullptr, nullptr);
  send_all();
  return id;
}

void Http2Client::send(std::int32_t stream, std::string_view bytes, bool last) {
  Upload& upload = uploads_[stream];
  upload.bytes.append(bytes);
  upload.last = last;
  nghttp2_session_resume_data(session_, stream);
  send_all();
}

void Http2Client::end_with_trailers(std::int32_t stream, const Fields& trailers) {
  uploads_[stream].trailers = true;
  send(stream, "", true);
  const std::vector<nghttp2_nv> pairs = pairs_of(trailers);
  nghttp2_submit_trailer(session_, stream, pairs.data(), pairs.size());
  send_all();
}

void Http2Client::reset(std::int32_t stream) {
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream, NGHTTP2_CANCEL);
  send_all();
}

void Http2Client::ping() { nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr); }

void Http2Client::raw(std::string_view bytes) {
  send_all();
  socket_.send(bytes);
}

void Http2Client::send_all() {
  std::string out;
  for (;;) {
    const std::uint8_t* bytes = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_, &bytes);
    if (size <= 0) break;
    out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  }
  socket_.send(out);
}

/// Sends what is ready and takes what comes within that time. False when the connection has ended.
bool Http2Client::exchange(int wait_milliseconds) {
  send_all();
  pollfd waiting{socket_.fd(), POLLIN, 0};
  if (::poll(&waiting, 1, wait_milliseconds) == 0) return true;
  char piece[65536];
  const ssize_t count = ::recv(socket_.fd(), piece, sizeof piece, 0);
  if (count <= 0) {
    ended_ = true;
    return false;
  }
  nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(piece), static_cast<std::size_t>(count));
  send_all();
  return true;
}

bool Http2Client::until(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline || !exchange(10)) return condition();
  }
  return true;
}

Http2Client::Stream& Http2Client::answer(std::int32_t stream) {
  until([this, stream] { return streams_[stream].ended || streams_[stream].closed; });
  return streams_[stream];
}

bool Http2Client::closed() {
  until([this] { return ended_; });
  return ended_;
}

std::size_t Http2Client::unsent(std::int32_t stream) { return uploads_[stream].bytes.size() - uploads_[stream].sent; }

}  // namespace cumulet::net
