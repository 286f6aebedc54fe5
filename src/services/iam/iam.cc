#include "services/iam/iam.h"

namespace cumulet::iam {

Iam::Iam(storage::Database& database, const Clock& clock) : database_(database), clock_(clock), service_(api::model()) {
  register_users();
  register_access_keys();
  register_roles();
  register_inline_policies();
  register_policies();
  register_policy_versions();
  register_attachments();
  register_account();
}

}  // namespace cumulet::iam
