#include "base/body.h"

#include <utility>

namespace cumulet {

Task<std::string> StringBody::read() {
  if (given_ == 0 && bytes_.size() <= kPiece) {
    given_ = size_;
    co_return std::exchange(bytes_, {});
  }
  if (given_ == size_) co_return std::string();
  std::string piece = bytes_.substr(given_, kPiece);
  given_ += piece.size();
  if (given_ == size_) bytes_ = {};
  co_return piece;
}

Task<std::string> read_all(BodySource& body, std::uint64_t limit, Error too_large) {
  const std::optional<std::uint64_t> size = body.size();
  if (size && *size > limit) co_return std::move(too_large);
  std::string all = co_await body.read();
  if (all.size() > limit) co_return std::move(too_large);
  if (all.empty() || (size && all.size() == *size)) co_return all;
  if (size) all.reserve(*size);
  while (true) {
    const std::string piece = co_await body.read();
    if (piece.empty()) co_return all;
    if (piece.size() > limit - all.size()) co_return std::move(too_large);
    all += piece;
  }
}

}  // namespace cumulet
