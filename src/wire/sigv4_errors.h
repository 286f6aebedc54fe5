#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "wire/sigv4.h"

/// Authentication failures in the words of each kind of service. JSON services answer 400, REST-JSON and query services
/// 403; S3 has codes of its own ("Error responses", S3 API Reference).
namespace cumulet::wire::auth_errors {

/// No signature where one is needed.
Error missing_token(AuthDialect dialect);
/// The Authorization header or the query parameters lack something; `what` says it in AWS's words.
Error incomplete(AuthDialect dialect, std::string what);
/// A well-formed signature that cannot be right (wrong scope, too old …).
Error invalid_signature(AuthDialect dialect, std::string what);
/// The access key id is unknown.
Error unknown_key(AuthDialect dialect, const std::string& access_key_id);
/// The session token does not belong to the key, or is damaged.
Error invalid_token(AuthDialect dialect, const std::string& token);
Error expired_token(AuthDialect dialect, const std::string& token);
/// The signature differs from ours. The strings that ours was computed from help whoever writes a client.
Error mismatch(AuthDialect dialect, const SignatureClaim& claim, const std::string& to_sign,
               const std::string& canonical);

/// The same for S3's signature version 2.
Error mismatch_v2(const std::string& access_key_id, const std::string& signature, const std::string& to_sign);

}  // namespace cumulet::wire::auth_errors
