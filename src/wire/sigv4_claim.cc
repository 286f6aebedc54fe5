// Reading what a request says about its signature, with the words AWS finds for each way to say it wrong.

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "wire/sigv4.h"
#include "wire/sigv4_errors.h"

namespace cumulet::wire {
namespace {

using Parameters = std::vector<std::pair<std::string, std::string>>;

const std::string* find_parameter(const Parameters& parameters, std::string_view name) {
  for (const auto& [key, value] : parameters) {
    if (iequals(key, name)) return &value;
  }
  return nullptr;
}

std::string in_quotes(std::string_view text) { return "'" + std::string(text) + "'"; }

/// One reader per request: knows the dialect, and whether the claim stands in the header or in the query.
class ClaimReader {
 public:
  ClaimReader(const net::Request& request, std::string_view service, AuthDialect dialect)
      : request_(request), service_(service), dialect_(dialect) {}

  Result<std::optional<SignatureClaim>> from_header(const std::string& authorization);
  Result<std::optional<SignatureClaim>> from_query(const Parameters& parameters);

 private:
  bool s3() const { return dialect_ == AuthDialect::kS3; }
  bool in_query() const { return claim_.place == SignatureClaim::Place::kQuery; }

  Error query_error(std::string message) const;
  Error credential_error(std::string s3_reason, std::string elsewhere) const;
  Result<void> read_header_fields(std::string_view fields, const std::string& authorization);
  Result<void> read_scope(const std::string& credential);
  Result<void> read_signed_headers(std::string_view list);
  Result<void> read_header_time(const std::string& authorization);
  Result<void> check_scope() const;

  const net::Request& request_;
  std::string_view service_;
  AuthDialect dialect_;
  SignatureClaim claim_;
  std::string terminator_;
};

Error ClaimReader::query_error(std::string message) const {
  if (s3()) return Error("AuthorizationQueryParametersError", 400, std::move(message));
  return auth_errors::incomplete(dialect_, std::move(message));
}

/// A credential that cannot be: S3 says so in one of two codes, the others with their own sentence.
Error ClaimReader::credential_error(std::string s3_reason, std::string elsewhere) const {
  if (!s3()) return auth_errors::invalid_signature(dialect_, std::move(elsewhere));
  if (in_query())
    return Error("AuthorizationQueryParametersError", 400,
                 "Error parsing the X-Amz-Credential parameter; " + std::move(s3_reason));
  return Error("AuthorizationHeaderMalformed", 400, "The authorization header is malformed; " + std::move(s3_reason));
}

Result<void> ClaimReader::read_scope(const std::string& credential) {
  const std::vector<std::string_view> parts = split(credential, '/');
  if (parts.size() != 5 || parts[0].empty()) {
    return credential_error(
        "the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".",
        "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got " +
            in_quotes(credential));
  }
  claim_.scope.access_key_id = parts[0];
  claim_.scope.date = parts[1];
  claim_.scope.region = parts[2];
  claim_.scope.service = parts[3];
  terminator_ = parts[4];
  return {};
}

Result<void> ClaimReader::read_signed_headers(std::string_view list) {
  for (const std::string_view name : split(list, ';')) {
    if (!name.empty()) claim_.signed_headers.push_back(to_lower(name));
  }
  std::sort(claim_.signed_headers.begin(), claim_.signed_headers.end());
  claim_.signed_headers.erase(std::unique(claim_.signed_headers.begin(), claim_.signed_headers.end()),
                              claim_.signed_headers.end());
  return {};
}

Result<void> ClaimReader::check_scope() const {
  const CredentialScope& scope = claim_.scope;
  if (terminator_ != "aws4_request")
    return credential_error(
        "incorrect terminal \"" + terminator_ + "\". This endpoint uses \"aws4_request\".",
        "Credential should be scoped with a valid terminator: 'aws4_request', not " + in_quotes(terminator_) + ".");
  if (scope.service != service_)
    return credential_error(
        "incorrect service \"" + scope.service + "\". This endpoint belongs to \"" + std::string(service_) + "\".",
        "Credential should be scoped to correct service: " + in_quotes(service_) + ".");
  if (scope.region.empty())
    return credential_error("the region '' is wrong; expecting 'us-east-1'",
                            "Credential should be scoped to a valid region.");
  if (scope.date != claim_.timestamp.substr(0, 8))
    return credential_error("Invalid credential date \"" + scope.date +
                                "\". This date is not the same as X-Amz-Date: \"" + claim_.timestamp.substr(0, 8) +
                                "\".",
                            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from "
                            "HTTP: " +
                                in_quotes(scope.date) + " != " + in_quotes(claim_.timestamp.substr(0, 8)) + ", from " +
                                in_quotes(claim_.timestamp) + ".");
  return {};
}

Result<void> ClaimReader::read_header_fields(std::string_view fields, const std::string& authorization) {
  std::optional<std::string> credential, signed_headers, signature;
  for (std::string_view part : split(fields, ',')) {
    part = trim(part);
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos) {
      if (part.empty()) continue;
      if (s3())
        return Error("AuthorizationHeaderMalformed", 400,
                     "The authorization header is malformed; the authorization component \"" + std::string(part) +
                         "\" is malformed.");
      return auth_errors::incomplete(dialect_, in_quotes(part) +
                                                   " not a valid key=value pair (missing equal-sign) in "
                                                   "Authorization header: " +
                                                   in_quotes(authorization) + ".");
    }
    const std::string_view key = part.substr(0, equals);
    const std::string value(part.substr(equals + 1));
    if (key == "Credential") credential = value;
    if (key == "SignedHeaders") signed_headers = value;
    if (key == "Signature") signature = value;
  }

