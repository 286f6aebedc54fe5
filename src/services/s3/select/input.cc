#include "services/s3/select/input.h"

#include "services/s3/select/errors.h"

namespace cumulet::s3::select {
namespace {

std::unique_ptr<Expander> expander_for(Compression compression) {
  switch (compression) {
    case Compression::kGzip:
      return make_gzip_expander();
    case Compression::kBzip2:
      return make_bzip2_expander();
    case Compression::kNone:
      break;
  }
  return nullptr;
}

}  // namespace

Input::Input(std::shared_ptr<BodySource> body, Compression compression)
    : body_(std::move(body)), expander_(expander_for(compression)) {}

Task<std::string> Input::read() {
  while (true) {
    if (expander_ != nullptr && (full_ || !left_.empty())) {
      std::string out;
      if (!expander_->expand(left_, out, BodySource::kPiece)) co_return select_error("TruncatedInput");
      full_ = out.size() == BodySource::kPiece;
      processed_ += out.size();
      if (!out.empty()) co_return out;
    }
    if (!left_.empty()) continue;
    std::string piece = co_await body_->read();
    scanned_ += piece.size();
    if (expander_ == nullptr) {
      processed_ += piece.size();
      co_return piece;
    }
    if (piece.empty()) {
      if (!expander_->complete()) co_return select_error("TruncatedInput");
      co_return piece;
    }
    compressed_ = std::move(piece);
    left_ = compressed_;
  }
}

}  // namespace cumulet::s3::select
