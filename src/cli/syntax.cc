#include "cli/syntax.h"

#include <vector>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace cumulet::cli {
namespace {

constexpr std::size_t kSaidAtMost = 4000;

std::vector<std::string> checker_of(const std::filesystem::path& file) {
  const std::string kind = file.extension().string();
  if (kind == ".py") {
    return {"python3", "-IB", "-c",
            "import ast, sys, traceback\n"
            "try: ast.parse(open(sys.argv[1], 'rb').read(), sys.argv[1])\n"
            "except (SyntaxError, ValueError) as e: sys.exit(''.join(traceback.format_exception_only(type(e), e)))\n",
            file.string()};
  }
  if (kind == ".js" || kind == ".mjs" || kind == ".cjs") return {"node", "--check", file.string()};
  if (kind == ".rb") return {"ruby", "-c", file.string()};
  return {};
}

}  // namespace

std::optional<std::string> syntax_problem(const std::filesystem::path& file) {
  std::vector<std::string> words = checker_of(file);
  std::error_code failed;
  if (words.empty() || !std::filesystem::is_regular_file(file, failed)) return std::nullopt;
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return std::nullopt;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t pid = 0;
  const int missing = ::posix_spawnp(&pid, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  std::string said;
  char buffer[4096];
  for (ssize_t n = 0; missing == 0 && (n = ::read(ends[0], buffer, sizeof buffer)) > 0;) {
    if (said.size() < kSaidAtMost) said.append(buffer, static_cast<std::size_t>(n));
  }
  ::close(ends[0]);
  if (missing != 0) return std::nullopt;
  int status = 0;
  ::waitpid(pid, &status, 0);
  if (WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 127)) return std::nullopt;
  return said;
}

}  // namespace cumulet::cli
