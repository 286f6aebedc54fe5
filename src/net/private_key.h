#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/result.h"

namespace cumulet::net {

/// A private key that signs (OpenSSL inside). Immutable, thread-safe; copies share it.
class PrivateKey {
 public:
  /// PKCS #8, PKCS #1 or SEC 1, unencrypted. Fails with code "KeyError".
  static Result<PrivateKey> from_pem(std::string_view pem);
  static Result<PrivateKey> make_rsa(int bits);

  std::string pem() const;
  /// A certificate of the key by itself, PEM.
  Result<std::string> self_signed(const std::string& common_name, long days) const;
  bool belongs_to(std::string_view certificate_pem) const;
  /// RSA: PKCS #1 v1.5.
  Result<std::string> sign(DigestKind digest, std::string_view text) const;
  /// ECDSA with SHA-256 in the form of JWTs: r and s, 32 bytes each. Fails unless it is a key on P-256.
  Result<std::string> sign_es256(std::string_view text) const;

 private:
  struct Key;
  explicit PrivateKey(std::shared_ptr<const Key> key) : key_(std::move(key)) {}
  std::shared_ptr<const Key> key_;
};

/// The value of a field of a certificate's subject ("UID", "CN"); empty when it has none, or is no certificate.
std::string certificate_subject(std::string_view certificate_pem, const std::string& field);

}  // namespace cumulet::net
