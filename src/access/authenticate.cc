#include "access/authenticate.h"

#include <algorithm>
#include <utility>

#include "access/authenticate_form.h"
#include "base/digest.h"
#include "base/text.h"
#include "wire/chunked_body.h"
#include "wire/sigv4_errors.h"
#include "wire/virtual_host.h"

namespace cumulet::access {
namespace {

using wire::AuthDialect;
using wire::Caller;
using wire::SignatureClaim;

AuthDialect dialect_of(const wire::ServiceModel& model) {
  if (model.service == "s3") return AuthDialect::kS3;
  switch (model.protocol) {
    case wire::Protocol::kJson10:
    case wire::Protocol::kJson11:
    case wire::Protocol::kRpcV2Cbor:
    case wire::Protocol::kCbor11:
      return AuthDialect::kJson;
    case wire::Protocol::kRestJson:
    case wire::Protocol::kRestXml:
      return AuthDialect::kRestJson;
    case wire::Protocol::kQuery:
      return AuthDialect::kQuery;
  }
  return AuthDialect::kJson;
}

bool is_account(std::string_view text) {
  return text.size() == 12 && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_sha256_hex(std::string_view text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
         });
}

bool is_streaming(std::string_view content_sha256) { return content_sha256.starts_with("STREAMING-"); }

/// Takes aws-chunked out of Content-Encoding: it is how the body travelled, not what the object is.
void strip_aws_chunked(net::Headers& headers) {
  const std::optional<std::string> encodings = headers.joined("content-encoding");
  if (!encodings) return;
  std::string rest;
  for (std::string_view encoding : split(*encodings, ',')) {
    encoding = trim(encoding);
    if (encoding.empty() || iequals(encoding, "aws-chunked")) continue;
    if (!rest.empty()) rest += ',';
    rest += encoding;
  }
  if (rest.empty()) {
    headers.erase("content-encoding");
  } else {
    headers.set("content-encoding", rest);
  }
}

/// What the headers say about an aws-chunked body, without the keys to verify it.
Result<wire::ChunkedRules> chunked_rules(const net::Request& request, std::string_view content_sha256) {
  wire::ChunkedRules rules;
  rules.verify = false;
  rules.signed_chunks = content_sha256 != wire::kStreamingUnsignedTrailer;
  rules.trailers = content_sha256.ends_with("-TRAILER");
  if (content_sha256 != wire::kStreamingSigned && content_sha256 != wire::kStreamingSignedTrailer &&
      content_sha256 != wire::kStreamingUnsignedTrailer)
    return Error("InvalidArgument", 400,
                 "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "
                 "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 "
                 "value.")
        .with("ArgumentName", "x-amz-content-sha256")
        .with("ArgumentValue", std::string(content_sha256));
  const std::string* length = request.headers.find("x-amz-decoded-content-length");
  if (!length) return Error("MissingContentLength", 411, "You must provide the Content-Length HTTP header.");
  const std::optional<std::int64_t> bytes = parse_int(*length);
  if (!bytes || *bytes < 0)
    return Error("InvalidArgument", 400, "Invalid x-amz-decoded-content-length")
        .with("ArgumentName", "x-amz-decoded-content-length")
        .with("ArgumentValue", *length);
  rules.decoded_length = static_cast<std::uint64_t>(*bytes);
  if (const std::optional<std::string> names = request.headers.joined("x-amz-trailer"); names && rules.trailers) {
    for (const std::string_view name : split(*names, ',')) {
      const std::string lower = to_lower(trim(name));
      if (lower.empty()) continue;
      if (!wire::checksum_kind_of_header(lower))
        return Error("InvalidRequest", 400, "The value specified in the x-amz-trailer header is not supported");
      if (std::find(rules.announced_trailers.begin(), rules.announced_trailers.end(), lower) ==
          rules.announced_trailers.end())
        rules.announced_trailers.push_back(lower);
    }
  }
  return rules;
}

void decode_chunked(net::Request& request, wire::ChunkedRules rules) {
  request.body = std::make_unique<wire::ChunkedBody>(std::move(request.body), std::move(rules));
  strip_aws_chunked(request.headers);
}

/// A chunked body whose signatures nobody can or need verify: anonymous callers, lenient mode.
Result<void> decode_unverified(net::Request& request) {
  const std::string content_sha256(request.headers.get("x-amz-content-sha256"));
  if (!is_streaming(content_sha256)) return {};
  Result<wire::ChunkedRules> rules = chunked_rules(request, content_sha256);
  if (!rules) return std::move(rules).error();
  decode_chunked(request, std::move(rules).value());
  return {};
}

/// The hash that goes into the canonical request of a service that is not S3: of the body itself, unless the client
/// signed that it does not sign it.
Task<std::string> hash_of_body(net::Request& request, const Audience& audience, const SignatureClaim& claim) {
  if (claim.content_sha256 == wire::kUnsignedPayload) co_return claim.content_sha256;
  Error too_large("RequestEntityTooLargeException", 413,
                  "Request must be smaller than " + std::to_string(audience.body_limit) + " bytes");
  std::string bytes = co_await read_all(*request.body, audience.body_limit, std::move(too_large));
  std::string hash = hex_encode(sha256(bytes));
  request.body = std::make_unique<StringBody>(std::move(bytes));
  co_return hash;
}

/// The same for S3, which takes the client's word and holds the body to it afterwards.
Result<std::string> promised_hash(const SignatureClaim& claim) {
  if (claim.content_sha256.empty()) return std::string(wire::kUnsignedPayload);  // presigned URLs need not say
  if (claim.content_sha256 == wire::kUnsignedPayload || is_streaming(claim.content_sha256) ||
      is_sha256_hex(claim.content_sha256))
    return claim.content_sha256;
  return Error(
             "InvalidArgument", 400,
             "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "
             "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.")
      .with("ArgumentName", "x-amz-content-sha256")
      .with("ArgumentValue", claim.content_sha256);
}

/// Wraps S3's body so that it is verified while it is read.
Result<void> hold_to_promise(net::Request& request, const SignatureClaim& claim, const std::string& key) {
  if (is_sha256_hex(claim.content_sha256)) {
    request.body = std::make_unique<wire::HashedBody>(std::move(request.body), to_lower(claim.content_sha256));
    return {};
  }
  if (!is_streaming(claim.content_sha256)) return {};
  Result<wire::ChunkedRules> rules = chunked_rules(request, claim.content_sha256);
  if (!rules) return std::move(rules).error();
  rules->verify = true;
  rules->seed_signature = claim.signature;
  rules->signing_key = key;
  rules->timestamp = claim.timestamp;
  rules->scope = claim.scope.text();
  decode_chunked(request, std::move(rules).value());
  return {};
}

}  // namespace

