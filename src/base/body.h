#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/task.h"

namespace cumulet {

/// Bytes that come in pieces: a request's body, an object's content, a streamed response. Whoever reads pulls, so a
/// slow reader holds the writer back.
class BodySource {
 public:
  static constexpr std::size_t kPiece = 256 * 1024;
  virtual ~BodySource() = default;
  /// The next piece (at most kPiece bytes); empty at the end.
  virtual Task<std::string> read() = 0;
  /// The length in bytes, when it is known beforehand.
  virtual std::optional<std::uint64_t> size() const { return std::nullopt; }
  /// The source that a mere holder of another one holds: what the server looks at to send a file as a file.
  virtual BodySource& innermost() { return *this; }
};

/// Bytes that are in memory already.
class StringBody final : public BodySource {
 public:
  explicit StringBody(std::string bytes) : bytes_(std::move(bytes)), size_(bytes_.size()) {}
  Task<std::string> read() override;
  std::optional<std::uint64_t> size() const override { return size_; }

 private:
  std::string bytes_;
  std::uint64_t size_;
  std::uint64_t given_ = 0;
};

/// A holder of a source that others hold too.
class SharedBody final : public BodySource {
 public:
  explicit SharedBody(std::shared_ptr<BodySource> source) : source_(std::move(source)) {}
  Task<std::string> read() override { return source_->read(); }
  std::optional<std::uint64_t> size() const override { return source_->size(); }
  BodySource& innermost() override { return source_->innermost(); }

 private:
  std::shared_ptr<BodySource> source_;
};

/// Reads all of it; fails with `too_large` past `limit` bytes.
Task<std::string> read_all(BodySource& body, std::uint64_t limit, Error too_large);

}  // namespace cumulet
