#pragma once

#include <cstdint>

#include <sys/resource.h>

#include "compute/sandbox/protocol.h"

/// What the server says to process 1 of a microVM (machine_program.cc), over a connection that the machine makes to
/// kControlPort. Both ends are built from this header. In the other direction go Reports.
namespace cumulet::compute::external {

/// QEMU's user-mode network: the machine, and whom it finds at 127.0.0.1 of the sandbox's network namespace.
inline constexpr const char* kMachineAddress = "10.0.2.15";
inline constexpr const char* kGatewayAddress = "10.0.2.2";
inline constexpr const char* kRootTag = "root";  ///< Of the root directory that QEMU exports.
inline constexpr std::uint32_t kMaxMachinePorts = 16;
inline constexpr std::uint32_t kMaxMachineStrings = 192 * 1024;

/// Once, first. Followed by `bytes` bytes of NUL-terminated strings: working directory, arguments, variables.
struct MachineOrder {
  std::uint32_t bytes = 0;
  std::uint32_t arguments = 0;
  std::uint32_t variables = 0;
  std::uint32_t memory_mib = 0;
  std::uint32_t ephemeral_mib = 0;
  std::uint32_t max_processes = 0;
  std::uint32_t open_network = 0;  ///< The programs see QEMU's network, and what it leads to.
  std::uint32_t port_count = 0;
  std::uint16_t ports[kMaxMachinePorts] = {};  ///< Relayed to the server.
  std::int64_t nanoseconds = 0;                ///< Since 1970, at present.
  unsigned char seed[32] = {};                 ///< For the kernel's random numbers.
};

/// After that: kTerminate (sandbox/protocol.h), or kClock and the time in nanoseconds since 1970 (8 bytes).
using sandbox::kClock;
using sandbox::kTerminate;

/// The limits of a process that is not the process sandbox's child, but for their number.
struct ProcessLimit {
  const char* name;
  int kind;
  std::uint32_t value;
};
inline constexpr ProcessLimit kProcessLimits[] = {{"RLIMIT_NOFILE", RLIMIT_NOFILE, 1024},
                                                  {"RLIMIT_CORE", RLIMIT_CORE, 1},
                                                  {"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK, 65536},
                                                  {"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE, 0},
                                                  {"RLIMIT_NICE", RLIMIT_NICE, 0},
                                                  {"RLIMIT_RTPRIO", RLIMIT_RTPRIO, 0},
                                                  {"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING, 1024}};

}  // namespace cumulet::compute::external
