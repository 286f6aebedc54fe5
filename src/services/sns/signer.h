#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "base/result.h"
#include "base/task.h"
#include "base/thread_pool.h"
#include "net/private_key.h"

namespace cumulet::sns {

/// Signs messages with a key (RSA, 2048 bits) and a certificate of this installation, kept in `sns-key.pem` and
/// `sns-certificate.pem` of a directory. They are made when the first message is signed: making them takes longer than
/// all the rest of a start. Thread-safe.
/// https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
class Signer {
 public:
  /// Opens both when they are there.
  static Result<std::unique_ptr<Signer>> open(std::string directory, ThreadPool& pool);

  /// Base64; SHA-256 for signature version 2, SHA-1 for version 1. From a loop.
  Task<std::string> sign(std::string text, std::string version);
  /// Of the key that signed before; empty when there is none yet.
  std::string certificate() const;
  /// "SimpleNotificationService-" and the certificate's digest, ".pem".
  std::string certificate_name() const;

 private:
  struct Identity;
  Signer(std::string directory, ThreadPool& pool) : directory_(std::move(directory)), pool_(pool) {}
  std::shared_ptr<const Identity> opened() const;
  Result<std::shared_ptr<const Identity>> open_or_make();

  const std::string directory_;
  ThreadPool& pool_;
  std::mutex making_;  ///< One key, however many messages come first.
  mutable std::mutex mutex_;
  std::shared_ptr<const Identity> identity_;
};

}  // namespace cumulet::sns
