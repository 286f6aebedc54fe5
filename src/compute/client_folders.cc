#include "compute/client_folders.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/text.h"

namespace cumulet::compute {
namespace {

namespace fs = std::filesystem;

constexpr seconds kMakingLimit{120};
constexpr std::size_t kSaidAtMost = 2000;

Error failed(const std::string& why) { return Error("Runtime.ClientFailed", 500, why); }

std::string content(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// Changes whenever the interpreter or a file of the client does.
std::string fingerprint(const fs::path& client, const std::string& interpreter) {
  std::error_code problem;
  const fs::path real = fs::canonical(interpreter, problem);
  std::string all = real.string() + "\n" + std::to_string(fs::file_size(real, problem)) + "\n" +
                    std::to_string(fs::last_write_time(real, problem).time_since_epoch().count()) + "\n" +
                    content(real.parent_path().parent_path() / "release");
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(client, problem)) {
    if (entry.is_regular_file(problem)) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) all += file.lexically_relative(client).string() + "\n" + content(file);
  return hex_encode(sha256(all)).substr(0, 32);
}

/// Runs `program interpreter out`, without our environment. Gives what it said when it fails or takes too long.
Result<void> run(const std::string& program, const std::string& interpreter, const fs::path& out,
                 const std::atomic<bool>& closed) {
  const fs::path said = out / "output";
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, said.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  std::vector<std::string> words{"/bin/sh", program, interpreter, out.string()};
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  std::string path = "PATH=/usr/local/bin:/usr/bin:/bin";
  char* const environment[] = {path.data(), nullptr};
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, "/bin/sh", &actions, &attributes, arguments.data(), environment);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) return failed("starting " + program);
  const SteadyTime deadline = std::chrono::steady_clock::now() + kMakingLimit;
  int status = 0;
  while (::waitpid(pid, &status, WNOHANG) == 0) {
    if (closed || std::chrono::steady_clock::now() > deadline) ::kill(-pid, SIGKILL);
    std::this_thread::sleep_for(milliseconds(10));
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return failed(program + " failed for " + interpreter + ": " + content(said).substr(0, kSaidAtMost));
}

}  // namespace

Task<fs::path> ClientFolders::folder(RuntimeChoice choice) {
  if (choice.language->prepare.empty()) co_return runtimes_ / choice.language->client;
  const fs::path known = made(choice.interpreter);
  if (!known.empty()) co_return known;
  const auto work = [this, choice] { return make(choice); };
  co_return co_await blocking(pool_, work);
}

void ClientFolders::begin(const RuntimeChoice& choice) {
  if (choice.language->prepare.empty() || !made(choice.interpreter).empty()) return;
  pool_.submit([this, choice] {
    if (const Result<fs::path> result = make(choice); !result) {
      log::warning("runtime client", {{"why", result.error().message()}});
    }
  });
}

fs::path ClientFolders::made(const std::string& interpreter) {
  const std::lock_guard lock(mutex_);
  const auto found = made_.find(interpreter);
  return found == made_.end() ? fs::path() : found->second;
}

/// On the pool, which has one thread: two never make the same.
Result<fs::path> ClientFolders::make(const RuntimeChoice& choice) {
  if (fs::path known = made(choice.interpreter); !known.empty()) return known;
  const fs::path client = runtimes_ / choice.language->client;
  const fs::path place = state_ / "clients" / (choice.language->name + "-" + fingerprint(client, choice.interpreter));
  std::error_code problem;
  if (!fs::is_directory(place / "runtime", problem)) {
    const fs::path draft = state_ / "clients" / ("draft-" + random_id(12));
    fs::create_directories(draft, problem);
    fs::permissions(draft, fs::perms(0755), problem);
    if (problem) return failed("making " + draft.string() + ": " + problem.message());
    const Result<void> ran = run((client / choice.language->prepare).string(), choice.interpreter, draft, closed_);
    if (ran) fs::rename(draft, place, problem);
    std::error_code ignored;
    if (!ran || problem) fs::remove_all(draft, ignored);
    if (!ran) return ran.error();
    if (problem) return failed("keeping " + place.string() + ": " + problem.message());
  }
  const std::lock_guard lock(mutex_);
  return made_.emplace(choice.interpreter, place / "runtime").first->second;
}

}  // namespace cumulet::compute
