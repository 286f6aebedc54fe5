#include "compute/sandbox/process_memory.h"

#include <filesystem>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "base/text.h"
#include "compute/sandbox/system.h"

namespace cumulet::compute::sandbox {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kProcessesAtMost = 4096;

void add_children(pid_t parent, std::vector<pid_t>& processes) {
  std::error_code gone;
  fs::directory_iterator threads(fmt::format("/proc/{}/task", parent), gone);
  for (; !gone && threads != fs::directory_iterator(); threads.increment(gone)) {
    const std::string children = read_file((threads->path() / "children").string());
    for (const std::string_view word : split(children, ' '))
      if (const std::optional<std::int64_t> pid = parse_int(word)) processes.push_back(static_cast<pid_t>(*pid));
  }
}

/// The sum of these lines ("Name:   123 kB") in a file, in bytes.
std::uint64_t sum_of(const std::string& path, const std::vector<std::string_view>& names) {
  const std::string text = read_file(path);
  std::uint64_t sum = 0;
  for (const std::string_view line : split(text, '\n')) {
    for (const std::string_view name : names) {
      if (!line.starts_with(name)) continue;
      const std::string_view rest = trim(line.substr(name.size()));
      sum += static_cast<std::uint64_t>(parse_int(rest.substr(0, rest.find(' '))).value_or(0)) << 10;
    }
  }
  return sum;
}

}  // namespace

std::uint64_t memory_of_tree(pid_t root, std::uint64_t limit) {
  std::vector<pid_t> processes{root};
  for (std::size_t i = 0; i < processes.size() && processes.size() < kProcessesAtMost; ++i)
    add_children(processes[i], processes);
  std::uint64_t resident = 0;
  for (const pid_t pid : processes) resident += sum_of(fmt::format("/proc/{}/status", pid), {"RssAnon:", "RssShmem:"});
  if (resident <= limit) return resident;
  std::uint64_t shares = 0;  // exact, and slow
  for (const pid_t pid : processes)
    shares += sum_of(fmt::format("/proc/{}/smaps_rollup", pid), {"Pss_Anon:", "Pss_Shmem:"});
  return shares == 0 ? resident : shares;
}

}  // namespace cumulet::compute::sandbox
