#include "net/http2_frames.h"

#include <algorithm>
#include <new>

#include <nghttp2/nghttp2.h>

namespace cumulet::net {
namespace {

/// Pings, settings, empty data, window updates, resets: so many more than the traffic explains, and it is a flood.
constexpr std::int64_t kNoiseLimit = 10'000;
/// A frame of data that we send may be answered with window updates of its stream and of the connection.
constexpr std::int64_t kExcusedByData = 4;

std::string_view view(const std::uint8_t* bytes, std::size_t size) {
  return std::string_view(reinterpret_cast<const char*>(bytes), size);
}

nghttp2_nv field_of(std::string_view name, std::string_view value) {
  nghttp2_nv field{};
  field.name = reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data()));
  field.namelen = name.size();
  field.value = reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data()));
  field.valuelen = value.size();
  return field;
}

bool opens_request(const nghttp2_frame* frame) {
  return frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST;
}

struct CallbackTable {
  CallbackTable() { nghttp2_session_callbacks_new(&all); }
  ~CallbackTable() { nghttp2_session_callbacks_del(all); }
  nghttp2_session_callbacks* all = nullptr;
};

struct Option {
  Option() { nghttp2_option_new(&option); }
  ~Option() { nghttp2_option_del(option); }
  nghttp2_option* option = nullptr;
};

}  // namespace

struct Http2Frames::Callbacks {
  static Http2Frames& self(void* user) { return *static_cast<Http2Frames*>(user); }

  static int begin_frame(nghttp2_session*, const nghttp2_frame_hd* frame, void* user) noexcept {
    Http2Frames& frames = self(user);
    const bool carries = frame->type == NGHTTP2_HEADERS || (frame->type == NGHTTP2_DATA && frame->length > 0);
    if (carries || ++frames.noise_ <= kNoiseLimit) return 0;
    frames.flooded_ = true;
    return NGHTTP2_ERR_CALLBACK_FAILURE;
  }

  static int begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user) noexcept {
    Http2Frames& frames = self(user);
    frames.head_stream_ = frame->hd.stream_id;
    if (opens_request(frame)) frames.events_.request_begins(frame->hd.stream_id);
    return 0;
  }

  /// Trailers are read and dropped.
  static int header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                    const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* user) noexcept {
    if (opens_request(frame))
      self(user).events_.field(frame->hd.stream_id, view(name, name_size), view(value, value_size));
    return 0;
  }

  static int frame_received(nghttp2_session*, const nghttp2_frame* frame, void* user) noexcept {
    Http2Frames& frames = self(user);
    if (frame->hd.type == NGHTTP2_HEADERS) frames.head_stream_ = 0;
    if (opens_request(frame)) frames.events_.head_complete(frame->hd.stream_id);
    const bool can_end = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    if (can_end && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) frames.events_.body_ends(frame->hd.stream_id);
    return 0;
  }

  static int invalid_frame(nghttp2_session*, const nghttp2_frame* frame, int, void* user) noexcept {
    if (frame->hd.type == NGHTTP2_HEADERS) self(user).head_stream_ = 0;
    return 0;
  }

  static int data(nghttp2_session*, std::uint8_t, std::int32_t stream, const std::uint8_t* bytes, std::size_t size,
                  void* user) noexcept {
    self(user).events_.data(stream, view(bytes, size));
    return 0;
  }

  static int closed(nghttp2_session*, std::int32_t stream, std::uint32_t, void* user) noexcept {
    Http2Frames& frames = self(user);
    if (frames.head_stream_ == stream) frames.head_stream_ = 0;
    frames.events_.stream_closed(stream);
    return 0;
  }

  static int sent(nghttp2_session*, const nghttp2_frame* frame, void* user) noexcept {
    if (frame->hd.type == NGHTTP2_DATA) self(user).forgive(kExcusedByData);
    return 0;
  }

  static ssize_t pull(nghttp2_session*, std::int32_t stream, std::uint8_t* to, std::size_t size, std::uint32_t* flags,
                      nghttp2_data_source*, void* user) noexcept {
    const Piece piece = self(user).events_.pull(stream, reinterpret_cast<char*>(to), size);
    if (piece.failed) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    if (piece.last) *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (piece.size == 0 && !piece.last) return NGHTTP2_ERR_DEFERRED;
    return static_cast<ssize_t>(piece.size);
  }
};