Audience::Audience(const wire::ServiceModel& model)
    : service(model.signing_name), dialect(dialect_of(model)), allows_anonymous(model.service == "s3") {}

Caller root_caller(const std::string& account) {
  Caller caller;
  caller.account = account;
  caller.arn = "arn:aws:iam::" + account + ":root";
  caller.unique_id = account;
  return caller;
}

Task<Caller> Authenticator::authenticate(net::Request& request, Audience audience) {
  if (mode_ == Mode::kLenient) co_return co_await authenticate_lenient(request);
  std::optional<SignatureClaim> claim = co_await wire::read_signature(request, audience.service, audience.dialect);
  if (claim) co_return co_await verify_claim(request, audience, std::move(*claim));
  if (audience.dialect == AuthDialect::kS3) {
    std::optional<wire::PresignedV2> presigned = co_await wire::read_presigned_v2(request);
    if (presigned) co_return co_await verify_presigned_v2(request, std::move(*presigned));
  }

  if (!audience.allows_anonymous) co_return wire::auth_errors::missing_token(audience.dialect);
  co_await decode_unverified(request);
  Caller anonymous;
  anonymous.anonymous = true;
  co_return anonymous;
}

Task<Credential> valid_credential(CredentialSource& source, const Clock& clock, std::string access_key_id,
                                  std::string session_token, AuthDialect dialect) {
  std::optional<Credential> credential = co_await source.find(access_key_id, session_token);
  if (!credential || !credential->active) {
    if (!session_token.empty()) co_return wire::auth_errors::invalid_token(dialect, session_token);
    co_return wire::auth_errors::unknown_key(dialect, access_key_id);
  }
  if (credential->expires && *credential->expires <= clock.now())
    co_return wire::auth_errors::expired_token(dialect, session_token);
  co_return std::move(*credential);
}

Task<Credential> Authenticator::credential_for(std::string access_key_id, std::string session_token,
                                               AuthDialect dialect) {
  co_return co_await valid_credential(source_, clock_, access_key_id, session_token, dialect);
}

Task<Caller> Authenticator::verify_presigned_v2(net::Request& request, wire::PresignedV2 claim) {
  co_await wire::check_expiry_v2(claim, clock_.now());
  Credential credential = co_await credential_for(claim.access_key_id, claim.session_token, AuthDialect::kS3);
  const std::string to_sign = wire::string_to_sign_v2(request, claim, wire::virtual_host_bucket(request.host));
  if (!equal_constant_time(wire::signature_v2(credential.secret_access_key, to_sign), claim.signature))
    co_return wire::auth_errors::mismatch_v2(claim.access_key_id, claim.signature, to_sign);
  co_await decode_unverified(request);
  co_return std::move(credential.caller);
}

Task<Caller> Authenticator::verify_claim(net::Request& request, const Audience& audience, SignatureClaim claim) {
  const bool s3 = audience.dialect == AuthDialect::kS3;
  co_await wire::check_time(claim, clock_.now(), audience.dialect);
  co_await wire::check_signed_headers(request, claim, audience.dialect);
  Credential credential = co_await credential_for(claim.scope.access_key_id, claim.session_token, audience.dialect);

  std::string payload_hash;
  if (s3) {
    payload_hash = co_await promised_hash(claim);
  } else {
    payload_hash = co_await hash_of_body(request, audience, claim);
  }
  const std::string key = keys_.get(credential.secret_access_key, claim.scope);
  const std::string canonical = wire::canonical_request(request, claim, payload_hash, s3);
  const std::string to_sign = wire::string_to_sign(claim, canonical);
  if (!equal_constant_time(wire::signature_of(key, to_sign), claim.signature))
    co_return wire::auth_errors::mismatch(audience.dialect, claim, to_sign, canonical);

  if (s3) co_await hold_to_promise(request, claim, key);
  co_return std::move(credential.caller);
}

Task<Caller> lenient_caller(CredentialSource& source, wire::LenientIdentity identity) {
  if (is_account(identity.access_key_id)) {
    Caller caller = root_caller(identity.access_key_id);
    caller.access_key_id = identity.access_key_id;
    co_return caller;
  }
  if (!identity.access_key_id.empty()) {
    std::optional<Credential> known = co_await source.find(identity.access_key_id, identity.session_token);
    if (known) co_return std::move(known->caller);
  }
  Caller caller = root_caller("000000000000");
  caller.access_key_id = identity.access_key_id;
  co_return caller;
}

Task<Caller> Authenticator::authenticate_lenient(net::Request& request) {
  co_await decode_unverified(request);
  co_return co_await lenient_caller(source_, wire::read_identity(request));
}

}  // namespace cumulet::access
