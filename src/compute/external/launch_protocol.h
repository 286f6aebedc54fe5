#pragma once

#include <cstdint>

/// What the server says to the launcher (launcher_program.cc), in one message over a socket, with descriptors beside
/// it. Both ends are built from this header, so the layout needs no version.
namespace cumulet::compute::external {

inline constexpr std::uint32_t kMaxLaunchMessage = 192 * 1024;  ///< Fits the default socket buffer of 208 KiB.
inline constexpr std::uint32_t kMaxLaunchDescriptors = 48;
inline constexpr int kLauncherSocket = 3;  ///< The descriptor at which the launcher finds the server.
/// The output once more, for runtimes that hand it to the guest but would copy their standard output.
inline constexpr int kLauncherOutput = 3;
inline constexpr int kLauncherLog = 4;  ///< Where the launched program finds a file for its messages.

/// The launched program's folder: a memory file system that only it sees, with the mounts and files of the message.
inline constexpr const char* kWorkplace = "/mnt";

/// Followed by NUL-terminated strings: the targets of the mounts (below the workplace), name and content of each file,
/// the arguments. Descriptors in this order: log, output, network namespace, the directory of a v2 group, the files
/// cgroup.procs of v1 groups, the mounts.
struct LaunchMessage {
  std::uint32_t groups = 0;
  std::uint32_t mounts = 0;
  std::uint32_t files = 0;
  std::uint32_t arguments = 0;
  /// The program is this user (and group), has no capability, sees the workplace as its root directory and writes its
  /// messages into the log. 0: it is root, sees everything, and writes them into the output.
  std::uint32_t user = 0;
};

/// Where a sandbox is shown the folder of its init, and what is in it.
inline constexpr const char* kGuestInside = "/var/cumulet-init";
inline constexpr const char* kGuestName = "guest";
inline constexpr const char* kGuestFilter = "filter";  ///< See sandbox/seccomp.h.

/// What the init inside a container (guest_program.cc) connects to. Only the first connection is listened to.
inline constexpr std::uint16_t kControlPort = 9003;

}  // namespace cumulet::compute::external
