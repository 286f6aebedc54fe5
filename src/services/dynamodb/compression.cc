#include "services/dynamodb/compression.h"

#include <array>
#include <stdexcept>
#include <vector>

#include <zlib.h>
#include <zstd.h>

namespace cumulet::dynamodb {
namespace {

constexpr int kGzipWindow = 15 + 16;
constexpr std::size_t kPiece = 64 * 1024;

Error damaged(const char* format) {
  return Error("InvalidInput", 400, std::string("The object is no valid ") + format + " data.");
}

class Plain final : public Unpacker {
 public:
  Result<void> feed(std::string_view bytes, const Take& take) override {
    take(bytes);
    return {};
  }
  Result<void> finish() override { return {}; }
};

class Gunzip final : public Unpacker {
 public:
  Gunzip() {
    if (inflateInit2(&stream_, kGzipWindow) != Z_OK) throw std::bad_alloc();
  }
  ~Gunzip() override { inflateEnd(&stream_); }
  Gunzip(const Gunzip&) = delete;
  Gunzip& operator=(const Gunzip&) = delete;

  Result<void> feed(std::string_view bytes, const Take& take) override {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream_.avail_in = static_cast<uInt>(bytes.size());
    while (stream_.avail_in > 0) {
      if (ended_) {  // One member after another is one file.
        inflateReset(&stream_);
        ended_ = false;
      }
      do {
        stream_.next_out = reinterpret_cast<Bytef*>(out_.data());
        stream_.avail_out = static_cast<uInt>(out_.size());
        const int status = inflate(&stream_, Z_NO_FLUSH);
        if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) return damaged("GZIP");
        take(std::string_view(out_.data(), out_.size() - stream_.avail_out));
        ended_ = status == Z_STREAM_END;
      } while (!ended_ && stream_.avail_out == 0);
    }
    return {};
  }
  Result<void> finish() override {
    if (!ended_) return damaged("GZIP");
    return {};
  }

 private:
  z_stream stream_{};
  std::array<char, kPiece> out_;
  bool ended_ = false;
};

class Unzstd final : public Unpacker {
 public:
  Unzstd() : stream_(ZSTD_createDStream()), out_(ZSTD_DStreamOutSize()) {
    if (!stream_) throw std::bad_alloc();
  }
  ~Unzstd() override { ZSTD_freeDStream(stream_); }
  Unzstd(const Unzstd&) = delete;
  Unzstd& operator=(const Unzstd&) = delete;

  Result<void> feed(std::string_view bytes, const Take& take) override {
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    bool full = false;
    while (in.pos < in.size || full) {
      ZSTD_outBuffer out{out_.data(), out_.size(), 0};
      left_ = ZSTD_decompressStream(stream_, &out, &in);
      if (ZSTD_isError(left_) != 0) return damaged("ZSTD");
      take(std::string_view(out_.data(), out.pos));
      full = out.pos == out.size && left_ != 0;
    }
    return {};
  }
  Result<void> finish() override {
    if (left_ != 0) return damaged("ZSTD");
    return {};
  }

 private:
  ZSTD_DStream* stream_;
  std::vector<char> out_;
  std::size_t left_ = 1;
};

}  // namespace

std::string gzip(std::string_view bytes) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::bad_alloc();
  }
  std::string packed(deflateBound(&stream, static_cast<uLong>(bytes.size())), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

std::unique_ptr<Unpacker> make_unpacker(const std::string& format) {
  if (format == "GZIP") return std::make_unique<Gunzip>();
  if (format == "ZSTD") return std::make_unique<Unzstd>();
  return std::make_unique<Plain>();
}

}  // namespace cumulet::dynamodb
