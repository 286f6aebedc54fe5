#pragma once

#include <stdint.h>

/// What the server and the warden (warden_program.cc) say to each other. Messages travel whole (SOCK_SEQPACKET), with
/// descriptors beside them; both ends are built from this header, so the layout needs no version.
namespace cumulet::compute::sandbox {

inline constexpr uint32_t kMaxMessage = 192 * 1024;  ///< Fits the default socket buffer of 208 KiB.
inline constexpr uint32_t kMaxDescriptors = 48;
inline constexpr uint32_t kMaxStrings = 4096;  ///< Arguments, variables, paths of one request.
inline constexpr uint32_t kMaxFilter = 4096;   ///< BPF instructions, the kernel's own limit.
inline constexpr int kWardenSocket = 3;        ///< The descriptor at which the warden finds the server.

/// The identity that programs see inside (that of AWS's environment).
inline constexpr uint32_t kInsideUser = 993;
inline constexpr uint32_t kInsideGroup = 990;

enum class MessageKind : uint32_t { kConfigure = 1, kPrepare = 2, kStart = 3, kZygote = 4 };

/// Server to warden: once, first. Followed by `filter_length` seccomp instructions (8 bytes each), then `masked_files`
/// and `masked_directories` NUL-terminated absolute paths below /proc.
struct ConfigureMessage {
  MessageKind kind = MessageKind::kConfigure;
  uint32_t filter_length = 0;
  uint32_t masked_files = 0;
  uint32_t masked_directories = 0;
};

/// Server to warden: fork an init, which joins its groups and namespaces and waits. Descriptors in this order: control,
/// net namespace, the directory of a v2 group (if `into_group`), then `groups` files `tasks` of v1 groups.
struct PrepareMessage {
  MessageKind kind = MessageKind::kPrepare;
  uint32_t host_user = 0;  ///< Also the host's group.
  uint32_t groups = 0;
  uint32_t into_group = 1;
  uint32_t only_user = 0;  ///< The server has no other user to give away: see rootless.h.
};

/// Server to a waiting init, over its control socket: become a sandbox. Followed by NUL-terminated strings: working
/// directory, host name, the target of each mount (relative to the root), the arguments, the variables. Descriptors in
/// this order: output, root mount, then the `mounts`, then (if `from_zygote`) a pipe to write a byte to when a zygote's
/// child may come in.
///
/// Without arguments: the sandbox is built and waits for another such message, with the working directory, a host name
/// that nobody reads, arguments and variables, and nothing else.
///
/// With the kind kZygote, to the warden: start a zygote (zygotes.h) with this. Descriptors: its control socket, then as
/// above.
struct StartMessage {
  MessageKind kind = MessageKind::kStart;
  uint32_t max_processes = 0;
  uint32_t mounts = 0;
  uint32_t arguments = 0;
  uint32_t variables = 0;
  uint32_t from_zygote = 0;  ///< The arguments are not executed: a zygote's child will be the main process.
};

/// Where a zygote finds its control socket.
inline constexpr int kZygoteSocket = 3;

enum class ReportKind : uint32_t {
  kForked = 1,     ///< Carries the pidfd of the sandbox's init.
  kWaiting = 2,    ///< The init waits for its start.
  kStarted = 3,    ///< The command runs (from the warden itself: it is ready).
  kFailed = 4,     ///< `value` is an errno, `text` what was being attempted.
  kExited = 5,     ///< `value` is the wait status of the main process.
  kStarved = 6,    ///< From a kernel of the sandbox's own: it has ended all for want of memory. kExited follows.
  kMemory = 7,     ///< From the same: `value` is the highest use of memory so far, in KiB.
  kBuilt = 8,      ///< The sandbox waits for its command.
  kNoProgram = 9,  ///< The command cannot be executed: `value` is an errno, `text` the program.
};

/// From the warden or the sandbox's init to the server, over the control socket of the sandbox.
struct Report {
  ReportKind kind = ReportKind::kForked;
  int32_t value = 0;
  char text[120] = {};
};

/// To the sandbox's init, over the control socket: one byte from the server, a whole InitOrder from a zygote's child.
inline constexpr char kTerminate = 'T';
inline constexpr char kStop = 'S';  ///< Where no control group can freeze.
inline constexpr char kContinue = 'C';
inline constexpr char kClock = 'K';       ///< Where the clock is not the host's: it is to be set.
inline constexpr char kAdopt = 'A';       ///< `value` is the number of the main process, which has come in.
inline constexpr char kNotAdopted = 'F';  ///< It could not: `value` is an errno, `text` what was being attempted.

struct InitOrder {
  char what = 0;
  char reserved[3] = {};
  int32_t value = 0;
  char text[112] = {};
};

}  // namespace cumulet::compute::sandbox
