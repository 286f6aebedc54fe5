#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "access/credentials.h"

namespace cumulet::access {

/// Makes and reads session tokens. A token says itself for whom it stands and until when, under a MAC; its secret is
/// derived from it. So temporary credentials need no write to the store, and any node that has the server's secret can
/// verify them. Thread-safe.
class SessionTokens {
 public:
  /// `server_secret`: at least 32 random bytes. Changing it ends every session.
  explicit SessionTokens(std::string_view server_secret);

  /// Credentials for `caller` (whose access_key_id is made here) until `expiration`.
  TemporaryCredentials issue(const wire::Caller& caller, Timestamp expiration) const;
  /// The credential of a token; nullopt when it is not ours, damaged, or another key's. It may have expired.
  std::optional<Credential> open(std::string_view access_key_id, std::string_view token) const;

 private:
  std::string secret_of(std::string_view sealed) const;

  std::string mac_key_;
  std::string derivation_key_;
};

}  // namespace cumulet::access
