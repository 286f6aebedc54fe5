#include "wire/sigv4.h"

#include <algorithm>
#include <utility>

#include "base/digest.h"
#include "base/text.h"

namespace cumulet::wire {
namespace {

/// Decodes and encodes again, so that every spelling of the same bytes looks the same. What is no valid escape stands
/// for itself.
std::string recode(std::string_view text) {
  std::optional<std::string> decoded = uri_decode(text);
  return uri_encode(decoded ? *decoded : std::string(text));
}

std::string s3_canonical_path(std::string_view path) {
  std::string out;
  for (const std::string_view segment : split(path, '/')) {
    out += recode(segment);
    out += '/';
  }
  out.pop_back();
  return out.starts_with('/') ? out : "/" + out;
}

/// RFC 3986's removal of dot segments, and of empty ones; a slash at the end stays.
std::string normalised_path(std::string_view path) {
  std::vector<std::string_view> kept;
  const std::vector<std::string_view> segments = split(path, '/');
  for (const std::string_view segment : segments) {
    if (segment.empty() || segment == ".") continue;
    if (segment == "..") {
      if (!kept.empty()) kept.pop_back();
      continue;
    }
    kept.push_back(segment);
  }
  std::string out;
  for (const std::string_view segment : kept) {
    out += '/';
    out += uri_encode(segment);
  }
  const std::string_view last = segments.back();
  if (out.empty() || last.empty() || last == "." || last == "..") out += '/';
  return out;
}

/// Parameters sorted by their encoded names, then by their encoded values; without the signature itself.
std::string canonical_query(std::string_view query) {
  if (query.empty()) return {};
  std::vector<std::pair<std::string, std::string>> parameters;
  for (const std::string_view part : split(query, '&')) {
    if (part.empty()) continue;
    const std::size_t equals = part.find('=');
    const auto spelled = [](std::string_view text) {
      std::optional<std::string> decoded = uri_decode(text, true);
      return uri_encode(decoded ? *decoded : std::string(text));
    };
    std::string name = spelled(part.substr(0, equals));
    if (iequals(name, "X-Amz-Signature")) continue;
    parameters.emplace_back(std::move(name),
                            equals == std::string_view::npos ? std::string() : spelled(part.substr(equals + 1)));
  }
  std::sort(parameters.begin(), parameters.end());
  std::string out;
  for (const auto& [name, value] : parameters) {
    if (!out.empty()) out += '&';
    out += name;
    out += '=';
    out += value;
  }
  return out;
}

/// Blanks at the ends go, and runs of them inside become one.
void append_collapsed(std::string& out, std::string_view value) {
  bool blank = false;
  for (const char c : trim(value)) {
    if (c == ' ' || c == '\t') {
      blank = true;
      continue;
    }
    if (blank) out += ' ';
    blank = false;
    out += c;
  }
}

/// A client of HTTP/2 may sign what it sends instead of Host under the name it has there.
void append_header(std::string& out, const net::Headers& headers, const std::string& signed_name) {
  out += signed_name;
  out += ':';
  bool first = true;
  const std::string_view name = signed_name == ":authority" ? std::string_view("host") : signed_name;
  for (const auto& [key, value] : headers) {
    if (!iequals(key, name)) continue;
    if (!first) out += ',';
    first = false;
    append_collapsed(out, value);
  }
  out += '\n';
}

std::string joined_names(const SignatureClaim& claim) { return join(claim.signed_headers, ";"); }

}  // namespace

std::string canonical_request(const net::Request& request, const SignatureClaim& claim, std::string_view payload_hash,
                              bool s3_path) {
  std::string out = request.method;
  out += '\n';
  out += s3_path ? s3_canonical_path(request.path) : normalised_path(request.path);
  out += '\n';
  out += canonical_query(request.query);
  out += '\n';
  for (const std::string& name : claim.signed_headers) append_header(out, request.headers, name);
  out += '\n';
  out += joined_names(claim);
  out += '\n';
  out += payload_hash;
  return out;
}

std::string string_to_sign(const SignatureClaim& claim, std::string_view canonical) {
  std::string out(kSigV4Algorithm);
  out += '\n';
  out += claim.timestamp;
  out += '\n';
  out += claim.scope.text();
  out += '\n';
  out += hex_encode(sha256(canonical));
  return out;
}

std::string signing_key(std::string_view secret, const CredentialScope& scope) {
  const std::string date = hmac_sha256("AWS4" + std::string(secret), scope.date);
  const std::string region = hmac_sha256(date, scope.region);
  const std::string service = hmac_sha256(region, scope.service);
  return hmac_sha256(service, "aws4_request");
}

std::string signature_of(std::string_view signing_key, std::string_view string_to_sign) {
  return hex_encode(hmac_sha256(signing_key, string_to_sign));
}

std::string SigningKeyCache::get(std::string_view secret, const CredentialScope& scope) {
  std::string name = scope.access_key_id + "/" + scope.text();
  {
    std::lock_guard lock(mutex_);
    const auto found = by_name_.find(name);
    if (found != by_name_.end() && equal_constant_time(found->second->secret, secret)) {
      newest_first_.splice(newest_first_.begin(), newest_first_, found->second);
      return found->second->key;
    }
  }
  std::string key = signing_key(secret, scope);
  std::lock_guard lock(mutex_);
  if (const auto found = by_name_.find(name); found != by_name_.end()) {
    newest_first_.erase(found->second);
    by_name_.erase(found);
  }
  newest_first_.push_front(Entry{name, std::string(secret), key});
  by_name_.emplace(std::move(name), newest_first_.begin());
  if (newest_first_.size() > capacity_) {
    by_name_.erase(newest_first_.back().name);
    newest_first_.pop_back();
  }
  return key;
}

namespace {

SignatureClaim claim_for(const SigningIdentity& identity, Timestamp now) {
  SignatureClaim claim;
  claim.timestamp = iso8601_basic(now);
  claim.signed_at = now;
  claim.scope.access_key_id = identity.access_key_id;
  claim.scope.date = claim.timestamp.substr(0, 8);
  claim.scope.region = identity.region;
  claim.scope.service = identity.service;
  return claim;
}

std::string sign_claim(const net::Request& request, const SignatureClaim& claim, const SigningIdentity& identity,
                       std::string_view payload_hash) {
  const std::string canonical = canonical_request(request, claim, payload_hash, identity.service == "s3");
  return signature_of(signing_key(identity.secret_access_key, claim.scope), string_to_sign(claim, canonical));
}

}  // namespace

void sign_headers(net::Request& request, const SigningIdentity& identity, Timestamp now,
                  std::string_view payload_hash) {
  SignatureClaim claim = claim_for(identity, now);
  request.headers.erase("authorization");
  request.headers.set("X-Amz-Date", claim.timestamp);
  if (!identity.session_token.empty()) request.headers.set("X-Amz-Security-Token", identity.session_token);
  if (identity.service == "s3") request.headers.set("x-amz-content-sha256", std::string(payload_hash));
  for (const auto& [name, value] : request.headers) claim.signed_headers.push_back(to_lower(name));
  std::sort(claim.signed_headers.begin(), claim.signed_headers.end());
  claim.signed_headers.erase(std::unique(claim.signed_headers.begin(), claim.signed_headers.end()),
                             claim.signed_headers.end());
  const std::string signature = sign_claim(request, claim, identity, payload_hash);
  request.headers.set("Authorization", std::string(kSigV4Algorithm) + " Credential=" + identity.access_key_id + "/" +
                                           claim.scope.text() + ", SignedHeaders=" + joined_names(claim) +
                                           ", Signature=" + signature);
}

std::string presigned_query(const net::Request& request, const SigningIdentity& identity, Timestamp now,
                            std::int64_t expires_seconds) {
  SignatureClaim claim = claim_for(identity, now);
  claim.signed_headers = {"host"};
  std::string query = request.query;
  const auto add = [&query](std::string_view name, std::string_view value) {
    if (!query.empty()) query += '&';
    query += name;
    query += '=';
    query += uri_encode(value);
  };
  add("X-Amz-Algorithm", kSigV4Algorithm);
  add("X-Amz-Credential", identity.access_key_id + "/" + claim.scope.text());
  add("X-Amz-Date", claim.timestamp);
  add("X-Amz-Expires", std::to_string(expires_seconds));
  add("X-Amz-SignedHeaders", "host");
  if (!identity.session_token.empty()) add("X-Amz-Security-Token", identity.session_token);

  net::Request presigned;
  presigned.method = request.method;
  presigned.path = request.path;
  presigned.query = query;
  presigned.headers = request.headers;
  const std::string signature =
      sign_claim(presigned, claim, identity, identity.service == "s3" ? kUnsignedPayload : kEmptySha256);
  add("X-Amz-Signature", signature);
  return query;
}

}  // namespace cumulet::wire
