#include "net/http1_chunked.h"

#include <algorithm>

#include "base/text.h"

namespace cumulet::net {
namespace {

constexpr std::size_t kSizeDigits = 15;
constexpr std::size_t kExtensionBytes = 256;
constexpr std::size_t kTrailerBytes = 64 * 1024;

bool is_text(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return c == '\t' || (byte >= 0x20 && byte != 0x7f);
}

}  // namespace

bool ChunkedDecoder::begin_data() {
  if (left_ == 0) {
    state_ = State::kTrailer;
    trailer_line_ = 0;
    trailer_colon_ = false;
  } else {
    state_ = State::kData;
  }
  return true;
}

bool ChunkedDecoder::trailer_byte(char c) {
  if (trailers_.size() >= kTrailerBytes) return false;
  if (c == '\r') {
    // An empty line ends the body; any other must have been a field.
    if (trailer_line_ != 0 && !trailer_colon_) return false;
    state_ = State::kTrailerEnd;
    trailers_ += '\n';
    return true;
  }
  if (!is_text(c)) return false;
  trailers_ += c;
  if (!trailer_colon_) {
    if (c == ' ' || c == '\t') return false;  // obs-fold, or a space before the colon
    if (c == ':') {
      if (trailer_line_ == 0) return false;
      trailer_colon_ = true;
    }
  }
  ++trailer_line_;
  return true;
}

/// Everything that is not data, a byte at a time.
bool ChunkedDecoder::step_line(char c) {
  switch (state_) {
    case State::kSize: {
      if (const int value = hex_digit(c); value >= 0) {
        if (++digits_ > kSizeDigits) return false;
        left_ = left_ * 16 + static_cast<std::uint64_t>(value);
        return true;
      }
      if (digits_ == 0) return false;
      if (c == '\r') {
        state_ = State::kSizeEnd;
        return true;
      }
      if (c != ';') return false;
      state_ = State::kExtension;
      extension_bytes_ = 0;
      return true;
    }
    case State::kExtension:
      if (c == '\r') {
        state_ = State::kSizeEnd;
        return true;
      }
      return is_text(c) && ++extension_bytes_ <= kExtensionBytes;
    case State::kSizeEnd:
      return c == '\n' && begin_data();
    case State::kDataCr:
      state_ = State::kDataLf;
      return c == '\r';
    case State::kDataLf:
      state_ = State::kSize;
      left_ = 0;
      digits_ = 0;
      return c == '\n';
    case State::kTrailer:
      return trailer_byte(c);
    case State::kTrailerEnd:
      if (c != '\n') return false;
      state_ = trailer_line_ == 0 ? State::kDone : State::kTrailer;
      trailer_line_ = 0;
      trailer_colon_ = false;
      return true;
    case State::kData:
    case State::kDone:
    case State::kBad:
      break;
  }
  return false;
}

void ChunkedDecoder::skip_data(std::uint64_t count) {
  if (count == 0) return;
  left_ -= std::min(count, left_);
  if (left_ == 0) state_ = State::kDataCr;
}

ChunkedDecoder::Step ChunkedDecoder::decode(std::string_view input) {
  std::size_t at = 0;
  for (;;) {
    if (state_ == State::kDone) return {Status::kDone, at, {}};
    if (state_ == State::kBad) return {Status::kBad, at, {}};
    if (at == input.size()) return {Status::kMore, at, {}};
    if (state_ == State::kData) {
      const std::string_view data =
          input.substr(at, static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size() - at)));
      skip_data(data.size());
      return {Status::kData, at + data.size(), data};
    }
    if (!step_line(input[at++])) state_ = State::kBad;
  }
}

}  // namespace cumulet::net
