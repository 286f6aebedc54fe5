#include "compute/external/microvm.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>

#include "base/text.h"
#include "compute/external/launch_protocol.h"
#include "compute/external/machine_files.h"
#include "compute/external/machine_protocol.h"
#include "compute/external/oci.h"

namespace cumulet::compute::external {

namespace fs = std::filesystem;
using sandbox::Fd;
using sandbox::kSandboxFailure;
using sandbox::system_error;

namespace {

constexpr std::chrono::seconds kKvmStartLimit{30};
constexpr std::chrono::seconds kEmulationStartLimit{120};
/// What an emulated processor is slower by, for the limits that are the function's.
constexpr int kEmulationSlowness = 6;
constexpr std::uint32_t kKernelMib = 112;  ///< Measured: docs/decisions/microvm.md.
constexpr std::uint32_t kPageTables = 50;  ///< And a fiftieth of all, by which the kernel describes it.
constexpr std::uint32_t kTranslatedMib = 64;
constexpr std::uint32_t kQemuMib = 96;
constexpr int kMostProcessors = 6;
constexpr std::chrono::milliseconds kClockMeasurement{20};
constexpr const char* kKvmDevice = "/dev/kvm";

/// QEMU's own /dev, as files that are its user's.
Result<Fd> make_machine_devices(std::uint32_t owner, Accelerator accelerator) {
  Result<Fd> dev = sandbox::make_tmpfs(64, "755", 0, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
  if (!dev.ok()) return dev;
  std::vector<const char*> names{"null", "urandom"};
  if (accelerator == Accelerator::kKvm) names.push_back("kvm");
  for (const char* name : names) {
    struct stat about {};
    const std::string host = std::string("/dev/") + name;
    if (::stat(host.c_str(), &about) != 0 || ::mknodat(dev->get(), name, S_IFCHR | 0600, about.st_rdev) != 0 ||
        ::fchownat(dev->get(), name, owner, owner, 0) != 0)
      return system_error("make the device " + host);
  }
  return dev;
}

class MicrovmRecipe final : public Recipe {
 public:
  MicrovmRecipe(std::string qemu, fs::path files, Accelerator accelerator, std::uint64_t clock_khz)
      : qemu_(std::move(qemu)), files_(std::move(files)), accelerator_(accelerator), clock_khz_(clock_khz) {}

  Result<void> write(const SandboxSpec& spec, const Users& users, sandbox::RootTree& root, Launch& launch) override {
    for (sandbox::LooseMount& mount : root.mounts) {
      // The machine has memory of its own for these.
      if (mount.target == "tmp" || mount.target == "dev/shm") continue;
      launch.mounts.emplace_back(std::move(mount.mount), "rootfs/" + mount.target);
    }
    for (const char* folder : {"usr", "lib", "lib64"}) {
      const fs::path source = fs::path("/") / folder;
      if (!fs::is_directory(source)) continue;
      Result<Fd> shown = sandbox::clone_readonly(source, true);
      if (!shown.ok()) return std::move(shown).error();
      launch.mounts.emplace_back(std::move(*shown), folder);
    }
    Result<Fd> files = sandbox::clone_readonly(files_, false);
    if (!files.ok()) return std::move(files).error();
    launch.mounts.emplace_back(std::move(*files), "machine");
    Result<Fd> devices = make_machine_devices(users.function, accelerator_);
    if (!devices.ok()) return std::move(devices).error();
    launch.mounts.emplace_back(std::move(*devices), "dev");
    Result<std::string> order = machine_order(spec);
    if (!order.ok()) return std::move(order).error();
    launch.greeting = std::move(*order);
    launch.user = users.function;
    launch.command = machine_command(qemu_, spec, accelerator_, clock_khz_);
    return {};
  }

  std::uint32_t overhead_mib(const SandboxSpec& spec) const override {
    const std::uint32_t own = kQemuMib + (accelerator_ == Accelerator::kKvm ? 0 : kTranslatedMib);
    return machine_memory_mib(spec) - spec.memory_mib + own;
  }
  std::chrono::seconds start_limit() const override {
    return accelerator_ == Accelerator::kKvm ? kKvmStartLimit : kEmulationStartLimit;
  }
  bool has_kernel() const override { return true; }
  SubstrateTraits traits() const override {
    SubstrateTraits traits;
    traits.parks = false;
    traits.slowness = accelerator_ == Accelerator::kKvm ? 1 : kEmulationSlowness;
    return traits;
  }

 private:
  const std::string qemu_;
  const fs::path files_;
  const Accelerator accelerator_;
  const std::uint64_t clock_khz_;
};

/// What the processor's time stamps count: QEMU's emulation hands them on as they are.
std::uint64_t measure_clock_khz() {
#ifdef __x86_64__
  const auto began = std::chrono::steady_clock::now();
  const std::uint64_t first = __builtin_ia32_rdtsc();
  auto passed = began - began;
  while (passed < kClockMeasurement) passed = std::chrono::steady_clock::now() - began;
  const std::uint64_t ticks = __builtin_ia32_rdtsc() - first;
  return ticks * 1'000'000 / static_cast<std::uint64_t>(std::chrono::nanoseconds(passed).count());
#else
  return 0;
#endif
}

std::string host_release() {
  utsname about{};
  return ::uname(&about) == 0 ? about.release : "";
}

/// What a trial's result depends on.
std::string trial_key(const fs::path& qemu, const MachineFiles& files) {
  const bool device = ::access(kKvmDevice, F_OK) == 0;
  return fmt::format("{} | {} | {} {}", identity_of(qemu), files.identity, host_release(), device ? "kvm" : "no kvm");
}

struct Trial {
  Accelerator accelerator = Accelerator::kEmulation;
  std::string why_no_kvm;
};

/// "KEY\nkvm" or "KEY\nemulation\nWHY".
std::optional<Trial> recall_trial(const fs::path& file, const std::string& key) {
  std::ifstream in(file);
  std::string seen;
  std::string accelerator;
  Trial trial;
  if (!std::getline(in, seen) || seen != key || !std::getline(in, accelerator)) return std::nullopt;
  std::getline(in, trial.why_no_kvm);
  if (accelerator == "kvm") trial.accelerator = Accelerator::kKvm;
  return trial;
}

void remember_trial(const fs::path& file, const std::string& key, const Trial& trial) {
  std::ofstream out(file, std::ios::trunc);
  out << key << '\n' << (trial.accelerator == Accelerator::kKvm ? "kvm" : "emulation") << '\n' << trial.why_no_kvm;
}

std::string describe(const MachineFiles& files, const Trial& trial) {
  if (trial.accelerator == Accelerator::kKvm) return fmt::format("with KVM, kernel {}", files.kernel);
  return fmt::format("by emulation, which is slow, kernel {} (KVM: {})", files.kernel, trial.why_no_kvm);
}

}  // namespace

fs::path find_qemu() { return find_program("qemu-system-x86_64"); }

std::uint32_t machine_memory_mib(const SandboxSpec& spec) {
  const std::uint32_t wanted = spec.memory_mib + spec.ephemeral_mib + kKernelMib;
  return wanted + wanted / kPageTables;
}

std::vector<std::string> machine_command(const std::string& qemu, const SandboxSpec& spec, Accelerator accelerator,
                                         std::uint64_t clock_khz) {
  const bool kvm = accelerator == Accelerator::kKvm;
  const std::uint32_t memory = machine_memory_mib(spec);
  const int processors = std::clamp(static_cast<int>(std::ceil(spec.cpus)), 1, kMostProcessors);
  std::string kernel =
      "console=ttyS0 quiet panic=-1 reboot=t audit=0 random.trust_cpu=on cgroup_no_v1=all rdinit=/init";
  // An emulated machine has nothing to measure its clock by, and no processor that gives secrets away by its timing.
  if (!kvm) kernel += fmt::format(" tsc_early_khz={} no_timer_check mitigations=off", clock_khz);
  return {
      qemu,
      "-nodefaults",
      "-no-user-config",
      "-display",
      "none",
      "-sandbox",
      "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
      "-machine",
      "microvm,acpi=on,memory-backend=memory",
      "-accel",
      kvm ? "kvm" : fmt::format("tcg,thread=multi,tb-size={}", kTranslatedMib),
      "-cpu",
      kvm ? "host" : "max",
      // QEMU 7 emulates the memory barriers that virtio needs only where there may be more than one processor.
      "-smp",
      fmt::format("{},maxcpus={}", processors, std::max(processors, 2)),
      "-m",
      fmt::format("{}M", memory),
      "-object",
      fmt::format("memory-backend-ram,id=memory,size={}M", memory),
      "-kernel",
      "/machine/vmlinux",
      "-initrd",
      "/machine/initramfs",
      "-append",
      kernel,
      "-chardev",
      "stdio,id=log,signal=off",
      "-serial",
      "chardev:log",
      "-netdev",
      "user,id=network,ipv6=off",
      "-device",
      "virtio-net-device,netdev=network",
      "-fsdev",
      "local,id=root,path=/rootfs,security_model=none,readonly=on,multidevs=remap",
      "-device",
      fmt::format("virtio-9p-device,fsdev=root,mount_tag={}", kRootTag),
      "-add-fd",
      fmt::format("fd={},set=1", kLauncherOutput),
      "-chardev",
      "file,id=output,path=/dev/fdset/1,append=on",
      "-device",
      "virtio-serial-device,max_ports=2",
      "-device",
      "virtserialport,chardev=output,name=output",
  };
}

Result<std::string> machine_order(const SandboxSpec& spec) {
  std::string strings;
  const auto add = [&strings](const std::string& text) { strings.append(text).push_back('\0'); };
  add(spec.working_directory);
  for (const std::string& word : spec.command) add(word);
  for (const auto& [name, value] : spec.environment) add(name + "=" + value);
  if (strings.size() > kMaxMachineStrings || spec.listen_ports.size() > kMaxMachinePorts)
    return Error(kSandboxFailure,
                 fmt::format("arguments and environment have {} bytes, which is too much", strings.size()));
  MachineOrder head;
  head.bytes = static_cast<std::uint32_t>(strings.size());
  head.arguments = static_cast<std::uint32_t>(spec.command.size());
  head.variables = static_cast<std::uint32_t>(spec.environment.size());
  head.memory_mib = spec.memory_mib;
  head.ephemeral_mib = spec.ephemeral_mib;
  head.max_processes = spec.max_processes;
  head.open_network = spec.prepare_network ? 1 : 0;
  head.port_count = static_cast<std::uint32_t>(spec.listen_ports.size());
  std::copy(spec.listen_ports.begin(), spec.listen_ports.end(), head.ports);
  head.nanoseconds = std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count();
  if (::getrandom(head.seed, sizeof head.seed, 0) != sizeof head.seed) return system_error("get random numbers");
  return std::string(reinterpret_cast<const char*>(&head), sizeof head) + strings;
}

Result<Microvm> make_microvm(const fs::path& state, const fs::path& kernel,
                             const std::function<Result<void>(Substrate&)>& try_out) {
  const fs::path qemu = find_qemu();
  if (qemu.empty())
    return Error(kSandboxFailure, "there is no qemu-system-x86_64 in the usual places: install qemu-system-x86");
  Result<MachineFiles> files = make_machine_files(state, kernel);
  if (!files.ok()) return std::move(files).error();
  const std::uint64_t clock_khz = measure_clock_khz();
  if (clock_khz == 0) return Error(kSandboxFailure, "microVMs are for x86-64");
  const auto make = [&state, &qemu, &files, clock_khz](Accelerator accelerator) {
    return make_external_substrate(state, std::make_unique<MicrovmRecipe>(qemu, files->folder, accelerator, clock_khz));
  };
  Microvm made;
  const fs::path memory = state / "trial";
  const std::string key = trial_key(qemu, *files);
  if (const std::optional<Trial> trial = recall_trial(memory, key)) {
    Result<std::unique_ptr<Substrate>> substrate = make(trial->accelerator);
    if (!substrate.ok()) return std::move(substrate).error();
    made.substrate = std::move(*substrate);
    made.detail = describe(*files, *trial);
    return made;
  }
  Trial trial;
  trial.why_no_kvm = fmt::format("there is no {}", kKvmDevice);
  for (const Accelerator accelerator : {Accelerator::kKvm, Accelerator::kEmulation}) {
    if (accelerator == Accelerator::kKvm && ::access(kKvmDevice, F_OK) != 0) continue;
    Result<std::unique_ptr<Substrate>> substrate = make(accelerator);
    if (!substrate.ok()) return std::move(substrate).error();
    const Result<void> tried = try_out(**substrate);
    if (tried.ok()) {
      trial.accelerator = accelerator;
      remember_trial(memory, key, trial);
      made.substrate = std::move(*substrate);
      made.detail = describe(*files, trial);
      return made;
    }
    if (accelerator == Accelerator::kEmulation)
      return Error(kSandboxFailure, fmt::format("no guest boots, neither with KVM ({}) nor by emulation ({})",
                                                trial.why_no_kvm, tried.error().message()));
    trial.why_no_kvm = tried.error().message();
  }
  return Error(kSandboxFailure, "no guest was tried");
}

}  // namespace cumulet::compute::external
