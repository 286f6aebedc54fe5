#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/body.h"
#include "base/digest.h"
#include "net/http.h"
#include "wire/checksum.h"

/// The aws-chunked content encoding: a body in chunks, each with a signature that continues the one before it, and
/// trailers with checksums after the last. Source: "Signature calculations for the authorization header: transferring a
/// payload in multiple chunks" (S3 API Reference).
namespace cumulet::wire {

/// How an aws-chunked body is to be read.
struct ChunkedRules {
  bool signed_chunks = false;        ///< Each chunk carries a signature.
  bool verify = true;                ///< False: signatures must be there but may say anything (lenient mode).
  bool trailers = false;             ///< Trailing headers follow the last chunk.
  std::uint64_t decoded_length = 0;  ///< x-amz-decoded-content-length.
  std::vector<std::string> announced_trailers;  ///< x-amz-trailer, lower case.
  std::string seed_signature;                   ///< The request's own.
  std::string signing_key;
  std::string timestamp;
  std::string scope;
};

/// Decodes the encoding from pieces of any size. Errors: SignatureDoesNotMatch, IncompleteBody, InvalidRequest,
/// InvalidChunkSizeError, MalformedTrailerError, BadDigest.
class ChunkDecoder {
 public:
  explicit ChunkDecoder(ChunkedRules rules);
  /// Takes encoded bytes and appends what they decode to. The last bytes of a chunk are appended only when its
  /// signature is right.
  Result<void> feed(std::string_view encoded, std::string& decoded);
  /// The encoded bytes have ended: fails unless the body was complete.
  Result<void> finish() const;
  bool done() const { return state_ == State::kDone; }
  std::uint64_t decoded_bytes() const { return decoded_bytes_; }
  const net::Headers& trailers() const { return trailers_; }

 private:
  enum class State { kChunkHeader, kData, kDataEnd, kTrailers, kDone };

  Result<void> take_line(std::string_view& rest, std::size_t limit, bool& complete);
  Result<void> begin_chunk();
  Result<void> end_chunk();
  Result<void> take_data(std::string_view& rest, std::string& decoded);
  Result<void> take_trailer_line();
  Result<void> end_trailers();
  Result<void> check_trailer_signature() const;

  ChunkedRules rules_;
  State state_ = State::kChunkHeader;
  std::string line_;
  std::uint64_t chunk_size_ = 0;
  std::uint64_t chunk_left_ = 0;
  std::uint64_t chunk_number_ = 0;
  bool small_chunk_seen_ = false;
  std::string chunk_signature_;
  std::string previous_signature_;
  std::optional<Digest> chunk_digest_;
  std::uint64_t decoded_bytes_ = 0;
  std::size_t trailer_bytes_ = 0;
  std::string signed_trailers_;  ///< name:value lines, as they are signed.
  std::string trailer_signature_;
  net::Headers trailers_;
  std::vector<Checksum> checksums_;
};

/// A request's body decoded while it is read. Its last piece comes only after everything that follows it was verified,
/// so who has all `size()` bytes has them verified.
class ChunkedBody final : public BodySource {
 public:
  ChunkedBody(std::unique_ptr<BodySource> encoded, ChunkedRules rules);
  Task<std::string> read() override;
  std::optional<std::uint64_t> size() const override { return length_; }
  /// The trailing headers; complete once the body has been read to its end.
  const net::Headers& trailers() const { return decoder_.trailers(); }

 private:
  std::unique_ptr<BodySource> encoded_;
  std::uint64_t length_;
  ChunkDecoder decoder_;
  bool ended_ = false;
};

/// A body whose SHA-256 was promised: passes it on and fails with `mismatch` instead of handing out the last piece when
/// the promise does not hold.
class HashedBody final : public BodySource {
 public:
  HashedBody(std::unique_ptr<BodySource> body, std::string expected_hex);
  Task<std::string> read() override;
  std::optional<std::uint64_t> size() const override { return body_->size(); }

 private:
  std::unique_ptr<BodySource> body_;
  std::string expected_hex_;
  Digest digest_;
  std::uint64_t seen_ = 0;
  bool ended_ = false;
};

/// The trailers of a request's body, when it is a ChunkedBody; null otherwise.
const net::Headers* trailers_of(const BodySource& body);

}  // namespace cumulet::wire
