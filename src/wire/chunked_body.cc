#include "wire/chunked_body.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "wire/sigv4.h"

namespace cumulet::wire {
namespace {

constexpr std::size_t kChunkHeaderLimit = 256;  // 16 hex digits, ";chunk-signature=" and 64 more
constexpr std::size_t kTrailerLimit = 16 * 1024;
constexpr std::uint64_t kSmallestChunk = 8192;  // but for the last

Error malformed(std::string what) { return Error("InvalidRequest", 400, std::move(what)); }

Error incomplete_body() { return Error("IncompleteBody", 400, "The request body terminated unexpectedly"); }

Error wrong_length() {
  return Error("IncompleteBody", 400,
               "You did not provide the number of bytes specified by the x-amz-decoded-content-length HTTP header");
}

Error malformed_trailer() {
  return Error("MalformedTrailerError", 400,
               "The request contained trailing data that was not well-formed or did not conform to our published "
               "schema.");
}

Error chunk_mismatch() {
  return Error("SignatureDoesNotMatch", 403,
               "The request signature we calculated does not match the signature you provided. Check your key and "
               "signing method.");
}

std::string_view trim_line(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return trim(text);
}

/// Up to 15 hex digits; nullopt for anything else.
std::optional<std::uint64_t> parse_hex(std::string_view text) {
  if (text.empty() || text.size() > 15) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    const int digit = hex_digit(c);
    if (digit < 0) return std::nullopt;
    value = value * 16 + static_cast<std::uint64_t>(digit);
  }
  return value;
}

}  // namespace

ChunkDecoder::ChunkDecoder(ChunkedRules rules) : rules_(std::move(rules)), previous_signature_(rules_.seed_signature) {
  for (const std::string& name : rules_.announced_trailers) {
    if (const std::optional<ChecksumKind> kind = checksum_kind_of_header(name)) checksums_.emplace_back(*kind);
  }
}

/// Moves bytes up to the next CRLF into line_, which is `complete` then (without the CRLF).
Result<void> ChunkDecoder::take_line(std::string_view& rest, std::size_t limit, bool& complete) {
  complete = false;
  while (!rest.empty()) {
    const char c = rest.front();
    rest.remove_prefix(1);
    if (c == '\n' && line_.ends_with('\r')) {
      line_.pop_back();
      complete = true;
      return {};
    }
    if (line_.size() >= limit) return malformed("A line of the aws-chunked body is too long.");
    line_ += c;
  }
  return {};
}

Result<void> ChunkDecoder::begin_chunk() {
  std::string_view line = line_;
  const std::size_t semicolon = line.find(';');
  const std::optional<std::uint64_t> size = parse_hex(line.substr(0, semicolon));
  if (!size) return malformed("The size of a chunk of the aws-chunked body is not a hexadecimal number.");
  chunk_signature_.clear();
  if (semicolon != std::string_view::npos) {
    constexpr std::string_view kName = "chunk-signature=";
    const std::string_view extension = line.substr(semicolon + 1);
    if (!extension.starts_with(kName)) return malformed("A chunk of the aws-chunked body has an unknown extension.");
    chunk_signature_ = extension.substr(kName.size());
  }
  if (rules_.signed_chunks && chunk_signature_.empty())
    return malformed("A chunk of the aws-chunked body has no chunk-signature.");

  ++chunk_number_;
  if (*size > 0 && small_chunk_seen_)
    return Error("InvalidChunkSizeError", 403, "Only the last chunk is allowed to have a size less than 8192 bytes")
        .with("Chunk", std::to_string(chunk_number_))
        .with("BadChunkSize", std::to_string(chunk_size_));
  if (*size > rules_.decoded_length - decoded_bytes_) return wrong_length();
  chunk_size_ = chunk_left_ = *size;
  small_chunk_seen_ = *size < kSmallestChunk;
  line_.clear();
  if (rules_.signed_chunks && rules_.verify) chunk_digest_.emplace(DigestKind::kSha256);
  if (chunk_size_ > 0) {
    state_ = State::kData;
    return {};
  }
  state_ = State::kTrailers;
  if (decoded_bytes_ != rules_.decoded_length) return wrong_length();
  return end_chunk();
}

/// The chunk's data are complete: is its signature right?
Result<void> ChunkDecoder::end_chunk() {
  if (!rules_.signed_chunks || !rules_.verify) return {};
  std::string to_sign = "AWS4-HMAC-SHA256-PAYLOAD\n" + rules_.timestamp + "\n" + rules_.scope + "\n" +
                        previous_signature_ + "\n" + std::string(kEmptySha256) + "\n" +
                        hex_encode(chunk_digest_->finish());
  const std::string expected = signature_of(rules_.signing_key, to_sign);
  if (!equal_constant_time(expected, chunk_signature_)) return chunk_mismatch();
  previous_signature_ = expected;
  return {};
}

Result<void> ChunkDecoder::take_data(std::string_view& rest, std::string& decoded) {
  const std::string_view data = rest.substr(0, std::min<std::uint64_t>(rest.size(), chunk_left_));
  rest.remove_prefix(data.size());
  chunk_left_ -= data.size();
  decoded_bytes_ += data.size();
  if (chunk_digest_) chunk_digest_->update(data);
  for (Checksum& checksum : checksums_) checksum.update(data);
  if (chunk_left_ == 0) {
    if (Result<void> ended = end_chunk(); !ended) return ended;
    state_ = State::kDataEnd;
  }
  decoded.append(data);
  return {};
}

