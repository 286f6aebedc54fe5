#include "compute/external/unpack.h"

#include <cstdint>

#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include "compute/sandbox/system.h"

namespace cumulet::compute::external {

namespace {

constexpr std::size_t kAtMost = std::size_t{512} << 20;
constexpr std::size_t kPiece = 1 << 20;
constexpr int kGzipWindow = 15 + 16;
constexpr int kZstdWindowLog = 27;

Error damaged_file() { return Error(sandbox::kSandboxFailure, "it is damaged, or packed in an unknown way"); }

/// Calls `step` with room for a piece until it says that the stream has ended. It gives the bytes written, or -1.
template <typename Step>
Result<std::string> collect(Step step) {
  std::string out;
  for (bool ended = false; !ended;) {
    const std::size_t at = out.size();
    if (at >= kAtMost) return damaged_file();
    out.resize(at + kPiece);
    const std::int64_t put = step(out.data() + at, kPiece, ended);
    if (put < 0 || (put == 0 && !ended)) return damaged_file();
    out.resize(at + static_cast<std::size_t>(put));
  }
  return out;
}

Result<std::string> unpack_xz(std::string_view bytes) {
  lzma_stream stream = LZMA_STREAM_INIT;
  if (lzma_stream_decoder(&stream, kAtMost, 0) != LZMA_OK) return damaged_file();
  stream.next_in = reinterpret_cast<const std::uint8_t*>(bytes.data());
  stream.avail_in = bytes.size();
  Result<std::string> out = collect([&stream](char* to, std::size_t room, bool& ended) -> std::int64_t {
    stream.next_out = reinterpret_cast<std::uint8_t*>(to);
    stream.avail_out = room;
    const lzma_ret done = lzma_code(&stream, LZMA_RUN);
    ended = done == LZMA_STREAM_END;
    return done == LZMA_OK || ended ? static_cast<std::int64_t>(room - stream.avail_out) : -1;
  });
  lzma_end(&stream);
  return out;
}

Result<std::string> unpack_zstd(std::string_view bytes) {
  ZSTD_DStream* const stream = ZSTD_createDStream();
  ZSTD_DCtx_setParameter(stream, ZSTD_d_windowLogMax, kZstdWindowLog);
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  Result<std::string> out = collect([stream, &in](char* to, std::size_t room, bool& ended) -> std::int64_t {
    ZSTD_outBuffer piece{to, room, 0};
    const std::size_t left = ZSTD_decompressStream(stream, &piece, &in);
    ended = left == 0;
    return ZSTD_isError(left) != 0 ? -1 : static_cast<std::int64_t>(piece.pos);
  });
  ZSTD_freeDStream(stream);
  return out;
}

Result<std::string> unpack_gzip(std::string_view bytes) {
  z_stream stream{};
  if (inflateInit2(&stream, kGzipWindow) != Z_OK) return damaged_file();
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  Result<std::string> out = collect([&stream](char* to, std::size_t room, bool& ended) -> std::int64_t {
    stream.next_out = reinterpret_cast<Bytef*>(to);
    stream.avail_out = static_cast<uInt>(room);
    const int done = inflate(&stream, Z_NO_FLUSH);
    ended = done == Z_STREAM_END;
    return done == Z_OK || ended ? static_cast<std::int64_t>(room - stream.avail_out) : -1;
  });
  inflateEnd(&stream);
  return out;
}

}  // namespace

Result<std::string> unpack(std::string_view bytes) {
  using namespace std::string_view_literals;
  if (bytes.starts_with("\xfd"
                        "7zXZ\0"sv))
    return unpack_xz(bytes);
  if (bytes.starts_with("\x28\xb5\x2f\xfd"sv)) return unpack_zstd(bytes);
  if (bytes.starts_with("\x1f\x8b"sv)) return unpack_gzip(bytes);
  return std::string(bytes);
}

}  // namespace cumulet::compute::external
