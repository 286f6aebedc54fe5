#pragma once

#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "net/http.h"

/// AWS Signature Version 4 (HMAC-SHA256): reading what a request claims about its signature, computing what it should
/// be, and signing our own requests. Everything here is a function of its arguments; who the keys belong to is
/// access/'s business. Source of the rules: "AWS Signature Version 4 for API requests" (IAM User Guide) and
/// "Authenticating Requests" (S3 API Reference).
namespace cumulet::wire {

inline constexpr std::string_view kSigV4Algorithm = "AWS4-HMAC-SHA256";
inline constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";
inline constexpr std::string_view kStreamingSigned = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
inline constexpr std::string_view kStreamingSignedTrailer = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
inline constexpr std::string_view kStreamingUnsignedTrailer = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
inline constexpr std::string_view kEmptySha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
/// How far a client's clock may be off, either way.
inline constexpr std::chrono::minutes kAllowedSkew{15};
/// The longest life of a presigned URL, seconds (a week).
inline constexpr std::int64_t kMaxPresignSeconds = 604'800;

/// How a service words its authentication errors: by its protocol, and S3 by its own book.
enum class AuthDialect { kJson, kRestJson, kQuery, kS3 };

/// keyid/YYYYMMDD/region/service/aws4_request.
struct CredentialScope {
  std::string access_key_id;
  std::string date;
  std::string region;
  std::string service;
  /// The part after the key id: what goes into the string to sign.
  std::string text() const { return date + "/" + region + "/" + service + "/aws4_request"; }
};

/// What a request says about its own signature; nothing of it is verified yet.
struct SignatureClaim {
  enum class Place { kHeader, kQuery };
  Place place = Place::kHeader;
  CredentialScope scope;
  std::vector<std::string> signed_headers;  ///< Lower case, sorted.
  std::string signature;                    ///< Lower-case hex, as it came.
  std::string timestamp;                    ///< 20261122T102030Z.
  Timestamp signed_at{};
  std::int64_t expires_seconds = 0;  ///< Of a presigned URL.
  std::string session_token;         ///< Empty for long-term keys.
  std::string content_sha256;        ///< What the request says its payload hashes to; empty when it does not say.

  bool signs(std::string_view header) const;
};

/// Reads the claim out of the Authorization header or the X-Amz-… query parameters. Nullopt when the request is
/// unsigned; an error in the service's own words when the claim is malformed, incomplete, or made for another service
/// than `service` (the signing name).
Result<std::optional<SignatureClaim>> read_signature(const net::Request& request, std::string_view service,
                                                     AuthDialect dialect);

/// The key id and token that a request carries, wherever and however well-formed: for who does not verify signatures.
struct LenientIdentity {
  std::string access_key_id;
  std::string session_token;
};
LenientIdentity read_identity(const net::Request& request);

/// Fails when the claim is too old, from the future, or the presigned URL has expired.
Result<void> check_time(const SignatureClaim& claim, Timestamp now, AuthDialect dialect);

/// Fails unless the headers that change what a request means are among the signed ones: Host always, for S3 every
/// x-amz-… header, elsewhere those that this layer itself acts on.
Result<void> check_signed_headers(const net::Request& request, const SignatureClaim& claim, AuthDialect dialect);

/// The canonical request. `payload_hash` is its last line: a SHA-256 in hex or one of the words above. S3 paths are
/// encoded once and never normalised; all others are normalised and encoded on top of what came.
std::string canonical_request(const net::Request& request, const SignatureClaim& claim, std::string_view payload_hash,
                              bool s3_path);
std::string string_to_sign(const SignatureClaim& claim, std::string_view canonical);

/// The key of a day, region and service, derived from a secret.
std::string signing_key(std::string_view secret, const CredentialScope& scope);
/// The signature over any string to sign, in hex.
std::string signature_of(std::string_view signing_key, std::string_view string_to_sign);

/// Signing keys of late, so that a request costs one HMAC instead of five. Bounded; thread-safe. An entry is only used
/// for the secret it was derived from.
class SigningKeyCache {
 public:
  explicit SigningKeyCache(std::size_t capacity = 4096) : capacity_(capacity) {}
  std::string get(std::string_view secret, const CredentialScope& scope);

 private:
  struct Entry {
    std::string name;
    std::string secret;
    std::string key;
  };
  std::mutex mutex_;
  std::size_t capacity_;
  std::list<Entry> newest_first_;
  std::unordered_map<std::string, std::list<Entry>::iterator> by_name_;
};

/// The keys to sign with.
struct SigningIdentity {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;  ///< Empty for long-term keys.
  std::string region;
  std::string service;
};

/// Signs in header form: adds X-Amz-Date, X-Amz-Security-Token, for S3 x-amz-content-sha256, and Authorization. Signs
/// every header present (Host must be). `payload_hash` as in canonical_request.
void sign_headers(net::Request& request, const SigningIdentity& identity, Timestamp now, std::string_view payload_hash);

/// Signs in query form: gives the query string (without '?') that makes `request` a presigned one.
std::string presigned_query(const net::Request& request, const SigningIdentity& identity, Timestamp now,
                            std::int64_t expires_seconds);

}  // namespace cumulet::wire
