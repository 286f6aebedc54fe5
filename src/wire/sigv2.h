#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "net/http.h"

/// S3's presigned URLs of signature version 2 (HMAC-SHA1): what boto3 still makes for us-east-1 when nobody tells it
/// otherwise. Verified only, never made; the header form is not supported. Source: "Signing and authenticating REST
/// requests (AWS signature version 2)", S3 User Guide.
namespace cumulet::wire {

struct PresignedV2 {
  std::string access_key_id;
  std::string signature;  ///< Base64.
  std::string expires;    ///< Seconds since 1970, as it came.
  std::int64_t expires_at = 0;
  std::string session_token;  ///< Empty for long-term keys.
};

/// Nullopt when the query holds none; S3's error when it is incomplete.
Result<std::optional<PresignedV2>> read_presigned_v2(const net::Request& request);

/// Fails once the URL has expired.
Result<void> check_expiry_v2(const PresignedV2& claim, Timestamp now);

/// `bucket` is the one that the host names; empty in path style.
std::string string_to_sign_v2(const net::Request& request, const PresignedV2& claim, std::string_view bucket);

/// Base64 of the HMAC-SHA1.
std::string signature_v2(std::string_view secret, std::string_view string_to_sign);

}  // namespace cumulet::wire
