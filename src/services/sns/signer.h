#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "base/task.h"
#include "base/thread_pool.h"
#include "net/private_key.h"

namespace cumulet::sns {

/// Signs messages with a key (RSA, 2048 bits) and a certificate of this installation, kept in `sns-key.pem` and
/// `sns-certificate.pem` of a directory. Thread-safe.
/// https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
class Signer {
 public:
  /// Opens both, or makes them when there is no key.
  static Result<std::unique_ptr<Signer>> open(const std::string& directory, ThreadPool& pool);

  /// Base64; SHA-256 for signature version 2, SHA-1 for version 1. From a loop.
  Task<std::string> sign(std::string text, std::string version) const;
  const std::string& certificate() const { return certificate_; }
  /// "SimpleNotificationService-" and the certificate's digest, ".pem".
  const std::string& certificate_name() const { return name_; }

 private:
  Signer(net::PrivateKey key, std::string certificate, ThreadPool& pool);

  net::PrivateKey key_;
  std::string certificate_;  ///< Signed by itself: receivers take the key out of it, they build no chain.
  std::string name_;
  ThreadPool& pool_;
};

}  // namespace cumulet::sns
