#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/body.h"
#include "services/s3/select/settings.h"

namespace cumulet::s3::select {

/// Undoes a compression piece by piece.
class Expander {
 public:
  virtual ~Expander() = default;
  /// Takes from the front of `in`, appends at most `room` bytes to `out`. False when the bytes are broken.
  virtual bool expand(std::string_view& in, std::string& out, std::size_t room) = 0;
  /// Whether the compressed bytes may end here.
  virtual bool complete() const = 0;
};

std::unique_ptr<Expander> make_gzip_expander();
std::unique_ptr<Expander> make_bzip2_expander();

/// The object's bytes, uncompressed, in pieces; counts what went through.
class Input {
 public:
  Input(std::shared_ptr<BodySource> body, Compression compression);

  /// Empty at the end. Fails with TruncatedInput when the bytes are not of that compression.
  Task<std::string> read();

  std::uint64_t scanned() const { return scanned_; }      ///< As the object has them.
  std::uint64_t processed() const { return processed_; }  ///< Uncompressed.

 private:
  const std::shared_ptr<BodySource> body_;
  const std::unique_ptr<Expander> expander_;
  std::string compressed_;
  std::string_view left_;  ///< Of `compressed_`.
  bool full_ = false;      ///< The expander may have more without further input.
  std::uint64_t scanned_ = 0;
  std::uint64_t processed_ = 0;
};

}  // namespace cumulet::s3::select
