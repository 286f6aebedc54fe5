#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/task.h"

/// A sandbox: processes of one execution environment, cut off from the host. This header is the substrate interface:
/// the process sandbox (sandbox/) implements it with namespaces, cgroups and seccomp, and external/ by OCI
/// runtimes and microVMs. Which there are, by name: substrates.h.
namespace cumulet::compute {

/// A host directory shown read-only inside the sandbox.
struct Mount {
  Mount(std::filesystem::path s, std::string t) : source(std::move(s)), target(std::move(t)) {}
  std::filesystem::path source;
  std::string target;  ///< Absolute path inside.
};

struct ZygoteSpec;

struct SandboxSpec {
  /// A directory that is the root itself, read-only, and has a place for each mount. Empty: a root of mounts only.
  std::filesystem::path root;
  std::vector<Mount> mounts;  ///< Runtime root (/usr, /lib …), /var/runtime, /var/task, /opt …
  /// argv; command[0] is a path inside. None, where the substrate `waits`: for Sandbox::execute.
  std::vector<std::string> command;
  std::vector<std::pair<std::string, std::string>> environment;
  std::string working_directory = "/var/task";
  std::uint32_t memory_mib = 128;
  std::uint32_t ephemeral_mib = 512;  ///< Size of /tmp.
  double cpus = 0.0723;               ///< What it may use at most: memory_mib / 1769, or more.
  double cpu_weight = 0.0723;         ///< Its share when the processors are wanted by all: memory_mib / 1769.
  std::uint32_t max_processes = 1024;
  std::string substrate;  ///< By which it is built, of those that the server offers; empty: the first one.
  /// TCP ports on the sandbox's own 127.0.0.1 at which *we* listen (the Runtime API, the platform's endpoints).
  std::vector<std::uint16_t> listen_ports;
  /// A substrate that can may take a fork of this instead of executing the command: what it does then is the same.
  std::shared_ptr<const ZygoteSpec> zygote;
  /// Called, if it is set, with the sandbox's network namespace before the command starts. Its failure is the start's.
  std::function<Result<void>(int network)> prepare_network;
};

/// A program that has loaded what many sandboxes begin with, and forks into them. It is started once for a key, before
/// any function's code is near it, and never sees such code: its children are in their sandboxes before they do.
/// What it must speak: sandbox/zygotes.h.
struct ZygoteSpec {
  std::string key;                 ///< Equal keys share one, and with it the layout of their memory.
  SandboxSpec program;             ///< The command, its environment, and what it sees of the file system.
  std::chrono::seconds idle{600};  ///< It ends when nobody has wanted it for so long.
};

enum class ExitKind { kExited, kSignaled, kOutOfMemory };

struct SandboxExit {
  SandboxExit(ExitKind k, int c) : kind(k), code(c) {}
  ExitKind kind;
  int code;  ///< Exit status or signal number.
};

/// A running sandbox. Calls come from the loop that created it.
class Sandbox {
 public:
  virtual ~Sandbox() = default;  ///< Kills everything inside and gives all back; never blocks the loop for long.

  /// The listening sockets for spec.listen_ports, in order. The caller takes them (once) and closes them.
  virtual std::vector<int> take_listeners() = 0;
  /// The reading end of the pipe that stdout and stderr share (non-blocking). The caller takes it (once).
  virtual int take_output() = 0;

  /// Executes the command of `spec` with its environment and working directory, in a sandbox that was started without
  /// a command; the rest of `spec` was settled then. Once. Fails as Substrate::start does.
  virtual Task<void> execute(SandboxSpec spec) {
    (void)spec;
    co_await fail({"Sandbox.Failure", 500}, "a sandbox of this kind is started with its command");
  }
  /// Whether nothing of a function is in it yet, so that nobody need look after its memory. At first it is not so.
  virtual void set_quiet(bool quiet) { (void)quiet; }
  virtual Result<void> freeze() = 0;  ///< Stops all processes (cgroup freezer).
  virtual Result<void> thaw() = 0;
  /// At most so many processors from now on, where they can be limited at all.
  virtual Result<void> limit_cpus(double cpus) {
    (void)cpus;
    return {};
  }
  virtual void kill() = 0;       ///< SIGKILL to all; `exited` then resolves.
  virtual void terminate() = 0;  ///< SIGTERM to the main process.
  /// Waits for the main process to end. May be awaited once.
  virtual Task<SandboxExit> exited() = 0;
  /// Its network namespace, which stays its own; -1 where there is none to be had.
  virtual int network() const { return -1; }
  /// The highest use of memory so far, in bytes.
  virtual std::uint64_t peak_memory() const = 0;
};

/// In what substrates differ, for those who start sandboxes.
struct SubstrateTraits {
  bool parks = true;  ///< A sandbox sees what comes into its folders after its start, and may be given a way out later.
  bool waits = false;  ///< A sandbox can be started without its command.
  int slowness = 1;    ///< Programs take so many times as long.
};

class Substrate {
 public:
  virtual ~Substrate() = default;
  /// Starts a sandbox. Fails with Sandbox.Failure (500) and what was being attempted, or with Runtime.InvalidEntrypoint
  /// (200) where its command cannot be executed.
  virtual Task<std::unique_ptr<Sandbox>> start(SandboxSpec spec) = 0;
  /// Of what SandboxSpec::substrate names.
  virtual SubstrateTraits traits(const std::string& substrate) const {
    (void)substrate;
    return {};
  }
};

/// One thing that the kernel offers or not, for `cumulet doctor`.
struct Finding {
  std::string what;
  bool usable = false;
  std::string detail;  ///< The version or state found, or what to do about it.
};
std::vector<Finding> examine_host();

/// Called once, first, while the process has one thread: what an ordinary user needs to build sandboxes (a user
/// namespace of its own). Fails where the kernel does not allow that, saying what to do.
Result<void> prepare_for_sandboxes();

/// The process sandbox. `state` is a directory for its own files; leftovers of an earlier run there (and its cgroups)
/// are removed. Fails when this kernel or user cannot build sandboxes, saying what is missing.
Result<std::unique_ptr<Substrate>> make_process_substrate(const std::filesystem::path& state);

}  // namespace cumulet::compute
