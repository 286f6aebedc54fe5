#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "access/credentials.h"
#include "access/principals.h"
#include "access/session_token.h"
#include "base/clock.h"
#include "storage/database.h"

namespace cumulet::access {

/// The account's own keys, made at first start.
struct RootCredentials {
  std::string account;
  std::string access_key_id;
  std::string secret_access_key;
};

/// Reads DATA_DIR/root-credentials: lines `AWS_ACCOUNT_ID=…`, `AWS_ACCESS_KEY_ID=…`, `AWS_SECRET_ACCESS_KEY=…`.
/// Nullopt when there is no such file; fails when it cannot be understood.
Result<std::optional<RootCredentials>> read_root_file(const std::filesystem::path& file);

/// All credentials: long-term ones in the store (cached, and forgotten when a commit changes them), temporary ones in
/// their tokens. `open` it before anything else. Thread-safe then.
class CredentialStore final : public CredentialSource {
 public:
  struct Options {
    std::string account_id;           ///< Empty: made at first start.
    std::filesystem::path root_file;  ///< DATA_DIR/root-credentials; empty: no file (tests).
    bool roles_must_exist = true;     ///< False in `--dev`: credentials_for_role takes any role's ARN.
  };

  CredentialStore(storage::Database& database, const Clock& clock, Options options);
  ~CredentialStore() override;

  /// At first start makes the account, its root credentials and the server's secret; a root file that is there already
  /// presets them. Afterwards reads them back, and writes the file (mode 0600) again when it is missing. Fails with
  /// code "Configuration" when the store belongs to another account than the options say.
  Task<RootCredentials> open();

  /// The account that `open` found or made.
  const std::string& account() const { return root_.account; }

  Task<std::optional<Credential>> find(std::string access_key_id, std::string session_token) override;

  /// False in `--dev`: then any role's ARN may be assumed by anyone.
  bool roles_must_exist() const { return options_.roles_must_exist; }

  /// Temporary credentials for a caller, for that long from now.
  TemporaryCredentials issue(const wire::Caller& caller, std::chrono::seconds duration) const;
  /// Those of a session of a role: what a function runs under. Fails with NoSuchEntity (404) when there is no such
  /// role, and with ValidationError when the ARN is none.
  Task<TemporaryCredentials> credentials_for_role(std::string role_arn, std::string session_name,
                                                  std::chrono::seconds duration = std::chrono::hours(12));
  /// Whether a service ("lambda.amazonaws.com") may take on a role, by its trust policy. In `--dev` a role that does
  /// not exist may be taken on.
  Task<bool> service_may_assume(std::string role_arn, std::string service_principal);

 private:
  struct Cache;

  Task<RootCredentials> load_or_create();
  Task<RootCredentials> create(storage::Transaction& transaction);
  Task<std::optional<RoleRow>> role_of(RoleName name);

  storage::Database& database_;
  const Clock& clock_;
  Options options_;
  std::shared_ptr<Cache> cache_;
  RootCredentials root_;
  std::unique_ptr<SessionTokens> tokens_;
};

/// The caller that a session of a role is.
wire::Caller role_session(const std::string& account, const std::string& role_name, const std::string& role_id,
                          const std::string& session_name);

}  // namespace cumulet::access
