#include <cstddef>
#include <cstdint>
#include <string_view>

#include "services/s3/acl.h"

/// Grantees in x-amz-grant-* headers: whatever comes, each that is accepted names a user or a group.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view header(reinterpret_cast<const char*>(data), size);
  const auto grantees = cumulet::s3::parse_grantees(header);
  if (!grantees.ok()) return 0;
  for (const auto& grantee : *grantees) {
    if (grantee.id.has_value() == grantee.uri.has_value()) __builtin_trap();
  }
  return 0;
}
