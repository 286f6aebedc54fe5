#include "cli/file_watcher.h"

#include <cerrno>
#include <cstring>

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

namespace cumulet::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kChanges = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE | IN_ONLYDIR;
constexpr std::chrono::milliseconds kQuiet{40};
constexpr int kQuietRoundsAtMost = 50;

bool ignored(const fs::path& name) { return name == ".git" || name == "__pycache__" || name == "node_modules"; }

}  // namespace

Result<FileWatcher> FileWatcher::open() {
  const int descriptor = ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  if (descriptor < 0) return Error("Watch", 500, std::string("inotify_init1: ") + std::strerror(errno));
  return FileWatcher(descriptor);
}

FileWatcher::FileWatcher(FileWatcher&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), watches_(std::move(other.watches_)) {}

FileWatcher::~FileWatcher() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<void> FileWatcher::add(const fs::path& folder, bool all_below) {
  const int watch = ::inotify_add_watch(descriptor_, folder.c_str(), kChanges);
  if (watch < 0) {
    const std::string hint = errno == ENOSPC ? " (raise fs.inotify.max_user_watches)" : "";
    return Error("Watch", 500, "watching " + folder.string() + ": " + std::strerror(errno) + hint);
  }
  Watch& known = watches_[watch];
  known.folder = folder;
  known.all_below = known.all_below || all_below;
  if (!all_below) return {};
  std::error_code problem;
  for (const auto& entry : fs::directory_iterator(folder, problem)) {
    if (!entry.is_directory(problem) || entry.is_symlink(problem) || ignored(entry.path().filename())) continue;
    if (Result<void> added = add(entry.path(), true); !added) return added;
  }
  return {};
}

bool FileWatcher::readable(std::chrono::milliseconds limit) const {
  pollfd ready{descriptor_, POLLIN, 0};
  return ::poll(&ready, 1, static_cast<int>(limit.count())) == 1;
}

std::set<fs::path> FileWatcher::wait(std::chrono::milliseconds limit) {
  std::set<fs::path> changed;
  if (!readable(limit)) return changed;
  read_events(changed);
  for (int round = 0; round < kQuietRoundsAtMost && readable(kQuiet); ++round) read_events(changed);
  return changed;
}

void FileWatcher::read_events(std::set<fs::path>& changed) {
  alignas(inotify_event) char buffer[16384];
  const ssize_t length = ::read(descriptor_, buffer, sizeof buffer);
  for (ssize_t at = 0; at < length;) {
    inotify_event event;
    std::memcpy(&event, buffer + at, sizeof event);
    const char* const name = buffer + at + sizeof event;
    at += static_cast<ssize_t>(sizeof event + event.len);
    if ((event.mask & IN_Q_OVERFLOW) != 0) {
      for (const auto& [id, watch] : watches_) changed.insert(watch.folder);
      continue;
    }
    const auto found = watches_.find(event.wd);
    if (found == watches_.end()) continue;
    if ((event.mask & IN_IGNORED) != 0) {
      watches_.erase(found);
      continue;
    }
    const Watch watch = found->second;
    const fs::path path = watch.folder / (event.len > 0 ? name : "");
    if (ignored(path.filename())) continue;
    const bool folder = (event.mask & IN_ISDIR) != 0;
    // A new file is told when it has been written.
    if (!folder && (event.mask & IN_CREATE) != 0) continue;
    changed.insert(path);
    if (folder && watch.all_below && (event.mask & (IN_CREATE | IN_MOVED_TO)) != 0) static_cast<void>(add(path, true));
  }
}

}  // namespace cumulet::cli
