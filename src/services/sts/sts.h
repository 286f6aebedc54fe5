#pragma once

#include <memory>
#include <optional>
#include <string>

#include "access/credential_store.h"
#include "base/clock.h"
#include "storage/database.h"
#include "wire/generated/sts.h"
#include "wire/service.h"

namespace cumulet::sts {

/// STS: who am I, and temporary credentials for a role or for oneself.
/// https://docs.aws.amazon.com/STS/latest/APIReference/
class Sts {
 public:
  Sts(storage::Database& database, access::CredentialStore& credentials);

  const wire::Service& service() const { return service_; }

 private:
  using Call = wire::Call;

  Task<wire::sts::GetCallerIdentityResponse> get_caller_identity(Call& call,
                                                                 const wire::sts::GetCallerIdentityRequest& input);
  Task<wire::sts::AssumeRoleResponse> assume_role(Call& call, const wire::sts::AssumeRoleRequest& input);
  Task<wire::sts::GetSessionTokenResponse> get_session_token(Call& call,
                                                             const wire::sts::GetSessionTokenRequest& input);

  /// The role, when the caller may assume it; nullopt when roles need not exist and this one does not.
  Task<std::optional<access::RoleRow>> assumable_role(Call& call, const wire::sts::AssumeRoleRequest& input,
                                                      access::RoleName name);

  storage::Database& database_;
  access::CredentialStore& credentials_;
  wire::Service service_;
};

}  // namespace cumulet::sts
