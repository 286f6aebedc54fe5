#include "compute/external/oci.h"

#include <algorithm>
#include <array>

#include <fmt/core.h>
#include <unistd.h>

#include "base/text.h"
#include "compute/external/launch_protocol.h"
#include "compute/external/machine_protocol.h"
#include "compute/external/programs.h"
#include "compute/sandbox/protocol.h"

namespace cumulet::compute::external {

namespace fs = std::filesystem;

namespace {

constexpr std::chrono::seconds kOciStartLimit{20};

std::string json_string(std::string_view text) { return "\"" + json_escape(text) + "\""; }

template <typename Items, typename Write>
std::string list_of(const Items& items, Write write) {
  std::string list;
  for (const auto& item : items) list += (list.empty() ? "" : ",") + write(item);
  return "[" + list + "]";
}

std::string process_section(const SandboxSpec& spec) {
  std::vector<std::string> command{std::string(kGuestInside) + "/" + kGuestName, std::to_string(kControlPort),
                                   spec.working_directory};
  command.insert(command.end(), spec.command.begin(), spec.command.end());
  std::vector<ProcessLimit> limits(std::begin(kProcessLimits), std::end(kProcessLimits));
  limits.push_back({"RLIMIT_NPROC", RLIMIT_NPROC, spec.max_processes});
  return fmt::format(R"({{"user":{{"uid":{},"gid":{}}},"args":{},"env":{},"cwd":"/","noNewPrivileges":true,)"
                     R"("capabilities":{{"bounding":[],"effective":[],"inheritable":[],"permitted":[],"ambient":[]}},)"
                     R"("oomScoreAdj":500,"rlimits":{}}})",
                     sandbox::kInsideUser, sandbox::kInsideGroup, list_of(command, json_string),
                     list_of(spec.environment,
                             [](const auto& variable) { return json_string(variable.first + "=" + variable.second); }),
                     list_of(limits, [](const auto& limit) {
                       return fmt::format(R"({{"type":"{0}","hard":{1},"soft":{1}}})", limit.name, limit.value);
                     }));
}

std::string mounts_section() {
  return R"([{"destination":"/proc","type":"proc","source":"proc","options":["nosuid","noexec","nodev"]},)"
         R"({"destination":"/dev","type":"tmpfs","source":"tmpfs","options":["nosuid","noexec","mode=755","size=64k"]},)"
         R"({"destination":"/dev/shm","type":"bind","source":"/mnt/shm","options":["bind","nosuid","nodev","rw"]}])";
}

std::string id_map(std::uint32_t inside, const Users& users) {
  return fmt::format(R"([{{"containerID":0,"hostID":{},"size":1}},{{"containerID":{},"hostID":{},"size":1}}])",
                     users.root, inside, users.function);
}

class OciRecipe final : public Recipe {
 public:
  explicit OciRecipe(fs::path program) : program_(std::move(program)) {}

  Result<void> write(const SandboxSpec& spec, const Users& users, sandbox::RootTree& root, Launch& launch) override {
    for (sandbox::LooseMount& mount : root.mounts) {
      // The runtime mounts a /dev of its own, so what belongs into it is bound there.
      std::string target = mount.target == "dev/shm" ? "shm" : "rootfs/" + mount.target;
      launch.mounts.emplace_back(std::move(mount.mount), std::move(target));
    }
    launch.files.emplace_back("config.json", oci_configuration(spec, users));
    launch.command = {program_.string(), "--root", std::string(kWorkplace) + "/state", "--log",
                      fmt::format("/proc/self/fd/{}", kLauncherLog)};
    const std::string name = program_.filename();
    // The server limits in groups of its own, and the runtime is in them.
    if (name.starts_with("crun")) launch.command.insert(launch.command.begin() + 1, "--cgroup-manager=disabled");
    if (name.starts_with("runsc")) {
      const std::array<const char*, 3> options{"--network=host", "--ignore-cgroups", "--host-uds=none"};
      launch.command.insert(launch.command.begin() + 1, options.begin(), options.end());
    }
    launch.command.emplace_back("run");
    if (name.starts_with("crun") || name.starts_with("runc")) launch.command.emplace_back("--preserve-fds=1");
    for (const char* word : {"--bundle", kWorkplace, "sandbox"}) launch.command.emplace_back(word);
    return {};
  }

  std::uint32_t overhead_mib(const SandboxSpec&) const override {
    const std::string name = program_.filename();
    if (name.starts_with("crun")) return 4;
    return name.starts_with("runc") ? 32 : 160;
  }
  std::chrono::seconds start_limit() const override { return kOciStartLimit; }

 private:
  const fs::path program_;
};

}  // namespace

std::string oci_configuration(const SandboxSpec& spec, const Users& users) {
  std::vector<std::string> masked = sandbox::masked_proc_files();
  for (std::string& directory : sandbox::masked_proc_directories()) masked.push_back(std::move(directory));
  const std::string linux_section = fmt::format(
      R"({{"cgroupsPath":"/container","maskedPaths":{},"readonlyPaths":["/proc"],"uidMappings":{},"gidMappings":{},)"
      R"("namespaces":[{{"type":"pid"}},{{"type":"mount"}},{{"type":"ipc"}},{{"type":"uts"}},{{"type":"user"}},)"
      R"({{"type":"cgroup"}}])",
      list_of(masked, json_string), id_map(sandbox::kInsideUser, users), id_map(sandbox::kInsideGroup, users));
  return fmt::format(
      R"({{"ociVersion":"1.0.2","hostname":"sandbox","root":{{"path":"rootfs","readonly":true}},"process":{},)"
      R"("mounts":{},"linux":{}}}}})",
      process_section(spec), mounts_section(), linux_section);
}

fs::path find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return ::access(name.c_str(), X_OK) == 0 ? fs::path(name) : fs::path();
  for (const char* folder : {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}) {
    fs::path path = fs::path(folder) / name;
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  return {};
}

Result<std::unique_ptr<Recipe>> make_oci_recipe(const std::string& runtime) {
  fs::path program = find_program(runtime);
  if (program.empty())
    return Error(sandbox::kSandboxFailure, fmt::format("there is no OCI runtime {0}: install {0}", runtime));
  return std::unique_ptr<Recipe>(std::make_unique<OciRecipe>(std::move(program)));
}

}  // namespace cumulet::compute::external
