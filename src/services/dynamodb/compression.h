#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace cumulet::dynamodb {

/// The whole of the bytes as one gzip member.
std::string gzip(std::string_view bytes);

/// Unpacks bytes that come in pieces, and gives what is in them in pieces of bounded length: however much a small input
/// unpacks to, it is never held at once.
class Unpacker {
 public:
  using Take = std::function<void(std::string_view bytes)>;
  virtual ~Unpacker() = default;
  /// Fails on bytes that are not of the format.
  virtual Result<void> feed(std::string_view bytes, const Take& take) = 0;
  /// Fails when the input ended too early.
  virtual Result<void> finish() = 0;
};

/// `format`: GZIP, ZSTD or NONE.
std::unique_ptr<Unpacker> make_unpacker(const std::string& format);

}  // namespace cumulet::dynamodb
