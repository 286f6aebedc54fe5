#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "base/body.h"
#include "base/result.h"

/// Server-side encryption with keys of the server (SSE-S3, AES256) or of the client (SSE-C). Each content has a key of
/// its own; what is stored beside it is that key, wrapped by the installation's or the client's (AES-256-GCM). Contents
/// are in AES-256-CTR, so that any range can be read by itself; their integrity is the business of checksums.
namespace cumulet::s3 {

/// A key that wraps content keys. The installation's: DATA_DIR/s3-key, 32 random bytes, mode 0600, made when missing;
/// whoever loses it loses what was sealed with it. Or a client's, which is never stored: that it opens a seal is how it
/// is recognised. Thread-safe.
class SealingKey {
 public:
  static Result<SealingKey> open(const std::filesystem::path& file);
  /// For tests: a key that dies with the process.
  static SealingKey temporary();
  /// The one that a client sent with a request (customer_key.h); 32 bytes.
  static SealingKey of_customer(std::string key);
  static constexpr std::size_t kBytes = 32;

  bool is_customers() const { return customers_; }
  std::string md5() const;  ///< Base64, as clients name their keys.

  /// A fresh content key, wrapped: what is stored.
  std::string new_seal() const;
  /// The content key of a seal; fails with InternalFailure when it was made by another installation, or is damaged,
  /// and with AccessDenied when a client's key is not the right one.
  Result<std::string> unwrap(const std::string& seal) const;

 private:
  explicit SealingKey(std::string key, bool customers = false) : key_(std::move(key)), customers_(customers) {}
  std::string key_;
  bool customers_;
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
