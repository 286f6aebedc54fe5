#include "compute/sandbox/zygotes.h"

#include <algorithm>
#include <array>

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "compute/sandbox/identity.h"
#include "compute/sandbox/rootless.h"

namespace cumulet::compute::sandbox {

namespace {

constexpr const char* kHostName = "sandbox";
constexpr std::size_t kMost = 8;
/// Its children share the layout of its memory and the secrets of its hash tables: not for ever.
constexpr std::uint32_t kForksAtMost = 1000;
constexpr auto kAfterFailure = std::chrono::seconds(10);
constexpr auto kPatience = std::chrono::seconds(2);  ///< With a zygote that does not read.

Error refused(std::string why) { return Error(kSandboxFailure, "the sandbox cannot be built: " + std::move(why)); }

/// What only the child may read, as a file: the variables have the credentials of the function.
Result<Fd> secrets_of(const SandboxSpec& spec) {
  std::string text = "{\"command\":[";
  for (const std::string& argument : spec.command)
    text += fmt::format("{}\"{}\"", text.back() == '[' ? "" : ",", json_escape(argument));
  text += "],\"variables\":{";
  for (const auto& [name, value] : spec.environment)
    text += fmt::format("{}\"{}\":\"{}\"", text.back() == '{' ? "" : ",", json_escape(name), json_escape(value));
  text += fmt::format("}},\"directory\":\"{}\"}}", json_escape(spec.working_directory));
  Fd file(::memfd_create("zygote-order", MFD_CLOEXEC));
  if (!file || ::pwrite(file.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()))
    return system_error("write an order into a memory file");
  return file;
}

}  // namespace

Result<std::string> start_message(const SandboxSpec& spec, const std::vector<LooseMount>& mounts, StartMessage head) {
  head.max_processes = spec.max_processes;
  head.mounts = static_cast<std::uint32_t>(mounts.size());
  head.arguments = static_cast<std::uint32_t>(spec.command.size());
  head.variables = static_cast<std::uint32_t>(spec.environment.size());
  std::string message(reinterpret_cast<const char*>(&head), sizeof head);
  const auto add = [&message](std::string_view text) { message.append(text).push_back('\0'); };
  add(spec.working_directory);
  add(kHostName);
  for (const LooseMount& mount : mounts) add(mount.target);
  for (const std::string& argument : spec.command) add(argument);
  for (const auto& [name, value] : spec.environment) add(fmt::format("{}={}", name, value));
  const std::size_t strings = 2 + mounts.size() + spec.command.size() + spec.environment.size();
  if (message.size() > kMaxMessage || strings > kMaxStrings)
    return refused(fmt::format("arguments and environment have {} bytes in {} strings, which is too much",
                               message.size(), strings));
  return message;
}

Fd Zygotes::fork_into(const SandboxSpec& spec, Life& life, int output, RootTemplates& templates) {
  // Where there is but one user, its privileges could not be given up for another's.
  if (!spec.zygote || in_user_namespace()) return {};
  Zygote& zygote = all_[spec.zygote->key];
  zygote.last_use = std::chrono::steady_clock::now();
  zygote.idle = spec.zygote->idle;
  if (!zygote.control && !begin(zygote, *spec.zygote, templates)) return {};
  if (!usable(zygote)) return {};

  const Fd init = life.init_descriptor();
  Result<std::vector<Fd>> members = life.groups.open_members();
  const Result<Fd> secrets = secrets_of(spec);
  std::array<int, 2> ends{-1, -1};
  if (!init || !members.ok() || !secrets.ok() || ::pipe2(ends.data(), O_CLOEXEC) != 0) return {};
  const Fd reading(ends[0]);
  Fd writing(ends[1]);
  std::vector<int> descriptors{init.get(), life.control.get(), output, reading.get(), secrets->get()};
  if (life.groups.any()) descriptors.push_back(life.groups.unified());
  for (const Fd& file : *members) descriptors.push_back(file.get());
  const std::string request = fmt::format("{{\"user\":{},\"processes\":{},\"into_group\":{}}}", host_user(life.slot),
                                          spec.max_processes, life.groups.any() ? "true" : "false");
  if (Result<void> sent = send_message(zygote.control.get(), request, descriptors); !sent.ok()) {
    log::warning("a zygote has gone", {{"zygote", spec.zygote->key}, {"reason", sent.error().message()}});
    zygote.control.reset();
    return {};
  }
  life.came_to_nothing = zygote.failed;
  if (++zygote.forks >= kForksAtMost) zygote.control.reset();  // it forks what it was asked for, and ends
  return writing;
}

bool Zygotes::begin(Zygote& zygote, const ZygoteSpec& spec, RootTemplates& templates) {
  if (std::chrono::steady_clock::now() < zygote.not_before) return false;
  if (all_.size() > kMost) {
    const auto oldest = std::min_element(
        all_.begin(), all_.end(), [](const auto& a, const auto& b) { return a.second.last_use < b.second.last_use; });
    all_.erase(oldest);  // not this one, which was wanted just now
  }
  zygote.not_before = std::chrono::steady_clock::now() + kAfterFailure;
  zygote.ready = false;
  zygote.forks = 0;
  zygote.failed = std::make_shared<std::atomic<bool>>(false);
  const auto start = [&]() -> Result<Fd> {
    Result<RootTree> tree = templates.clone(spec.program, 0);
    if (!tree.ok()) return std::move(tree).error();
    StartMessage head;
    head.kind = MessageKind::kZygote;
    Result<std::string> message = start_message(spec.program, tree->mounts, head);
    if (!message.ok()) return std::move(message).error();
    // Its standard output is a pipe, as its children's will be; nobody reads it.
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return system_error("make a pipe");
    const Fd reading(ends[0]);
    const Fd output(ends[1]);
    std::vector<int> descriptors{output.get(), tree->root.get()};
    for (const LooseMount& mount : tree->mounts) descriptors.push_back(mount.mount.get());
    Result<Fd> control = keeper_.start_zygote(*message, descriptors);
    if (!control.ok()) return std::move(control).error();
    const timeval patience{kPatience.count(), 0};
    ::setsockopt(control->get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (Result<void> sent = send_message(control->get(), keeper_.filter(), {}); !sent.ok())
      return std::move(sent).error();
    return control;
  };
  Result<Fd> control = start();
  if (!control.ok()) {
    log::warning("no zygote", {{"zygote", spec.key}, {"reason", control.error().message()}});
    return false;
  }
  zygote.control = std::move(*control);
  return true;
}

/// It has loaded everything, and none of its children has failed.
bool Zygotes::usable(Zygote& zygote) {
  if (*zygote.failed) {
    log::warning("a zygote's child did not get into its sandbox: another zygote is tried soon");
    zygote.control.reset();
    zygote.not_before = std::chrono::steady_clock::now() + kAfterFailure;
    return false;
  }
  if (zygote.ready) return true;
  std::array<char, 512> said{};
  const ssize_t size = ::recv(zygote.control.get(), said.data(), said.size(), MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (size == 1 && said[0] == 'R') {
    zygote.ready = true;
    zygote.not_before = SteadyTime();
    return true;
  }
  std::string_view reason(said.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  if (size == sizeof(Report)) reason = said.data() + offsetof(Report, text);
  log::warning("a zygote cannot be used", {{"reason", reason.empty() ? "it ended" : std::string(reason)}});
  zygote.control.reset();
  return false;
}

bool Zygotes::tidy() {
  const SteadyTime now = std::chrono::steady_clock::now();
  std::erase_if(all_, [now](const auto& one) { return now - one.second.last_use >= one.second.idle; });
  return !all_.empty();
}

}  // namespace cumulet::compute::sandbox
