#include "images/inflate.h"

#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/digest.h"
#include "base/text.h"
#include "images/manifest.h"

namespace cumulet::images {
namespace {

constexpr int kGzipWindow = 15 + 16;
constexpr int kZstdWindowLog = 27;

Error damaged() { return Error(kInvalidImage, "The image is not valid: a layer is damaged."); }

class PlainStream final : public LayerStream {
 public:
  explicit PlainStream(int file) : LayerStream(file) {}

 private:
  Result<void> fill() override {
    Result<std::string_view> piece = packed();
    if (!piece) return std::move(piece).error();
    out_.assign(*piece);
    return {};
  }
};

class GzipStream final : public LayerStream {
 public:
  explicit GzipStream(int file) : LayerStream(file) { usable_ = inflateInit2(&zlib_, kGzipWindow) == Z_OK; }
  ~GzipStream() override { inflateEnd(&zlib_); }

 private:
  Result<void> fill() override {
    if (!usable_) return Error(kImageFailure, "out of memory");
    out_.resize(kPiece);
    zlib_.next_out = reinterpret_cast<Bytef*>(out_.data());
    zlib_.avail_out = kPiece;
    while (zlib_.avail_out == kPiece) {
      if (zlib_.avail_in == 0) {
        Result<std::string_view> piece = packed();
        if (!piece) return std::move(piece).error();
        if (piece->empty()) {
          if (!between_) return damaged();
          break;
        }
        zlib_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(piece->data()));
        zlib_.avail_in = static_cast<uInt>(piece->size());
      }
      if (between_ && inflateReset(&zlib_) != Z_OK) return damaged();
      between_ = false;
      const int done = inflate(&zlib_, Z_NO_FLUSH);
      if (done == Z_STREAM_END) {
        between_ = true;  // Another member may follow: parallel compressors write many.
      } else if (done != Z_OK) {
        return damaged();
      }
    }
    out_.resize(kPiece - zlib_.avail_out);
    return {};
  }

  z_stream zlib_{};
  bool usable_ = false;
  bool between_ = false;
};

class ZstdStream final : public LayerStream {
 public:
  explicit ZstdStream(int file) : LayerStream(file), zstd_(ZSTD_createDStream()) {
    if (zstd_ != nullptr) ZSTD_DCtx_setParameter(zstd_, ZSTD_d_windowLogMax, kZstdWindowLog);
  }
  ~ZstdStream() override { ZSTD_freeDStream(zstd_); }

 private:
  Result<void> fill() override {
    if (zstd_ == nullptr) return Error(kImageFailure, "out of memory");
    out_.resize(kPiece);
    ZSTD_outBuffer out{out_.data(), out_.size(), 0};
    while (out.pos == 0) {
      if (in_.pos == in_.size) {
        Result<std::string_view> piece = packed();
        if (!piece) return std::move(piece).error();
        if (piece->empty()) {
          if (inside_) return damaged();
          break;
        }
        in_ = ZSTD_inBuffer{piece->data(), piece->size(), 0};
      }
      const std::size_t left = ZSTD_decompressStream(zstd_, &out, &in_);
      if (ZSTD_isError(left) != 0) return damaged();
      inside_ = left != 0;
    }
    out_.resize(out.pos);
    return {};
  }

  ZSTD_DStream* zstd_;
  ZSTD_inBuffer in_{nullptr, 0, 0};
  bool inside_ = false;
};

}  // namespace

struct LayerStream::Sum {
  Digest digest{DigestKind::kSha256};
};
void LayerStream::Free::operator()(Sum* sum) const { delete sum; }

LayerStream::LayerStream(int file) : file_(file), sum_(new Sum) {}

Result<std::unique_ptr<LayerStream>> LayerStream::open(int file) {
  unsigned char magic[4] = {};
  const ssize_t have = ::pread(file, magic, sizeof magic, 0);
  if (have < 0) return Error(kImageFailure, "a layer could not be read");
  std::unique_ptr<LayerStream> stream;
  if (have >= 2 && magic[0] == 0x1f && magic[1] == 0x8b) {
    stream = std::make_unique<GzipStream>(file);
  } else if (have == 4 && magic[0] == 0x28 && magic[1] == 0xb5 && magic[2] == 0x2f && magic[3] == 0xfd) {
    stream = std::make_unique<ZstdStream>(file);
  } else {
    stream = std::make_unique<PlainStream>(file);
  }
  return stream;
}

Result<std::string_view> LayerStream::packed() {
  in_.resize(kPiece);
  const ssize_t got = ::pread(file_, in_.data(), in_.size(), static_cast<off_t>(at_));
  if (got < 0) return Error(kImageFailure, "a layer could not be read");
  at_ += static_cast<std::uint64_t>(got);
  in_.resize(static_cast<std::size_t>(got));
  return std::string_view(in_);
}

Result<std::string_view> LayerStream::read() {
  if (Result<void> filled = fill(); !filled) return std::move(filled).error();
  produced_ += out_.size();
  sum_->digest.update(out_);
  return std::string_view(out_);
}

std::string LayerStream::digest() { return "sha256:" + hex_encode(sum_->digest.finish()); }

}  // namespace cumulet::images