Result<void> ChunkDecoder::take_trailer_line() {
  if (line_.empty()) return end_trailers();
  if (!rules_.trailers) return malformed("Trailing data follow the last chunk of the aws-chunked body.");
  const std::size_t colon = line_.find(':');
  if (colon == std::string::npos || colon == 0) return malformed_trailer();
  const std::string name = to_lower(trim(std::string_view(line_).substr(0, colon)));
  std::string value(trim_line(std::string_view(line_).substr(colon + 1)));
  if (name == "x-amz-trailer-signature") {
    trailer_signature_ = std::move(value);
  } else {
    const bool announced = std::find(rules_.announced_trailers.begin(), rules_.announced_trailers.end(), name) !=
                           rules_.announced_trailers.end();
    if (!announced || trailers_.has(name)) return malformed_trailer();
    signed_trailers_ += name + ":" + value + "\n";
    trailers_.add(name, std::move(value));
  }
  line_.clear();
  return {};
}

Result<void> ChunkDecoder::check_trailer_signature() const {
  if (!rules_.signed_chunks || !rules_.trailers || !rules_.verify) return {};
  if (trailer_signature_.empty()) return malformed_trailer();
  const std::string to_sign = "AWS4-HMAC-SHA256-TRAILER\n" + rules_.timestamp + "\n" + rules_.scope + "\n" +
                              previous_signature_ + "\n" + hex_encode(sha256(signed_trailers_));
  if (!equal_constant_time(signature_of(rules_.signing_key, to_sign), trailer_signature_)) return chunk_mismatch();
  return {};
}

Result<void> ChunkDecoder::end_trailers() {
  if (Result<void> checked = check_trailer_signature(); !checked) return checked;
  for (const std::string& name : rules_.announced_trailers) {
    if (!trailers_.has(name)) return malformed_trailer();
  }
  for (Checksum& checksum : checksums_) {
    const std::string header = checksum_header(checksum.kind());
    const std::string given(trailers_.get(header));
    const std::optional<std::string> raw = base64_decode(given);
    if (!raw || raw->size() != checksum_bytes(checksum.kind()))
      return malformed("Value for " + header + " trailing header is invalid.");
    if (checksum.finish() != given)
      return Error("BadDigest", 400,
                   "The " + std::string(checksum_name(checksum.kind())) +
                       " you specified did not match the calculated checksum.");
  }
  state_ = State::kDone;
  return {};
}

Result<void> ChunkDecoder::feed(std::string_view rest, std::string& decoded) {
  while (!rest.empty()) {
    bool complete = false;
    Result<void> step;
    switch (state_) {
      case State::kChunkHeader:
        step = take_line(rest, kChunkHeaderLimit, complete);
        if (step && complete) step = begin_chunk();
        break;
      case State::kData:
        step = take_data(rest, decoded);
        break;
      case State::kDataEnd:
        step = take_line(rest, 2, complete);
        if (step && complete) {
          if (!line_.empty()) return malformed("A chunk of the aws-chunked body is longer than its size.");
          state_ = State::kChunkHeader;
        }
        break;
      case State::kTrailers: {
        const std::size_t before = rest.size();
        step = take_line(rest, kTrailerLimit, complete);
        trailer_bytes_ += before - rest.size();
        if (trailer_bytes_ > kTrailerLimit) return malformed_trailer();
        if (step && complete) step = take_trailer_line();
        break;
      }
      case State::kDone:
        return malformed("Bytes follow the end of the aws-chunked body.");
    }
    if (!step) return step;
  }
  return {};
}

Result<void> ChunkDecoder::finish() const {
  if (state_ != State::kDone) return incomplete_body();
  return {};
}

ChunkedBody::ChunkedBody(std::unique_ptr<BodySource> encoded, ChunkedRules rules)
    : encoded_(std::move(encoded)), length_(rules.decoded_length), decoder_(std::move(rules)) {}

Task<std::string> ChunkedBody::read() {
  std::string piece;
  while (!ended_) {
    const std::string encoded = co_await encoded_->read();
    if (encoded.empty()) {
      co_await decoder_.finish();
      ended_ = true;
      break;
    }
    co_await decoder_.feed(encoded, piece);
    if (decoder_.decoded_bytes() < length_ && !piece.empty()) break;
  }
  co_return piece;
}

HashedBody::HashedBody(std::unique_ptr<BodySource> body, std::string expected_hex)
    : body_(std::move(body)), expected_hex_(std::move(expected_hex)), digest_(DigestKind::kSha256) {}

Task<std::string> HashedBody::read() {
  if (ended_) co_return std::string();
  std::string piece = co_await body_->read();
  digest_.update(piece);
  seen_ += piece.size();
  const std::optional<std::uint64_t> size = body_->size();
  ended_ = piece.empty() || (size && seen_ == *size);
  if (ended_) {
    const std::string computed = hex_encode(digest_.finish());
    if (!equal_constant_time(computed, expected_hex_)) {
      co_return Error("XAmzContentSHA256Mismatch", 400,
                      "The provided 'x-amz-content-sha256' header does not match what was computed.")
          .with("ClientComputedContentSHA256", expected_hex_)
          .with("S3ComputedContentSHA256", computed);
    }
  }
  co_return piece;
}

const net::Headers* trailers_of(const BodySource& body) {
  const auto* chunked = dynamic_cast<const ChunkedBody*>(&body);
  return chunked ? &chunked->trailers() : nullptr;
}

}  // namespace cumulet::wire
