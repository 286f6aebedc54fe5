#include "net/http2_stream.h"

#include <algorithm>
#include <cstring>

#include "base/log.h"
#include "net/yield.h"

namespace cumulet::net {
namespace {

/// What of a body that nobody read is taken after the response, and for how long: the other side may not look at the
/// response before it has sent all.
constexpr std::uint64_t kDropLimit = 256 * 1024;
constexpr std::chrono::seconds kDropTime{2};
/// So many bytes without a wait, and other connections get their turn.
constexpr std::size_t kBytesInARow = 4 * 1024 * 1024;

}  // namespace

class Http2Stream::Source final : public BodySource {
 public:
  explicit Source(Http2Stream& stream)
      : stream_(&stream), size_(stream.framing_.content_length), sized_(stream.framing_.has_length) {}
  ~Source() override {
    if (stream_ != nullptr) stream_->source_ = nullptr;
  }

  Task<std::string> read() override {
    if (stream_ == nullptr) co_return Error(errors::kInternalFailure, "The body of a request was read after its end.");
    co_return co_await stream_->read();
  }
  std::optional<std::uint64_t> size() const override { return sized_ ? std::optional(size_) : std::nullopt; }
  void detach() { stream_ = nullptr; }

 private:
  Http2Stream* stream_;
  std::uint64_t size_;
  bool sized_;
};

Http2Stream::~Http2Stream() {
  if (source_ != nullptr) source_->detach();
  if (!received_.empty()) session_.frames().consume(id_, received_.size());
}

Task<void> Http2Stream::serve() {
  const Refusal refusal = head_.finish(request_, framing_);
  Result<Response> result = Response();
  if (refusal == Refusal::kNone) {
    session_.metrics().requests.add();
    continue_owed_ = framing_.expect_continue && !body_ended_;
    request_.secure = session_.connection().transport().secure();
    request_.remote_address = session_.connection().remote_address();
    auto source = std::make_unique<Source>(*this);
    source_ = source.get();
    request_.body = std::move(source);
    Task<Response> answer = session_.connection().handler()(request_);
    result = co_await attempt(std::move(answer));
    replace_failure(request_, result);
  } else {
    const RefusalText text = describe(refusal);
    session_.metrics().refused(refusal).add();
    log::debug("request refused",
               {{"reason", std::string(text.name)}, {"from", session_.connection().remote_address()}});
    result = Response(text.status, "text/plain; charset=utf-8", std::string(text.sentence) + "\n");
  }

  responded_ = true;
  const bool sent = co_await send(*result, request_.method == "HEAD");
  if (source_ != nullptr) source_->detach();
  source_ = nullptr;
  if (sent) {
    co_await drop_rest();
  } else if (!closed_) {
    session_.frames().reset(id_, Http2Error::kInternal);
    session_.flush();
  }
}

void Http2Stream::data(std::string_view bytes) {
  taken_ += bytes.size();
  if (dropping_ || error_ || closed_) {
    session_.frames().consume(id_, bytes.size());
    dropped_ += bytes.size();
    if (dropping_) arrived_.raise();
    return;
  }
  received_.append(bytes);
  if (taken_ > session_.limits().body_bytes) {
    session_.metrics().refused(Refusal::kBodyTooLarge).add();
    (void)fail_with("EntityTooLarge", 413, "The body of the request is larger than the server takes.");
  }
  arrived_.raise();
}

void Http2Stream::body_ends() {
  body_ended_ = true;
  arrived_.raise();
}

void Http2Stream::close() {
  closed_ = true;
  arrived_.raise();
  pulled_all_.raise();
}

void Http2Stream::tick(SteadyTime now) {
  if (now > read_until_) {
    read_expired_ = true;
    arrived_.raise();
  }
  if (closed_ || !being_pulled() || now - pulled_at_ < std::chrono::seconds(session_.limits().write_idle_seconds))
    return;
  session_.frames().reset(id_, Http2Error::kCancel);
  close();
}

Error Http2Stream::fail_with(std::string code, int status, std::string message) {
  error_.emplace(std::move(code), status, std::move(message));
  return *error_;
}

Task<std::string> Http2Stream::read() {
  if (continue_owed_ && received_.empty() && !closed_) {
    if (responded_)
      co_return fail_with("BadRequest", 400, "The body of the request was not asked for before it was answered.");
    session_.frames().send_continue(id_);
    session_.flush();
  }
  continue_owed_ = false;
  while (!error_ && received_.empty() && !body_ended_ && !closed_) {
    read_until_ = coarse_now() + std::chrono::seconds(session_.limits().body_idle_seconds);
    co_await arrived_.wait();
    read_until_ = SteadyTime::max();
    if (read_expired_)
      co_return fail_with("RequestTimeout", 400,
                          "Your socket connection to the server was not read from or written to within the timeout "
                          "period. Idle connections will be closed.");
  }
  if (error_) co_return *error_;
  std::string piece = std::exchange(received_, std::string());
  if (piece.size() > BodySource::kPiece) {
    received_.assign(piece, BodySource::kPiece);
    piece.resize(BodySource::kPiece);
  }
  if (piece.empty() && !body_ended_)
    co_return fail_with("IncompleteBody", 400, "The connection ended before the body.");
  session_.frames().consume(id_, piece.size());
  session_.flush();
  co_return piece;
}

Http2Frames::Piece Http2Stream::pull(char* to, std::size_t size) {
  Http2Frames::Piece piece;
  piece.size = std::min(size, piece_.size() - pulled_);
  std::memcpy(to, piece_.data() + pulled_, piece.size);
  pulled_ += piece.size;
  pulled_at_ = coarse_now();
  if (pulled_ < piece_.size()) return piece;
  piece.last = last_piece_;
  ended_ = last_piece_;
  pulled_all_.raise();
  return piece;
}

/// Gives the next piece of the response's body to the connection.
void Http2Stream::offer(std::string piece, bool last) {
  piece_ = std::move(piece);
  pulled_ = 0;
  last_piece_ = last;
  pulled_at_ = coarse_now();
}

/// Until the connection has taken what was offered. False when the stream has been closed before.
Task<bool> Http2Stream::all_pulled() {
  session_.flush();
  while (being_pulled() && !closed_) co_await pulled_all_.wait();
  co_return !being_pulled();
}

Task<bool> Http2Stream::send(Response& response, bool head_only) {
  const int status = response.status;
  const std::optional<std::uint64_t> size = body_size(response);
  Http2Frames& frames = session_.frames();
  if (closed_) co_return false;
  if (head_only || status == 204 || status == 304) {
    std::optional<std::uint64_t> length;
    if (status != 204) length = response.content_length;
    if (head_only && status != 204 && status != 304 && !length) length = size;
    frames.respond(id_, http2_fields(response, length), false);
    session_.flush();
    co_return true;
  }
  if (size && *size == 0) {
    frames.respond(id_, http2_fields(response, size), false);
    session_.flush();
    co_return true;
  }
  if (auto* const text = std::get_if<std::string>(&response.body)) {
    frames.respond(id_, http2_fields(response, size), true);
    offer(std::move(*text), true);
    co_return co_await all_pulled();
  }
  BodySource& source = *std::get<std::unique_ptr<BodySource>>(response.body);
  co_return co_await send_source(source, response, size);
}

/// The head goes out with the first piece, so a source that fails at once still becomes a proper answer.
Task<bool> Http2Stream::send_source(BodySource& source, const Response& response, std::optional<std::uint64_t> size) {
  std::uint64_t sent = 0;
  std::size_t in_a_row = 0;
  for (bool first = true;; first = false) {
    Task<std::string> next = source.read();
    Result<std::string> piece = co_await attempt(std::move(next));
    if (closed_) co_return false;
    if (!piece.ok()) {
      log::error("the source of a response failed",
                 {{"code", piece.error().code()}, {"reason", piece.error().message()}});
      if (!first) co_return false;
      Response failure(500, "text/plain; charset=utf-8", "Internal failure.\n");
      co_return co_await send(failure, false);
    }
    const std::size_t got = piece->size();
    sent += got;
    const bool last = size ? sent >= *size : got == 0;
    if (size && (sent > *size || (got == 0 && !last))) {
      log::error("the source of a response gave another length than it said");
      co_return false;
    }
    offer(std::move(*piece), last);
    if (first) {
      session_.frames().respond(id_, http2_fields(response, size), true);
    } else {
      session_.frames().resume(id_);
    }
    if (!co_await all_pulled()) co_return false;
    if (last) co_return true;
    in_a_row += got;
    if (in_a_row < kBytesInARow) continue;
    in_a_row = 0;
    co_await Yield();
  }
}

/// The response is complete; what is still to come of the request's body is taken and dropped, within reason.
Task<void> Http2Stream::drop_rest() {
  if (!received_.empty()) session_.frames().consume(id_, received_.size());
  dropped_ = received_.size();
  received_.clear();
  dropping_ = true;
  session_.flush();
  read_expired_ = false;
  read_until_ = coarse_now() + kDropTime;
  while (!body_ended_ && !closed_ && !read_expired_ && dropped_ <= kDropLimit && !continue_owed_)
    co_await arrived_.wait();
  if (body_ended_ || closed_) co_return;
  session_.frames().reset(id_, Http2Error::kNone);
  session_.flush();
}

}  // namespace cumulet::net
