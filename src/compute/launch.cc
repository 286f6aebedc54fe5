#include "compute/launch.h"

#include <algorithm>

#include <sys/stat.h>

#include "compute/environment_variables.h"
#include "compute/extensions/extensions.h"
#include "compute/extensions/host.h"
#include "compute/image_launch.h"

namespace cumulet::compute {
namespace {

bool is_program(const std::filesystem::path& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && (info.st_mode & 0111) != 0;
}

/// What sandboxes of all runtimes have.
SandboxSpec common_spec(const EngineParts& parts, const FunctionVersion& version, const RuntimeChoice& choice) {
  SandboxSpec spec;
  spec.mounts = version.image || choice.image ? parts.root->image_mounts() : parts.root->mounts();
  if (choice.image) spec.root = choice.image->root;
  spec.substrate = version.substrate;
  spec.memory_mib = version.memory_mib;
  spec.ephemeral_mib = version.ephemeral_mib;
  // Lambda gives a vCPU for 1769 MB, and more than a function's share while it initialises. Here every function may
  // use one whole CPU: what nobody else needs is not withheld from it. What all want is shared as Lambda would.
  spec.cpus = std::max(1.0, version.memory_mib / 1769.0);
  spec.cpu_weight = version.memory_mib / 1769.0;
  spec.listen_ports = {kRuntimeApiPort, kPlatformPort};
  if (!parts.options.certificate_authority.empty()) spec.listen_ports.push_back(kTlsPort);
  return spec;
}

/// Null when the version's interpreter must be started for it.
std::shared_ptr<const ZygoteSpec> zygote_spec(const EngineParts& parts, const FunctionVersion& version,
                                              const RuntimeChoice& choice, const std::filesystem::path& client) {
  if (choice.language->zygote.empty() || choice.image || sets_what_is_read_at_start(version)) return nullptr;
  auto zygote = std::make_shared<ZygoteSpec>();
  zygote->key = version.account + " " + choice.interpreter;
  zygote->idle = parts.options.idle_time;
  zygote->program.mounts = parts.root->mounts();
  zygote->program.mounts.emplace_back(parts.root->zygote_task(), "/var/task");
  zygote->program.mounts.emplace_back(parts.root->zygote_task(), "/opt");
  zygote->program.mounts.emplace_back(client, "/var/runtime");
  // As it would be started itself, with the zygote in the place of the bootstrap, which comes last.
  zygote->program.command = {choice.interpreter};
  zygote->program.command.insert(zygote->program.command.end(), choice.arguments.begin(), choice.arguments.end());
  zygote->program.command.back() = "/var/runtime/" + choice.language->zygote;
  zygote->program.environment = parked_variables(!parts.options.certificate_authority.empty(), nullptr);
  return zygote;
}

/// What the version's environments are told, and what they have of extensions, added to what they run.
Task<VersionLaunch> complete(EngineParts& parts, const FunctionVersion& version, const RuntimeChoice& choice,
                             SandboxSpec spec, std::vector<std::string> extensions, std::string log_stream) {
  const Credentials credentials = co_await parts.hooks.credentials(version);
  spec.environment = environment_variables(version, credentials, log_stream, choice.interpreter.empty(),
                                           !parts.options.certificate_authority.empty(), choice.image.get());
  if (version.image) {
    std::string path;
    for (const auto& [name, value] : spec.environment)
      if (name == "PATH") path = value;
    spec.command = co_await image_command(*version.image, path);
  }
  VersionLaunch launch;
  launch.extensions = std::move(extensions);
  if (launch.extensions.size() > Extensions::kMost) {
    co_await fail({"Extension.LaunchError", 200},
                  "Extension limit (" + std::to_string(Extensions::kMost) + ") reached: TooManyExtensions");
  }
  launch.program = spec.command.front();
  if (!launch.extensions.empty()) {
    spec.zygote = nullptr;
    put_host_in_front(spec, parts.extension_host, launch.extensions);
  }
  launch.sandbox = std::move(spec);
  co_return launch;
}

}  // namespace

SandboxSpec empty_spec(const EngineParts& parts, const FunctionVersion& version, const RuntimeChoice& choice,
                       const std::filesystem::path& task, const std::filesystem::path& client) {
  SandboxSpec spec = common_spec(parts, version, choice);
  spec.mounts.emplace_back(task, "/var/task");
  if (!client.empty()) spec.mounts.emplace_back(client, "/var/runtime");
  return spec;
}

SandboxSpec managed_spec(const EngineParts& parts, const FunctionVersion& version, const RuntimeChoice& choice,
                         const std::filesystem::path& task, const std::filesystem::path& client) {
  SandboxSpec spec = empty_spec(parts, version, choice, task, client);
  if (const auto wrapper = version.environment.find("AWS_LAMBDA_EXEC_WRAPPER"); wrapper != version.environment.end()) {
    spec.command.push_back(wrapper->second);
  }
  if (spec.command.empty()) spec.zygote = zygote_spec(parts, version, choice, client);
  spec.command.push_back(choice.interpreter);
  for (std::string argument : choice.arguments) {
    constexpr std::string_view kHeap = "{heap_mib}";
    if (const auto at = argument.find(kHeap); at != std::string::npos) {
      argument.replace(at, kHeap.size(), std::to_string(std::max(32u, version.memory_mib * 9 / 10)));
    }
    if (argument == "{handler}") argument = version.handler;
    spec.command.push_back(std::move(argument));
  }
  return spec;
}

Task<VersionLaunch> version_launch(EngineParts& parts, std::shared_ptr<const FunctionVersion> version,
                                   RuntimeChoice choice, std::string log_stream) {
  if (version->image) {
    SandboxSpec spec = common_spec(parts, *version, choice);
    spec.root = version->image->root;
    spec.working_directory = image_working_directory(*version->image);
    std::vector<std::string> extensions = image_extensions(*version->image);
    co_return co_await complete(parts, *version, choice, std::move(spec), std::move(extensions), log_stream);
  }
  std::filesystem::path opt;
  if (version->layers.size() > 1) {
    const auto merge = [&parts, version] { return parts.root->merge_layers(version->layers); };
    opt = co_await blocking(*parts.files, merge);
  } else if (!version->layers.empty()) {
    opt = version->layers.front();
  }
  SandboxSpec spec;
  if (choice.interpreter.empty()) {
    spec = empty_spec(parts, *version, choice, version->code, {});
    // Not executable, or not there: the same answer, as in AWS.
    const bool own = is_program(version->code / "bootstrap");
    if (!own && (opt.empty() || !is_program(opt / "bootstrap"))) {
      co_await fail({"Runtime.InvalidEntrypoint", 200},
                    "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]");
    }
    spec.command = {own ? "/var/task/bootstrap" : "/opt/bootstrap"};
  } else {
    std::filesystem::path client;  // An image may bring its own.
    if (!choice.language->client.empty()) client = co_await parts.clients->folder(choice);
    spec = managed_spec(parts, *version, choice, version->code, client);
  }
  if (!opt.empty()) spec.mounts.emplace_back(opt, "/opt");
  co_return co_await complete(parts, *version, choice, std::move(spec), find_extensions(opt), log_stream);
}

}  // namespace cumulet::compute
