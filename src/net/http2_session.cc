#include "net/http2_session.h"

#include "base/log.h"
#include "net/http2_stream.h"
#include "net/yield.h"

namespace cumulet::net {
namespace {

constexpr std::size_t kFramesAtOnce = 16 * 1024;
constexpr std::size_t kWriteSize = 64 * 1024;
/// So many reads in a row without a wait, and other connections get their turn.
constexpr int kReadsInARow = 16;
constexpr std::chrono::seconds kGoodbyeTime{2};
/// Frames that carry nothing, forgiven with every tick of the connection (half a second).
constexpr std::int64_t kForgivenPerTick = 200;

Http2Frames::Settings settings_of(const Limits& limits) {
  Http2Frames::Settings settings;
  settings.streams = limits.http2_streams;
  settings.stream_window = limits.http2_stream_window;
  settings.connection_window = limits.http2_connection_window;
  settings.header_bytes = static_cast<std::uint32_t>(limits.header_bytes);
  return settings;
}

}  // namespace

Http2Session::Http2Session(Connection& connection)
    : connection_(connection), frames_(*this, settings_of(limits())), idle_since_(coarse_now()) {}

Http2Session::~Http2Session() = default;

Task<void> Http2Session::run() {
  connection_.set_watcher(this);
  connection_.set_idle(false);
  connection_.clear_deadline();
  metrics().http2_connections.add();
  if (connection_.draining()) retire();
  co_await read_frames();

  lingering_ = true;
  close_streams();
  connection_.kill();
  while (running_ > 0 || writing_) co_await task_ended_.wait();
  connection_.set_watcher(nullptr);
}

/// Until the connection has ended.
Task<void> Http2Session::read_frames() {
  ReceiveBuffer& buffer = connection_.buffer();
  take_buffered();
  for (int in_a_row = 1;; ++in_a_row) {
    if (in_a_row % kReadsInARow == 0) co_await Yield();
    Transport::Kind kind = Transport::Kind::kNeedRead;
    if (!connection_.drained()) {
      char* const room = buffer.room(kFramesAtOnce);
      const Transport::Outcome outcome = connection_.receive(room, buffer.room_size());
      if (outcome.kind == Transport::Kind::kDone) {
        buffer.commit(outcome.bytes);
        take_buffered();
        continue;
      }
      kind = outcome.kind;
      if (kind != Transport::Kind::kNeedRead && kind != Transport::Kind::kNeedWrite) co_return;
    }
    if (!co_await connection_.wait(kind)) co_return;
    in_a_row = 0;
  }
}

void Http2Session::take_buffered() {
  ReceiveBuffer& buffer = connection_.buffer();
  if (!lingering_) {
    batching_ = true;
    if (frames_.receive(buffer.view())) {
      start_requests();
    } else {
      metrics().http2_protocol_errors.add();
      log::debug("HTTP/2 connection given up", {{"from", connection_.remote_address()}});
    }
    batching_ = false;
    if (!frames_.head_open()) {
      head_since_ = SteadyTime::max();
    } else if (head_since_ == SteadyTime::max()) {
      head_since_ = coarse_now();
    }
    flush();
  }
  buffer.consume(buffer.view().size());
}

/// A stream that was reset is gone for the other side, while its handler runs on here: those count, too.
void Http2Session::start_requests() {
  for (const std::int32_t id : std::exchange(complete_heads_, {})) {
    Http2Stream* const stream = find(id);
    if (stream == nullptr) continue;
    if (running_ >= 2 * std::size_t{limits().http2_streams}) {
      frames_.reset(id, Http2Error::kRefusedStream);
      continue;
    }
    ++running_;
    stream->set_running();
    start(stream->serve(), [this, id](const Result<void>&) { stream_ended(id); });
  }
}

void Http2Session::stream_ended(std::int32_t id) {
  streams_.erase(id);
  --running_;
  idle_since_ = coarse_now();
  task_ended_.raise();
  if (shutting_down_ && streams_.empty() && !lingering_) say_goodbye(Http2Error::kNone);
}

void Http2Session::close_streams() {
  for (auto at = streams_.begin(); at != streams_.end();) {
    at->second->close();
    at = at->second->running() ? std::next(at) : streams_.erase(at);
  }
}

void Http2Session::flush() {
  if (batching_ || writing_ || lingering_) return;
  const Transport::Kind kind = write_now();
  if (kind == Transport::Kind::kDone) return written();
  writing_ = true;
  write_since_ = coarse_now();
  start(write_rest(kind), [this](const Result<void>&) {
    writing_ = false;
    task_ended_.raise();
    if (out_sent_ == out_.size()) written();
  });
}

/// Until all is sent, or the socket takes no more.
Transport::Kind Http2Session::write_now() {
  for (;;) {
    if (out_sent_ == out_.size()) {
      out_.clear();
      out_sent_ = 0;
      frames_.output(out_, kWriteSize);
      if (out_.empty()) return Transport::Kind::kDone;
    }
    const iovec part{out_.data() + out_sent_, out_.size() - out_sent_};
    const Transport::Outcome outcome = connection_.transport().write(&part, 1, false);
    if (outcome.kind != Transport::Kind::kDone) return outcome.kind;
    metrics().bytes_sent.add(outcome.bytes);
    out_sent_ += outcome.bytes;
  }
}

Task<void> Http2Session::write_rest(Transport::Kind need) {
  while (need == Transport::Kind::kNeedRead || need == Transport::Kind::kNeedWrite) {
    write_since_ = coarse_now();
    if (!co_await connection_.wait(need)) co_return;
    need = write_now();
  }
  if (need != Transport::Kind::kDone) connection_.kill();
}

/// Everything is sent. If it was the last word, the connection ends when the other side has heard it, or after a while:
/// closing on unread bytes would reset the connection.
void Http2Session::written() {
  if (lingering_ || frames_.wants_to_read() || frames_.wants_to_write()) return;
  lingering_ = true;
  linger_until_ = coarse_now() + kGoodbyeTime;
  close_streams();
  connection_.transport().finish();
}

void Http2Session::say_goodbye(Http2Error reason) {
  frames_.go_away(reason);
  flush();
}

void Http2Session::tick(SteadyTime now) {
  const bool stuck = writing_ && now - write_since_ > std::chrono::seconds(limits().write_idle_seconds);
  const bool slow_head =
      head_since_ != SteadyTime::max() && now - head_since_ > std::chrono::seconds(limits().header_seconds);
  if (stuck || slow_head || now > linger_until_) {
    if (slow_head) metrics().refused(Refusal::kHeadTimeout).add();
    connection_.kill();
    return;
  }
  frames_.forgive(kForgivenPerTick);
  if (lingering_) return;
  batching_ = true;
  for (const auto& [id, stream] : streams_) stream->tick(now);
  batching_ = false;
  if (streams_.empty()) {
    if (!writing_ && out_sent_ == out_.size()) std::string().swap(out_), out_sent_ = 0;
    connection_.buffer().release();
    if (now - idle_since_ > std::chrono::seconds(limits().keep_alive_seconds)) frames_.go_away(Http2Error::kNone);
  }
  flush();
}

/// Requests that are under way end, and those that cross our word on the wire; then the connection does.
void Http2Session::retire() {
  shutting_down_ = true;
  if (streams_.empty()) {
    frames_.go_away(Http2Error::kNone);
  } else {
    frames_.announce_shutdown();
  }
  flush();
}

Http2Stream* Http2Session::find(std::int32_t id) {
  const auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : found->second.get();
}

void Http2Session::request_begins(std::int32_t stream) {
  streams_.emplace(stream, std::make_unique<Http2Stream>(*this, stream));
}

void Http2Session::field(std::int32_t stream, std::string_view name, std::string_view value) {
  if (Http2Stream* const found = find(stream)) found->field(name, value);
}

void Http2Session::head_complete(std::int32_t stream) { complete_heads_.push_back(stream); }

void Http2Session::data(std::int32_t stream, std::string_view bytes) {
  if (Http2Stream* const found = find(stream)) {
    found->data(bytes);
  } else {
    frames_.consume(stream, bytes.size());
  }
}

void Http2Session::body_ends(std::int32_t stream) {
  if (Http2Stream* const found = find(stream)) found->body_ends();
}

void Http2Session::stream_closed(std::int32_t stream) {
  Http2Stream* const found = find(stream);
  if (found == nullptr) return;
  found->close();
  if (!found->running()) streams_.erase(stream);
}

Http2Frames::Piece Http2Session::pull(std::int32_t stream, char* to, std::size_t size) {
  Http2Frames::Piece piece;
  if (Http2Stream* const found = find(stream)) return found->pull(to, size);
  piece.failed = true;
  return piece;
}

}  // namespace cumulet::net
