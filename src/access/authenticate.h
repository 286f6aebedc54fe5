#pragma once

#include <cstdint>
#include <string>

#include "access/credentials.h"
#include "base/clock.h"
#include "base/task.h"
#include "net/http.h"
#include "wire/call.h"
#include "wire/schema.h"
#include "wire/sigv2.h"
#include "wire/sigv4.h"

namespace cumulet::access {

/// For which service a request was made: how its signature is to be read and its failures worded.
struct Audience {
  explicit Audience(const wire::ServiceModel& model);
  Audience(std::string signing_name, wire::AuthDialect d) : service(std::move(signing_name)), dialect(d) {}

  std::string service;  ///< The signing name.
  wire::AuthDialect dialect;
  /// Unsigned requests pass as an anonymous caller; otherwise they fail. S3 decides by its own policies, so it is on
  /// there.
  bool allows_anonymous = false;
  /// Bytes of a body that must be read to verify the signature (all services but S3).
  std::uint64_t body_limit = 80u << 20;
};

/// Says who sent a request, or fails in the service's own words. One for the process; its methods belong to the
/// request's loop.
///
/// The body afterwards: S3's stays a stream, which verifies the promised SHA-256 or each chunk's signature and the
/// trailing checksums while it is read (its last bytes come only when all was right), with aws-chunked decoded and
/// taken out of Content-Encoding. Of other services it has been read into memory.
class Authenticator {
 public:
  enum class Mode {
    kStrict,   ///< Signatures are verified.
    kLenient,  ///< `--dev`: any signature or none; a key id of 12 digits is the account, any other unknown one means
               ///< 000000000000.
  };

  Authenticator(CredentialSource& source, const Clock& clock, Mode mode)
      : source_(source), clock_(clock), mode_(mode) {}

  Task<wire::Caller> authenticate(net::Request& request, Audience audience);

 private:
  Task<wire::Caller> authenticate_lenient(net::Request& request);
  Task<wire::Caller> verify_claim(net::Request& request, const Audience& audience, wire::SignatureClaim claim);
  Task<wire::Caller> verify_presigned_v2(net::Request& request, wire::PresignedV2 claim);
  /// The credential, when it is known, switched on and not expired.
  Task<Credential> credential_for(std::string access_key_id, std::string session_token, wire::AuthDialect dialect);

  CredentialSource& source_;
  const Clock& clock_;
  Mode mode_;
  wire::SigningKeyCache keys_;
};

/// The root of an account, as a caller.
wire::Caller root_caller(const std::string& account);

}  // namespace cumulet::access