Http2Frames::Http2Frames(Events& events, const Settings& settings) : events_(events) {
  const CallbackTable callbacks;
  nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks.all, Callbacks::begin_frame);
  nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks.all, Callbacks::begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(callbacks.all, Callbacks::header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks.all, Callbacks::frame_received);
  nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks.all, Callbacks::invalid_frame);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks.all, Callbacks::data);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks.all, Callbacks::closed);
  nghttp2_session_callbacks_set_on_frame_send_callback(callbacks.all, Callbacks::sent);
  // Windows are opened as bodies are read; closed streams are not remembered for the sake of priorities.
  const Option option;
  nghttp2_option_set_no_auto_window_update(option.option, 1);
  nghttp2_option_set_no_closed_streams(option.option, 1);
  if (nghttp2_session_server_new2(&session_, callbacks.all, this, option.option) != 0) throw std::bad_alloc();

  const nghttp2_settings_entry entries[] = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, settings.streams},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, settings.stream_window},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, settings.header_bytes},
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
  };
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, entries, std::size(entries));
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0,
                                        static_cast<std::int32_t>(settings.connection_window));
}

Http2Frames::~Http2Frames() { nghttp2_session_del(session_); }

bool Http2Frames::receive(std::string_view bytes) {
  if (ended_) return false;
  const ssize_t taken =
      nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  if (taken >= 0) return true;
  go_away(flooded_ || taken == NGHTTP2_ERR_FLOODED ? Http2Error::kEnhanceYourCalm : Http2Error::kProtocol);
  ended_ = true;
  return false;
}

void Http2Frames::output(std::string& out, std::size_t enough) {
  while (out.size() < enough) {
    const std::uint8_t* bytes = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_, &bytes);
    if (size < 0) ended_ = true;
    if (size <= 0) return;
    out.append(view(bytes, static_cast<std::size_t>(size)));
  }
}

bool Http2Frames::wants_to_read() const { return !ended_ && nghttp2_session_want_read(session_) != 0; }

bool Http2Frames::wants_to_write() const { return nghttp2_session_want_write(session_) != 0; }

void Http2Frames::consume(std::int32_t stream, std::size_t bytes) { nghttp2_session_consume(session_, stream, bytes); }

void Http2Frames::respond(std::int32_t stream, const Fields& fields, bool with_body) {
  std::vector<nghttp2_nv> pairs;
  pairs.reserve(fields.size());
  for (const auto& [name, value] : fields) pairs.push_back(field_of(name, value));
  nghttp2_data_provider provider{};
  provider.read_callback = Callbacks::pull;
  nghttp2_submit_response(session_, stream, pairs.data(), pairs.size(), with_body ? &provider : nullptr);
}

void Http2Frames::send_continue(std::int32_t stream) {
  const nghttp2_nv status = field_of(":status", "100");
  nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, stream, nullptr, &status, 1, nullptr);
}

void Http2Frames::resume(std::int32_t stream) { nghttp2_session_resume_data(session_, stream); }

void Http2Frames::reset(std::int32_t stream, Http2Error error) {
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream, static_cast<std::uint32_t>(error));
}

void Http2Frames::announce_shutdown() { nghttp2_submit_shutdown_notice(session_); }

void Http2Frames::go_away(Http2Error error) {
  nghttp2_session_terminate_session(session_, static_cast<std::uint32_t>(error));
}

void Http2Frames::forgive(std::int64_t frames) { noise_ = std::max<std::int64_t>(0, noise_ - frames); }

}  // namespace cumulet::net
