#include "wire/sigv4_errors.h"

#include <utility>

#include "base/text.h"

namespace cumulet::wire::auth_errors {
namespace {

int status_of(AuthDialect dialect) { return dialect == AuthDialect::kJson ? 400 : 403; }

/// JSON services name their errors …Exception; query services do not.
Error plain(AuthDialect dialect, std::string code, std::string message) {
  if (dialect == AuthDialect::kJson || dialect == AuthDialect::kRestJson) code += "Exception";
  return Error(std::move(code), status_of(dialect), std::move(message));
}

/// The bytes of a text in hex, separated by blanks, as S3 shows them.
std::string spaced_hex(std::string_view text) {
  const std::string hex = hex_encode(text);
  std::string out;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    if (i > 0) out += ' ';
    out += hex.substr(i, 2);
  }
  return out;
}

}  // namespace

Error missing_token(AuthDialect dialect) {
  switch (dialect) {
    case AuthDialect::kS3:
      return Error("AccessDenied", 403, "Access Denied");
    case AuthDialect::kRestJson:
      return plain(dialect, "MissingAuthenticationToken", "Missing Authentication Token");
    default:
      return plain(dialect, "MissingAuthenticationToken", "Request is missing Authentication Token");
  }
}

Error incomplete(AuthDialect dialect, std::string what) {
  return plain(dialect, "IncompleteSignature", std::move(what));
}

Error invalid_signature(AuthDialect dialect, std::string what) {
  if (dialect == AuthDialect::kQuery || dialect == AuthDialect::kS3)
    return Error("SignatureDoesNotMatch", 403, std::move(what));
  return plain(dialect, "InvalidSignature", std::move(what));
}

Error unknown_key(AuthDialect dialect, const std::string& access_key_id) {
  if (dialect == AuthDialect::kS3)
    return Error("InvalidAccessKeyId", 403, "The AWS Access Key Id you provided does not exist in our records.")
        .with("AWSAccessKeyId", access_key_id);
  if (dialect == AuthDialect::kQuery)
    return Error("InvalidClientTokenId", 403, "The security token included in the request is invalid.");
  return plain(dialect, "UnrecognizedClient", "The security token included in the request is invalid.");
}

Error invalid_token(AuthDialect dialect, const std::string& token) {
  if (dialect == AuthDialect::kS3)
    return Error("InvalidToken", 400, "The provided token is malformed or otherwise invalid.").with("Token-0", token);
  return unknown_key(dialect, {});
}

Error expired_token(AuthDialect dialect, const std::string& token) {
  if (dialect == AuthDialect::kS3)
    return Error("ExpiredToken", 400, "The provided token has expired.").with("Token-0", token);
  return plain(dialect, "ExpiredToken", "The security token included in the request is expired");
}

Error mismatch(AuthDialect dialect, const SignatureClaim& claim, const std::string& to_sign,
               const std::string& canonical) {
  if (dialect != AuthDialect::kS3) {
    return invalid_signature(dialect,
                             "The request signature we calculated does not match the signature you provided. Check "
                             "your AWS Secret Access Key and signing method. Consult the service documentation for "
                             "details.");
  }
  return mismatch_v2(claim.scope.access_key_id, claim.signature, to_sign)
      .with("CanonicalRequest", canonical)
      .with("CanonicalRequestBytes", spaced_hex(canonical));
}

Error mismatch_v2(const std::string& access_key_id, const std::string& signature, const std::string& to_sign) {
  return Error("SignatureDoesNotMatch", 403,
               "The request signature we calculated does not match the signature you provided. Check your key and "
               "signing method.")
      .with("AWSAccessKeyId", access_key_id)
      .with("StringToSign", to_sign)
      .with("SignatureProvided", signature)
      .with("StringToSignBytes", spaced_hex(to_sign));
}

}  // namespace cumulet::wire::auth_errors
