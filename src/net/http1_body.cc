#include "net/http1_body.h"

#include <algorithm>

#include "base/text.h"
#include "net/trailers.h"

namespace cumulet::net {
namespace {

constexpr std::size_t kSmallPiece = 16 * 1024;
constexpr std::size_t kLargePiece = 256 * 1024;
constexpr std::uint64_t kDiscardLimit = 256 * 1024;
constexpr std::chrono::seconds kLongPause{1000};

}  // namespace

class IncomingBody::Source final : public BodySource, public Trailers {
 public:
  explicit Source(IncomingBody& body)
      : body_(&body), size_(body.framing_.content_length), sized_(body.framing_.has_length) {}
  ~Source() override {
    if (body_ != nullptr) body_->source_ = nullptr;
  }

  Task<std::string> read() override {
    if (body_ == nullptr) co_return Error(errors::kInternalFailure, "The body of a request was read after its end.");
    co_return co_await body_->read();
  }
  std::optional<std::uint64_t> size() const override { return sized_ ? std::optional(size_) : std::nullopt; }
  std::string trailer(std::string_view name) const override {
    return body_ == nullptr ? std::string() : body_->trailer(name);
  }
  void detach() { body_ = nullptr; }

 private:
  IncomingBody* body_;
  std::uint64_t size_;
  bool sized_;
};

std::unique_ptr<BodySource> IncomingBody::begin(const Framing& framing) {
  end();
  framing_ = framing;
  decoder_ = ChunkedDecoder();
  left_ = framing.content_length;
  taken_ = 0;
  piece_size_ = kSmallPiece;
  done_ = !framing.chunked && left_ == 0;
  continue_owed_ = framing.expect_continue && !done_;
  response_begun_ = false;
  error_.reset();
  auto source = std::make_unique<Source>(*this);
  source_ = source.get();
  return source;
}

void IncomingBody::end() {
  if (source_ != nullptr) source_->detach();
  source_ = nullptr;
}

bool IncomingBody::can_be_finished() const {
  if (done_) return true;
  return !error_ && !continue_owed_ && (framing_.chunked || left_ <= kDiscardLimit);
}

Error IncomingBody::fail_with(std::string code, int status, std::string message) {
  error_.emplace(std::move(code), status, std::move(message));
  return *error_;
}

void IncomingBody::count(std::size_t bytes) {
  taken_ += bytes;
  if (!framing_.chunked) {
    left_ -= bytes;
    done_ = left_ == 0;
  } else if (taken_ > connection_.context().limits.body_bytes) {
    connection_.context().metrics.refused(Refusal::kBodyTooLarge).add();
    (void)fail_with("EntityTooLarge", 413, "The body of the request is larger than the server takes.");
  }
}

/// What the buffer holds of the body; empty when that is nothing.
std::string IncomingBody::take_buffered() {
  ReceiveBuffer& buffer = connection_.buffer();
  std::string piece;
  if (!framing_.chunked) {
    const std::size_t size =
        static_cast<std::size_t>(std::min<std::uint64_t>({buffer.view().size(), left_, kLargePiece}));
    piece.assign(buffer.view().data(), size);
    buffer.consume(size);
    count(size);
    return piece;
  }
  while (!buffer.empty() && piece.size() < kLargePiece && !done_ && !error_) {
    const ChunkedDecoder::Step step = decoder_.decode(buffer.view());
    piece.append(step.data);
    buffer.consume(step.consumed);
    count(step.data.size());
    done_ = step.status == ChunkedDecoder::Status::kDone;
    if (step.status == ChunkedDecoder::Status::kBad) {
      connection_.context().metrics.refused(Refusal::kFraming).add();
      (void)fail_with("BadRequest", 400, "The chunks of the request's body are malformed.");
    }
  }
  return piece;
}

/// Receives once, waiting as long as it takes: data that is surely the body's goes into `piece`, anything else into the
/// buffer. False when the connection has ended.
Task<bool> IncomingBody::receive(std::string& piece) {
  const std::uint64_t ahead = framing_.chunked ? decoder_.data_ahead() : left_;
  for (;;) {
    Transport::Kind kind = Transport::Kind::kNeedRead;
    if (!connection_.drained()) {
      Transport::Outcome outcome{Transport::Kind::kDone};
      if (ahead > 0) {
        piece.resize(static_cast<std::size_t>(std::min<std::uint64_t>(ahead, piece_size_)));
        outcome = connection_.receive(piece.data(), piece.size());
        if (outcome.bytes == piece.size()) piece_size_ = std::min(piece_size_ * 4, kLargePiece);
        piece.resize(outcome.bytes);
        decoder_.skip_data(framing_.chunked ? outcome.bytes : 0);
        count(outcome.bytes);
      } else {
        char* const room = connection_.buffer().room(kSmallPiece);
        outcome = connection_.receive(room, connection_.buffer().room_size());
        connection_.buffer().commit(outcome.bytes);
      }
      if (outcome.kind == Transport::Kind::kDone) co_return true;
      if (outcome.kind != Transport::Kind::kNeedRead && outcome.kind != Transport::Kind::kNeedWrite) co_return false;
      kind = outcome.kind;
    }
    // A function that streams its response may be silent for as long as it may run.
    const bool front = connection_.origin().front;
    connection_.set_deadline(front ? std::chrono::seconds(connection_.context().limits.body_idle_seconds) : kLongPause);
    const bool ready = co_await connection_.wait(kind);
    if (!ready) co_return false;
    connection_.clear_deadline();
  }
}

Task<bool> IncomingBody::send_continue() {
  continue_owed_ = false;
  std::string text = "HTTP/1.1 100 Continue\r\n\r\n";
  std::size_t sent = 0;
  while (sent < text.size()) {
    const iovec part{text.data() + sent, text.size() - sent};
    const Transport::Outcome outcome = connection_.transport().write(&part, 1, false);
    sent += outcome.bytes;
    if (outcome.kind == Transport::Kind::kDone) continue;
    if (outcome.kind != Transport::Kind::kNeedRead && outcome.kind != Transport::Kind::kNeedWrite) co_return false;
    connection_.set_deadline(std::chrono::seconds(connection_.context().limits.write_idle_seconds));
    if (!co_await connection_.wait(outcome.kind)) co_return false;
  }
  connection_.clear_deadline();
  co_return true;
}

Task<std::string> IncomingBody::read() {
  if (continue_owed_ && connection_.buffer().empty()) {
    if (response_begun_)
      co_return fail_with("BadRequest", 400, "The body of the request was not asked for before it was answered.");
    if (!co_await send_continue()) co_return fail_with("IncompleteBody", 400, "The connection ended before the body.");
  }
  continue_owed_ = false;
  for (;;) {
    if (error_) co_return *error_;
    if (done_) co_return std::string();
    std::string piece = take_buffered();
    if (piece.empty() && !done_ && !error_) {
      if (!co_await receive(piece)) {
        if (connection_.expired())
          co_return fail_with("RequestTimeout", 400,
                              "Your socket connection to the server was not read from or written to within the timeout "
                              "period. Idle connections will be closed.");
        co_return fail_with("IncompleteBody", 400, "The connection ended before the body.");
      }
    }
    if (!piece.empty() && !error_) co_return piece;
  }
}

std::string IncomingBody::trailer(std::string_view name) const {
  if (!done_ || !framing_.chunked) return {};
  for (const std::string_view line : split(decoder_.trailers(), '\n')) {
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos && iequals(line.substr(0, colon), name)) {
      return std::string(trim(line.substr(colon + 1)));
    }
  }
  return {};
}

Task<bool> IncomingBody::discard() {
  std::uint64_t discarded = 0;
  while (!done_) {
    Task<std::string> next = read();
    const Result<std::string> piece = co_await attempt(std::move(next));
    if (!piece.ok()) co_return false;
    discarded += piece->size();
    if (discarded > kDiscardLimit) co_return false;
  }
  co_return true;
}

}  // namespace cumulet::net