  std::string missing;
  const std::array<std::pair<std::string_view, const std::optional<std::string>*>, 3> needed{
      {{"Credential", &credential}, {"Signature", &signature}, {"SignedHeaders", &signed_headers}}};
  for (const auto& [name, value] : needed) {
    if (value->has_value() && !(*value)->empty()) continue;
    if (s3())
      return Error("AuthorizationHeaderMalformed", 400,
                   "The authorization header is malformed; the authorization header requires three components: "
                   "Credential, SignedHeaders, and Signature.");
    missing += "Authorization header requires " + in_quotes(name) + " parameter. ";
  }
  if (!missing.empty()) return auth_errors::incomplete(dialect_, missing + "Authorization=" + authorization);

  claim_.signature = *signature;
  if (Result<void> scope = read_scope(*credential); !scope) return scope;
  return read_signed_headers(*signed_headers);
}

/// X-Amz-Date, else Date, in the basic ISO form or in HTTP's.
Result<void> ClaimReader::read_header_time(const std::string& authorization) {
  const std::string* date = request_.headers.find("x-amz-date");
  if (!date) date = request_.headers.find("date");
  Timestamp time{};
  const bool basic = date && parse_iso8601_basic(*date, time);
  if (basic || (date && parse_http_date(*date, time))) {
    claim_.signed_at = time;
    claim_.timestamp = basic ? *date : iso8601_basic(time);
    return {};
  }
  if (s3()) return Error("AccessDenied", 403, "AWS authentication requires a valid Date or x-amz-date header");
  if (date)
    return auth_errors::incomplete(dialect_, "Date must be in ISO-8601 'basic format'. Got " + in_quotes(*date) +
                                                 ". See http://en.wikipedia.org/wiki/ISO_8601");
  return auth_errors::incomplete(dialect_,
                                 "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. "
                                 "Authorization=" +
                                     authorization);
}

Result<std::optional<SignatureClaim>> ClaimReader::from_header(const std::string& authorization) {
  claim_.place = SignatureClaim::Place::kHeader;
  const std::string_view text = trim(authorization);
  const std::size_t blank = text.find(' ');
  const std::string_view algorithm = text.substr(0, blank);
  if (algorithm != kSigV4Algorithm) {
    if (s3() && algorithm == "AWS")
      return Error("InvalidRequest", 400,
                   "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.");
    if (s3())
      return Error("InvalidArgument", 400, "Unsupported Authorization Type")
          .with("ArgumentName", "Authorization")
          .with("ArgumentValue", authorization);
    return auth_errors::incomplete(dialect_, "Unsupported AWS 'algorithm': " + in_quotes(algorithm) + ".");
  }
  const std::string_view fields = blank == std::string_view::npos ? std::string_view() : text.substr(blank + 1);
  if (Result<void> read = read_header_fields(fields, authorization); !read) return std::move(read).error();
  if (Result<void> time = read_header_time(authorization); !time) return std::move(time).error();
  if (Result<void> scope = check_scope(); !scope) return std::move(scope).error();
  claim_.session_token = request_.headers.get("x-amz-security-token");
  claim_.content_sha256 = request_.headers.get("x-amz-content-sha256");
  if (s3() && claim_.content_sha256.empty())
    return Error("InvalidRequest", 400, "Missing required header for this request: x-amz-content-sha256");
  return std::optional<SignatureClaim>(std::move(claim_));
}

Result<std::optional<SignatureClaim>> ClaimReader::from_query(const Parameters& parameters) {
  claim_.place = SignatureClaim::Place::kQuery;
  const std::string* algorithm = find_parameter(parameters, "X-Amz-Algorithm");
  const std::string* credential = find_parameter(parameters, "X-Amz-Credential");
  const std::string* signature = find_parameter(parameters, "X-Amz-Signature");
  const std::string* date = find_parameter(parameters, "X-Amz-Date");
  const std::string* signed_headers = find_parameter(parameters, "X-Amz-SignedHeaders");
  const std::string* expires = find_parameter(parameters, "X-Amz-Expires");
  if (!algorithm || !credential || !signature || !date || !signed_headers || (s3() && !expires))
    return query_error(
        "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, "
        "X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.");
  if (*algorithm != kSigV4Algorithm) return query_error("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"");
  if (!parse_iso8601_basic(*date, claim_.signed_at))
    return query_error("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"");
  claim_.timestamp = *date;

  claim_.expires_seconds = kAllowedSkew.count() * 60;  // services that do not ask for it grant the usual skew
  if (expires) {
    const std::optional<std::int64_t> seconds = parse_int(*expires);
    if (!seconds) return query_error("X-Amz-Expires should be a number");
    if (*seconds < 0) return query_error("X-Amz-Expires must be non-negative");
    if (*seconds > kMaxPresignSeconds)
      return query_error(
          "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than "
          "604800 seconds");
    claim_.expires_seconds = *seconds;
  }
  claim_.signature = *signature;
  if (Result<void> scope = read_scope(*credential); !scope) return std::move(scope).error();
  if (Result<void> names = read_signed_headers(*signed_headers); !names) return std::move(names).error();
  if (Result<void> scope = check_scope(); !scope) return std::move(scope).error();

  if (const std::string* token = find_parameter(parameters, "X-Amz-Security-Token")) {
    claim_.session_token = *token;
  } else {
    claim_.session_token = request_.headers.get("x-amz-security-token");
  }
  if (const std::string* hash = request_.headers.find("x-amz-content-sha256")) {
    claim_.content_sha256 = *hash;
  } else if (const std::string* parameter = find_parameter(parameters, "X-Amz-Content-Sha256")) {
    claim_.content_sha256 = *parameter;
  }
  return std::optional<SignatureClaim>(std::move(claim_));
}

/// Whether the query string may hold a signature, so that most requests never decode it here.
bool may_be_presigned(std::string_view query) {
  return to_lower(query).find("x-amz-") != std::string::npos &&
         (query.find("ignature") != std::string_view::npos || query.find("lgorithm") != std::string_view::npos);
}

}  // namespace

bool SignatureClaim::signs(std::string_view header) const {
  return std::binary_search(signed_headers.begin(), signed_headers.end(), header);
}

Result<std::optional<SignatureClaim>> read_signature(const net::Request& request, std::string_view service,
                                                     AuthDialect dialect) {
  const std::string* authorization = request.headers.find("authorization");
  Parameters parameters;
  if (may_be_presigned(request.query)) parameters = request.query_parameters();
  const bool presigned = find_parameter(parameters, "X-Amz-Algorithm") || find_parameter(parameters, "X-Amz-Signature");

  if (authorization && presigned && dialect == AuthDialect::kS3)
    return Error("InvalidArgument", 400,
                 "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string "
                 "parameter or the Authorization header should be specified")
        .with("ArgumentName", "Authorization")
        .with("ArgumentValue", *authorization);
  ClaimReader reader(request, service, dialect);
  if (authorization) return reader.from_header(*authorization);
  if (presigned) return reader.from_query(parameters);
  return std::optional<SignatureClaim>();
}

LenientIdentity read_identity(const net::Request& request) {
  LenientIdentity identity;
  identity.session_token = request.headers.get("x-amz-security-token");
  std::string credential;
  if (const std::string* authorization = request.headers.find("authorization")) {
    const std::size_t at = authorization->find("Credential=");
    if (at != std::string::npos) {
      credential = authorization->substr(at + 11);
    } else if (authorization->starts_with("AWS ")) {  // version 2: AWS keyid:signature
      credential = authorization->substr(4, authorization->find(':', 4) - 4);
    }
  } else {
    const Parameters parameters = request.query_parameters();
    if (const std::string* value = find_parameter(parameters, "X-Amz-Credential")) credential = *value;
    if (const std::string* value = find_parameter(parameters, "AWSAccessKeyId")) credential = *value;
    if (const std::string* value = find_parameter(parameters, "X-Amz-Security-Token")) identity.session_token = *value;
  }
  identity.access_key_id = trim(std::string_view(credential).substr(0, credential.find_first_of("/, ")));
  return identity;
}

namespace {

Error too_skewed(const SignatureClaim& claim, Timestamp now) {
  return Error("RequestTimeTooSkewed", 403,
               "The difference between the request time and the current time is too large.")
      .with("RequestTime", claim.timestamp)
      .with("ServerTime", iso8601(now))
      .with("MaxAllowedSkewMilliseconds", std::to_string(std::chrono::milliseconds(kAllowedSkew).count()));
}

std::string skew_sentence(const SignatureClaim& claim, Timestamp now, bool early) {
  const Timestamp bound = early ? now + kAllowedSkew : now - kAllowedSkew;
  return std::string(early ? "Signature not yet current: " : "Signature expired: ") + claim.timestamp +
         (early ? " is still later than " : " is now earlier than ") + iso8601_basic(bound) + " (" +
         iso8601_basic(now) + (early ? " + " : " - ") + "15 min.)";
}

}  // namespace

Result<void> check_time(const SignatureClaim& claim, Timestamp now, AuthDialect dialect) {
  const bool s3 = dialect == AuthDialect::kS3;
  if (claim.signed_at > now + kAllowedSkew) {
    if (!s3) return auth_errors::invalid_signature(dialect, skew_sentence(claim, now, true));
    if (claim.place == SignatureClaim::Place::kHeader) return too_skewed(claim, now);
    return Error("AccessDenied", 403, "Request is not valid yet")
        .with("X-Amz-Date", claim.timestamp)
        .with("ServerTime", iso8601(now));
  }
  if (claim.place == SignatureClaim::Place::kHeader) {
    if (claim.signed_at >= now - kAllowedSkew) return {};
    if (s3) return too_skewed(claim, now);
    return auth_errors::invalid_signature(dialect, skew_sentence(claim, now, false));
  }
  const Timestamp expires = claim.signed_at + std::chrono::seconds(claim.expires_seconds);
  if (now <= expires) return {};
  if (!s3)
    return auth_errors::invalid_signature(
        dialect, "Signature expired: " + claim.timestamp + " is now earlier than " +
                     iso8601_basic(now - std::chrono::seconds(claim.expires_seconds)) + " (" + iso8601_basic(now) +
                     " - " + std::to_string(claim.expires_seconds / 60) + " min.)");
  return Error("AccessDenied", 403, "Request has expired")
      .with("X-Amz-Expires", std::to_string(claim.expires_seconds))
      .with("Expires", iso8601(expires))
      .with("ServerTime", iso8601(now));
}

Result<void> check_signed_headers(const net::Request& request, const SignatureClaim& claim, AuthDialect dialect) {
  const bool s3 = dialect == AuthDialect::kS3;
  std::string unsigned_names;
  const auto require = [&](std::string_view name) {
    if (claim.signs(name)) return;
    if (!unsigned_names.empty()) unsigned_names += ", ";
    unsigned_names += name;
  };
  if (!claim.signs(":authority")) require("host");
  for (const auto& [name, value] : request.headers) {
    const std::string lower = to_lower(name);
    if (s3 ? lower.starts_with("x-amz-")
           : lower == "x-amz-target" || lower == "x-amz-date" || lower == "x-amz-content-sha256")
      require(lower);
  }
  if (unsigned_names.empty()) return {};
  if (s3)
    return Error("AccessDenied", 403, "There were headers present in the request which were not signed")
        .with("HeadersNotSigned", unsigned_names);
  const std::string first = unsigned_names.substr(0, unsigned_names.find(','));
  return auth_errors::invalid_signature(dialect,
                                        (first == "host" ? std::string("'Host' or ':authority'") : in_quotes(first)) +
                                            " must be a 'SignedHeader' in the AWS Authorization.");
}

}  // namespace cumulet::wire
