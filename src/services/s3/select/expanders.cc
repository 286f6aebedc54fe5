#include <bzlib.h>
#include <zlib.h>

#include "services/s3/select/input.h"

/// GZIP and BZIP2, also of several streams one behind the other.
namespace cumulet::s3::select {
namespace {

class GzipExpander final : public Expander {
 public:
  GzipExpander() { ready_ = inflateInit2(&stream_, 15 + 16) == Z_OK; }
  ~GzipExpander() override {
    if (ready_) inflateEnd(&stream_);
  }

  bool expand(std::string_view& in, std::string& out, std::size_t room) override {
    if (!ready_) return false;
    const std::size_t before = out.size();
    out.resize(before + room);
    stream_.next_out = reinterpret_cast<Bytef*>(out.data() + before);
    stream_.avail_out = static_cast<uInt>(room);
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    stream_.avail_in = static_cast<uInt>(in.size());
    bool good = true;
    while (stream_.avail_out > 0) {
      if (ended_) {
        if (stream_.avail_in == 0) break;
        good = inflateReset(&stream_) == Z_OK;
        ended_ = false;
      }
      const int status = good ? inflate(&stream_, Z_NO_FLUSH) : Z_STREAM_ERROR;
      ended_ = status == Z_STREAM_END;
      if (status == Z_BUF_ERROR) break;
      good = status == Z_OK || ended_;
      if (!good || (stream_.avail_in == 0 && !ended_ && stream_.avail_out > 0)) break;
    }
    in.remove_prefix(in.size() - stream_.avail_in);
    out.resize(out.size() - stream_.avail_out);
    return good;
  }
  bool complete() const override { return ended_; }

 private:
  z_stream stream_{};
  bool ready_ = false;
  bool ended_ = false;
};

class Bzip2Expander final : public Expander {
 public:
  Bzip2Expander() { ready_ = BZ2_bzDecompressInit(&stream_, 0, 0) == BZ_OK; }
  ~Bzip2Expander() override {
    if (ready_) BZ2_bzDecompressEnd(&stream_);
  }

  bool expand(std::string_view& in, std::string& out, std::size_t room) override {
    const std::size_t before = out.size();
    out.resize(before + room);
    char* next_out = out.data() + before;
    unsigned left_out = static_cast<unsigned>(room);
    bool good = ready_;
    while (good && left_out > 0) {
      if (ended_ && (in.empty() || !restart())) break;
      stream_.next_out = next_out;
      stream_.avail_out = left_out;
      stream_.next_in = const_cast<char*>(in.data());
      stream_.avail_in = static_cast<unsigned>(in.size());
      const int status = BZ2_bzDecompress(&stream_);
      ended_ = status == BZ_STREAM_END;
      good = status == BZ_OK || ended_;
      const bool stuck = stream_.avail_in == in.size() && stream_.avail_out == left_out && !ended_;
      in.remove_prefix(in.size() - stream_.avail_in);
      next_out = stream_.next_out;
      left_out = stream_.avail_out;
      if (stuck || (in.empty() && left_out > 0)) break;
    }
    out.resize(out.size() - left_out);
    return good && ready_;
  }
  bool complete() const override { return ended_; }

 private:
  bool restart() {
    BZ2_bzDecompressEnd(&stream_);
    stream_ = {};
    ready_ = BZ2_bzDecompressInit(&stream_, 0, 0) == BZ_OK;
    ended_ = false;
    return ready_;
  }

  bz_stream stream_{};
  bool ready_ = false;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<Expander> make_gzip_expander() { return std::make_unique<GzipExpander>(); }
std::unique_ptr<Expander> make_bzip2_expander() { return std::make_unique<Bzip2Expander>(); }

}  // namespace cumulet::s3::select
