#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/task.h"
#include "wire/call.h"

namespace cumulet::access {

/// A secret and whom it speaks for. `caller.access_key_id` is the key's id.
struct Credential {
  std::string secret_access_key;
  wire::Caller caller;
  std::optional<Timestamp> expires;  ///< Of temporary ones; may lie in the past.
  bool active = true;                ///< False: an access key that was switched off.
};

/// Where keys are looked up. Fails only when the store does.
class CredentialSource {
 public:
  virtual ~CredentialSource() = default;
  /// The credential of a key id; for temporary ones out of the session token that must come with it. Nullopt when there
  /// is none, or when the token is not ours or another key's.
  virtual Task<std::optional<Credential>> find(std::string access_key_id, std::string session_token) = 0;
};

/// What AssumeRole and its like hand out.
struct TemporaryCredentials {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;
  Timestamp expiration{};
  std::string caller_arn;        ///< arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION.
  std::string caller_unique_id;  ///< AROA…:SESSION.
};

}  // namespace cumulet::access
