#include "services/s3/public_access.h"

#include <algorithm>

#include "wire/document.h"
#include "wire/generated/s3.h"

namespace cumulet::s3 {

PublicAccessBlock public_access_block(const Bucket& bucket) {
  PublicAccessBlock block;
  if (bucket.public_access_block.empty()) return block;
  if (bucket.public_access_block == kNoPublicAccessBlock) return PublicAccessBlock{false, false, false, false};
  const auto input = wire::read_input<wire::s3::PutPublicAccessBlock>(bucket.public_access_block);
  if (!input.ok()) return block;
  const wire::s3::PublicAccessBlockConfiguration& configuration = input->public_access_block_configuration;
  block.block_public_acls = configuration.block_public_acls.value_or(false);
  block.ignore_public_acls = configuration.ignore_public_acls.value_or(false);
  block.block_public_policy = configuration.block_public_policy.value_or(false);
  block.restrict_public_buckets = configuration.restrict_public_buckets.value_or(false);
  return block;
}

bool is_public(const access::Policy& policy, const Bucket&) {
  // As documented: an Allow to everyone is public unless a condition binds it to fixed values.
  return std::any_of(policy.statements.begin(), policy.statements.end(), [](const access::Statement& statement) {
    return statement.allow && statement.principals.anyone && !statement.not_principal && statement.conditions.empty();
  });
}

}  // namespace cumulet::s3
