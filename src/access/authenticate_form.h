#pragma once

#include <optional>
#include <string>

#include "access/credentials.h"
#include "base/clock.h"
#include "base/task.h"
#include "wire/call.h"
#include "wire/sigv4.h"

namespace cumulet::access {

/// What a browser's form says of its signature (S3's POST policy): it is over the policy document as it came.
struct FormSignature {
  FormSignature() = default;
  std::string policy;  ///< Base64.
  std::string signature;
  std::string session_token;
  std::string access_key_id;                   ///< Of signature version 2.
  std::optional<wire::CredentialScope> scope;  ///< Of signature version 4.
};

/// Says who signed a form, or fails in S3's words. Its methods belong to the request's loop.
class FormAuthenticator {
 public:
  /// `lenient`: any signature is accepted, as Authenticator's kLenient.
  FormAuthenticator(CredentialSource& source, const Clock& clock, bool lenient)
      : source_(source), clock_(clock), lenient_(lenient) {}

  Task<wire::Caller> authenticate(FormSignature form);

 private:
  CredentialSource& source_;
  const Clock& clock_;
  bool lenient_;
};

/// The credential, when it is known, switched on and not expired.
Task<Credential> valid_credential(CredentialSource& source, const Clock& clock, std::string access_key_id,
                                  std::string session_token, wire::AuthDialect dialect);
/// Whom a key id stands for where signatures are not verified.
Task<wire::Caller> lenient_caller(CredentialSource& source, wire::LenientIdentity identity);

}  // namespace cumulet::access
