#include "services/firehose/gzip_body.h"

#include <zlib.h>

namespace cumulet::firehose {
namespace {

constexpr int kGzipWindow = 15 + 16;  // zlib's way to ask for gzip's header.
constexpr int kMemoryLevel = 8;

class GzipBody final : public BodySource {
 public:
  explicit GzipBody(std::shared_ptr<BodySource> plain) : plain_(std::move(plain)) {
    ready_ = ::deflateInit2(&stream_, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindow, kMemoryLevel,
                            Z_DEFAULT_STRATEGY) == Z_OK;
  }
  ~GzipBody() override {
    if (ready_) ::deflateEnd(&stream_);
  }
  GzipBody(const GzipBody&) = delete;
  GzipBody& operator=(const GzipBody&) = delete;

  Task<std::string> read() override {
    if (!ready_) co_return Error(errors::kInternalFailure, "zlib has no memory");
    while (pending_.size() < kPiece && !ended_) {
      std::string bytes = co_await plain_->read();
      ended_ = bytes.empty();
      deflate(bytes);
    }
    std::string piece = pending_.substr(0, kPiece);
    pending_.erase(0, piece.size());
    co_return piece;
  }

 private:
  void deflate(std::string& bytes) {
    stream_.next_in = reinterpret_cast<Bytef*>(bytes.data());
    stream_.avail_in = static_cast<uInt>(bytes.size());
    char out[16 * 1024];
    do {
      stream_.next_out = reinterpret_cast<Bytef*>(out);
      stream_.avail_out = sizeof out;
      ::deflate(&stream_, ended_ ? Z_FINISH : Z_NO_FLUSH);
      pending_.append(out, sizeof out - stream_.avail_out);
    } while (stream_.avail_out == 0);
  }

  std::shared_ptr<BodySource> plain_;
  z_stream stream_{};
  bool ready_ = false;
  bool ended_ = false;
  std::string pending_;
};

}  // namespace

std::shared_ptr<BodySource> gzip_body(std::shared_ptr<BodySource> plain) {
  return std::make_shared<GzipBody>(std::move(plain));
}

}  // namespace cumulet::firehose
