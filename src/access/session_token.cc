#include "access/session_token.h"

#include <utility>

#include "access/principals.h"
#include "base/digest.h"
#include "base/text.h"
#include "storage/row.h"

namespace cumulet::access {
namespace {

constexpr std::uint64_t kVersion = 1;
constexpr std::size_t kMacBytes = 32;
constexpr std::size_t kTokenLimit = 4096;  // nothing we issue comes near

}  // namespace

SessionTokens::SessionTokens(std::string_view server_secret)
    : mac_key_(hmac_sha256(server_secret, "session token mac")),
      derivation_key_(hmac_sha256(server_secret, "session token secret")) {}

std::string SessionTokens::secret_of(std::string_view sealed) const {
  return base64_encode(hmac_sha256(derivation_key_, sealed).substr(0, 30));
}

TemporaryCredentials SessionTokens::issue(const wire::Caller& caller, Timestamp expiration) const {
  TemporaryCredentials credentials;
  credentials.access_key_id = unique_id("ASIA", 20);
  credentials.expiration = std::chrono::floor<std::chrono::seconds>(expiration);
  credentials.caller_arn = caller.arn;
  credentials.caller_unique_id = caller.unique_id;

  storage::RowWriter writer;
  writer.number(kVersion).text(credentials.access_key_id).text(caller.account).text(caller.arn).text(caller.unique_id);
  writer.signed_number(
      std::chrono::duration_cast<std::chrono::seconds>(credentials.expiration.time_since_epoch()).count());
  std::string sealed = std::move(writer).bytes();
  sealed += hmac_sha256(mac_key_, sealed);
  credentials.secret_access_key = secret_of(sealed);
  credentials.session_token = base64_encode(sealed);
  return credentials;
}

std::optional<Credential> SessionTokens::open(std::string_view access_key_id, std::string_view token) const {
  if (token.size() > kTokenLimit) return std::nullopt;
  const std::optional<std::string> sealed = base64_decode(token);
  if (!sealed || sealed->size() <= kMacBytes) return std::nullopt;
  const std::string_view content = std::string_view(*sealed).substr(0, sealed->size() - kMacBytes);
  if (!equal_constant_time(hmac_sha256(mac_key_, content), std::string_view(*sealed).substr(content.size())))
    return std::nullopt;

  storage::RowReader reader(content);
  if (reader.number() != kVersion) return std::nullopt;
  Credential credential;
  credential.caller.access_key_id = reader.text();
  credential.caller.account = reader.text();
  credential.caller.arn = reader.text();
  credential.caller.unique_id = reader.text();
  credential.expires = Timestamp(std::chrono::seconds(reader.signed_number()));
  if (!reader.ok() || credential.caller.access_key_id != access_key_id) return std::nullopt;
  credential.secret_access_key = secret_of(*sealed);
  return credential;
}

}  // namespace cumulet::access
