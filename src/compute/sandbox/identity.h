#pragma once

#include <cstdint>

namespace cumulet::compute::sandbox {

/// Every sandbox has a host user (and group) of its own, far from people's, from services' and from the ranges that
/// containers are given: so no two share the kernel's quotas for a user, or could signal each other.
inline constexpr std::uint32_t kFirstUser = 1'900'000'000;
inline constexpr std::uint32_t kMaxSlots = 60'000;
constexpr std::uint32_t host_user(std::uint32_t slot) { return kFirstUser + slot; }

}  // namespace cumulet::compute::sandbox
