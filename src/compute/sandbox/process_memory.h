#pragma once

#include <cstdint>

#include <sys/types.h>

namespace cumulet::compute::sandbox {

/// The memory that a process and all its descendants use and share with nobody outside, in bytes: private memory and
/// shared memory that is mapped. For sandboxes without a control group that would count it. A page that several of them
/// share is counted as one if the sum is above `limit`, else perhaps more than once.
std::uint64_t memory_of_tree(pid_t root, std::uint64_t limit);

}  // namespace cumulet::compute::sandbox
