#pragma once

#include <string>

#include "base/result.h"

namespace cumulet::compute::sandbox {

/// The system call filter of sandboxes as BPF instructions (8 bytes each), for this machine's architecture. An
/// allow-list: whatever it does not name fails with EPERM, and system calls newer than this list with ENOSYS, so that
/// libraries fall back to older ones. Takes milliseconds: build it once.
Result<std::string> build_filter();

}  // namespace cumulet::compute::sandbox
