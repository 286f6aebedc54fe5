#include "wire/sigv2.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "base/text.h"

namespace cumulet::wire {
namespace {

using Parameters = std::vector<std::pair<std::string, std::string>>;

/// The parameters that are part of the resource.
constexpr std::array<std::string_view, 35> kSubresources{"accelerate",
                                                         "acl",
                                                         "analytics",
                                                         "cors",
                                                         "defaultObjectAcl",
                                                         "delete",
                                                         "inventory",
                                                         "lifecycle",
                                                         "location",
                                                         "logging",
                                                         "metrics",
                                                         "notification",
                                                         "object-lock",
                                                         "partNumber",
                                                         "policy",
                                                         "replication",
                                                         "requestPayment",
                                                         "response-cache-control",
                                                         "response-content-disposition",
                                                         "response-content-encoding",
                                                         "response-content-language",
                                                         "response-content-type",
                                                         "response-expires",
                                                         "restore",
                                                         "select",
                                                         "select-type",
                                                         "storageClass",
                                                         "tagging",
                                                         "torrent",
                                                         "uploadId",
                                                         "uploads",
                                                         "versionId",
                                                         "versioning",
                                                         "versions",
                                                         "website"};

const std::string* find_parameter(const Parameters& parameters, std::string_view name) {
  for (const auto& [key, value] : parameters) {
    if (key == name) return &value;
  }
  return nullptr;
}

/// A standard header's value; presigned URLs may carry it as a parameter instead.
std::string header_or_parameter(const net::Request& request, const Parameters& parameters, std::string_view name) {
  if (const std::string* header = request.headers.find(name)) return std::string(trim(*header));
  const std::string* parameter = find_parameter(parameters, name);
  return parameter ? *parameter : std::string();
}

/// The x-amz- headers, from headers and parameters, sorted: name:value lines.
std::string amz_headers(const net::Request& request, const Parameters& parameters) {
  std::map<std::string, std::string> values;
  const auto add = [&values](std::string_view name, std::string_view value) {
    const std::string lower = to_lower(name);
    if (!lower.starts_with("x-amz-")) return;
    const auto [at, fresh] = values.emplace(lower, trim(value));
    if (!fresh) at->second += "," + std::string(trim(value));
  };
  for (const auto& [name, value] : request.headers) add(name, value);
  for (const auto& [name, value] : parameters) add(name, value);
  std::string out;
  for (const auto& [name, value] : values) out += name + ":" + value + "\n";
  return out;
}

/// Whether a parameter stands in the URL without '='.
bool is_bare(std::string_view query, std::string_view name) {
  for (const std::string_view part : split(query, '&')) {
    if (part == name) return true;
  }
  return false;
}

std::string resource(const net::Request& request, const Parameters& parameters, std::string_view bucket) {
  std::string out = bucket.empty() ? std::string() : "/" + std::string(bucket);
  out += request.path;
  Parameters listed;
  for (const auto& parameter : parameters) {
    if (std::binary_search(kSubresources.begin(), kSubresources.end(), std::string_view(parameter.first)))
      listed.push_back(parameter);
  }
  std::stable_sort(listed.begin(), listed.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  char separator = '?';
  for (const auto& [name, value] : listed) {
    out += separator + name;
    if (!is_bare(request.query, name)) out += "=" + value;
    separator = '&';
  }
  return out;
}

std::string hmac_sha1(std::string_view key, std::string_view bytes) {
  std::string block(key.size() > 64 ? sha1(key) : std::string(key));
  block.resize(64, '\0');
  std::string inner = block;
  std::string outer = block;
  for (char& c : inner) c = static_cast<char>(c ^ 0x36);
  for (char& c : outer) c = static_cast<char>(c ^ 0x5c);
  inner += bytes;
  outer += sha1(inner);
  return sha1(outer);
}

}  // namespace

Result<std::optional<PresignedV2>> read_presigned_v2(const net::Request& request) {
  if (request.query.find("AWSAccessKeyId=") == std::string::npos) return std::optional<PresignedV2>();
  const Parameters parameters = request.query_parameters();
  const std::string* key = find_parameter(parameters, "AWSAccessKeyId");
  const std::string* signature = find_parameter(parameters, "Signature");
  const std::string* expires = find_parameter(parameters, "Expires");
  if (!key) return std::optional<PresignedV2>();
  if (!signature || !expires || key->empty())
    return Error("AccessDenied", 403,
                 "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters");
  const std::optional<std::int64_t> seconds = parse_int(*expires);
  // Further away than a timestamp can say is no date either.
  if (!seconds || *seconds < 0 || *seconds > 253'402'300'799)
    return Error("AccessDenied", 403, "Invalid date (should be seconds since epoch): " + *expires);
  PresignedV2 claim;
  claim.access_key_id = *key;
  claim.signature = *signature;
  claim.expires = *expires;
  claim.expires_at = *seconds;
  claim.session_token = header_or_parameter(request, parameters, "x-amz-security-token");
  return std::optional<PresignedV2>(std::move(claim));
}

Result<void> check_expiry_v2(const PresignedV2& claim, Timestamp now) {
  const Timestamp expires{std::chrono::seconds(claim.expires_at)};
  if (now <= expires) return {};
  return Error("AccessDenied", 403, "Request has expired")
      .with("Expires", iso8601(expires))
      .with("ServerTime", iso8601(now));
}

std::string string_to_sign_v2(const net::Request& request, const PresignedV2& claim, std::string_view bucket) {
  const Parameters parameters = request.query_parameters();
  return request.method + "\n" + header_or_parameter(request, parameters, "content-md5") + "\n" +
         header_or_parameter(request, parameters, "content-type") + "\n" + claim.expires + "\n" +
         amz_headers(request, parameters) + resource(request, parameters, bucket);
}

std::string signature_v2(std::string_view secret, std::string_view string_to_sign) {
  return base64_encode(hmac_sha1(secret, string_to_sign));
}

}  // namespace cumulet::wire
