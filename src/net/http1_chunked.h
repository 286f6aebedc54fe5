#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace cumulet::net {

/// Decodes the chunked transfer coding (RFC 9112, 7.1), strictly: sizes are at most 15 hexadecimal digits, lines end in
/// CRLF, extensions are skipped (up to 256 bytes a chunk), trailers are checked and kept (up to 64 KiB: a function's
/// error with its stack trace comes in one).
class ChunkedDecoder {
 public:
  enum class Status : std::uint8_t { kMore, kData, kDone, kBad };

  struct Step {
    Status status;
    std::size_t consumed;   ///< Of the input; includes the data.
    std::string_view data;  ///< A part of the input; only with kData.
  };

  /// Goes on through `input` until there is data, the end, an error, or no input left (kMore).
  Step decode(std::string_view input);

  /// The trailer fields as they came, one a line ("\n"). Complete with kDone.
  std::string_view trailers() const { return trailers_; }

  /// How many bytes of data certainly come next, before any framing.
  std::uint64_t data_ahead() const { return state_ == State::kData ? left_ : 0; }
  /// Says that this many bytes (at most data_ahead()) were taken past the decoder.
  void skip_data(std::uint64_t count);

 private:
  enum class State : std::uint8_t {
    kSize,
    kExtension,
    kSizeEnd,
    kData,
    kDataCr,
    kDataLf,
    kTrailer,
    kTrailerEnd,
    kDone,
    kBad
  };

  bool step_line(char c);
  bool begin_data();
  bool trailer_byte(char c);

  State state_ = State::kSize;
  std::uint64_t left_ = 0;
  std::size_t digits_ = 0;
  std::size_t extension_bytes_ = 0;
  std::string trailers_;
  std::size_t trailer_line_ = 0;  ///< Bytes of the trailer line so far.
  bool trailer_colon_ = false;
};

}  // namespace cumulet::net
