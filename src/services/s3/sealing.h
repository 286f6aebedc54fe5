#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "base/body.h"
#include "base/result.h"

/// Server-side encryption with keys of the server (SSE-S3, AES256). Each content has a key of its own; what is stored
/// beside it is that key, wrapped by the installation's key (AES-256-GCM). Contents are in AES-256-CTR, so that any
/// range can be read by itself; their integrity is the business of checksums.
namespace cumulet::s3 {

/// The installation's key: DATA_DIR/s3-key, 32 random bytes, mode 0600, made when missing. Whoever loses it loses what
/// was sealed with it. Thread-safe.
class SealingKey {
 public:
  static Result<SealingKey> open(const std::filesystem::path& file);
  /// For tests: a key that dies with the process.
  static SealingKey temporary();

  /// A fresh content key, wrapped: what is stored.
  std::string new_seal() const;
  /// The content key of a seal; fails with InternalFailure when it was made by another installation, or is damaged.
  Result<std::string> unwrap(const std::string& seal) const;

 private:
  explicit SealingKey(std::string key) : key_(std::move(key)) {}
  std::string key_;
};

/// Encrypts or decrypts (it is the same) bytes that stand at `offset` of a content.
void apply_keystream(const std::string& content_key, std::uint64_t offset, std::string& bytes);

/// A sealed content as it was before, from `offset` on.
class UnsealedBody final : public BodySource {
 public:
  UnsealedBody(std::shared_ptr<BodySource> sealed, std::string content_key, std::uint64_t offset)
      : sealed_(std::move(sealed)), content_key_(std::move(content_key)), offset_(offset) {}
  Task<std::string> read() override;
  std::optional<std::uint64_t> size() const override { return sealed_->size(); }

 private:
  std::shared_ptr<BodySource> sealed_;
  std::string content_key_;
  std::uint64_t offset_;
};

}  // namespace cumulet::s3
