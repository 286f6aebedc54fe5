#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace cumulet::images {

/// A layer's tar as a stream: what it is packed with (gzip, zstd, nothing) is seen from its first bytes. Counts and
/// digests what comes out. Memory: some hundred KiB; zstd windows of up to 128 MiB. Blocks.
class LayerStream {
 public:
  /// Of an open file, from its beginning; the descriptor stays the caller's.
  static Result<std::unique_ptr<LayerStream>> open(int file);
  virtual ~LayerStream() = default;

  /// The next piece, good until the next call; empty at the end. Fails with InvalidImage on what is damaged.
  Result<std::string_view> read();
  std::uint64_t produced() const { return produced_; }
  /// "sha256:…" of everything that was read. Once, at the end.
  std::string digest();

 protected:
  explicit LayerStream(int file);
  /// Fills `out_`; leaves it empty at the end.
  virtual Result<void> fill() = 0;
  /// The next packed bytes; empty at the end of the file.
  Result<std::string_view> packed();

  static constexpr std::size_t kPiece = 128 * 1024;
  std::string out_;

 private:
  struct Sum;
  struct Free {
    void operator()(Sum* sum) const;
  };
  int file_;
  std::uint64_t at_ = 0;
  std::string in_;
  std::uint64_t produced_ = 0;
  std::unique_ptr<Sum, Free> sum_;
};

}  // namespace cumulet::images
