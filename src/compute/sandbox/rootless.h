#pragma once

#include "base/result.h"

/// Sandboxes without root. An ordinary user may make a user namespace in which it is root, and there nearly all that a
/// sandbox is made of works as it does for the host's root. What differs:
///  - there is one user only, so all sandboxes and the server are the same user of the host;
///  - devices cannot be made: the host's are shown;
///  - a thread that has left the host's network cannot return;
///  - control groups can be made only where somebody has delegated a v2 group (systemd's Delegate=yes). Elsewhere the
///    memory guard measures, RLIMIT_NPROC counts processes, the init stops and continues, and nothing limits
///    processors.
namespace cumulet::compute::sandbox {

/// This process is in a user namespace that lacks users of the host.
bool in_user_namespace();

/// An ordinary user's process gets a user namespace of its own, of which it is root; root's stays where it is. Only
/// while the process has one thread. Fails when the kernel does not allow it, and says what to do.
Result<void> enter_user_namespace();

}  // namespace cumulet::compute::sandbox
