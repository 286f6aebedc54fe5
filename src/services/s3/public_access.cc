#include "services/s3/public_access.h"

#include <algorithm>
#include <set>

#include "base/text.h"
#include "wire/document.h"
#include "wire/generated/s3.h"

namespace cumulet::s3 {
namespace {

/// Whether a range of addresses is too wide to keep anybody out: below /8, or /32 of IPv6.
bool is_wide(const std::string& range) {
  const std::size_t slash = range.find('/');
  if (slash == std::string::npos) return false;
  const std::int64_t length = parse_int(std::string_view(range).substr(slash + 1)).value_or(0);
  return length < (range.find(':') == std::string::npos ? 8 : 32);
}

/// A condition that makes an Allow to everyone not public: one of the documented keys, with values that are not
/// patterns. https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
bool binds_to_fixed_values(const access::Condition& condition) {
  static const std::set<std::string> kKeys{"aws:principalorgid",
                                           "aws:principalorgpaths",
                                           "aws:principalaccount",
                                           "aws:principalarn",
                                           "aws:sourcearn",
                                           "aws:sourceaccount",
                                           "aws:sourceowner",
                                           "aws:sourcevpc",
                                           "aws:sourcevpce",
                                           "aws:sourceip",
                                           "aws:userid",
                                           "s3:dataaccesspointarn",
                                           "s3:dataaccesspointaccount"};
  static const std::set<std::string> kOperators{
      "StringEquals", "StringEqualsIgnoreCase", "StringLike", "ArnEquals", "ArnLike", "IpAddress"};
  if (!kKeys.contains(condition.key) || !kOperators.contains(condition.operation)) return false;
  return std::none_of(condition.values.begin(), condition.values.end(), [&condition](const std::string& value) {
    if (condition.key == "aws:sourceip") return is_wide(value);
    return value.find_first_of("*?") != std::string::npos || value.find("${") != std::string::npos;
  });
}

}  // namespace

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
  return std::any_of(policy.statements.begin(), policy.statements.end(), [](const access::Statement& statement) {
    if (!statement.allow || (!statement.principals.anyone && !statement.not_principal)) return false;
    return std::none_of(statement.conditions.begin(), statement.conditions.end(), binds_to_fixed_values);
  });
}

}  // namespace cumulet::s3
