#pragma once

#include <cstdint>

#include "compute/sandbox/rootless.h"

namespace cumulet::compute::sandbox {

/// Every sandbox has a host user (and group) of its own, far from people's, from services' and from the ranges that
/// containers are given: so no two share the kernel's quotas for a user, or could signal each other.
inline constexpr std::uint32_t kFirstUser = 1'900'000'000;
inline constexpr std::uint32_t kMaxSlots = 60'000;
/// In a user namespace, the only user that there is.
inline std::uint32_t host_user(std::uint32_t slot) { return in_user_namespace() ? 0 : kFirstUser + slot; }

}  // namespace cumulet::compute::sandbox
