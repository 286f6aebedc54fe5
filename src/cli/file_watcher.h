#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <set>
#include <string>

#include "base/result.h"

namespace cumulet::cli {

/// Says which files below some folders were saved, moved or deleted (inotify). `.git`, `__pycache__` and `node_modules`
/// are not watched, links not followed. One thread.
class FileWatcher {
 public:
  static Result<FileWatcher> open();
  FileWatcher(FileWatcher&& other) noexcept;
  FileWatcher& operator=(FileWatcher&&) = delete;
  ~FileWatcher();

  /// A folder with all below it, or only the files right in it. Fails when the kernel allows no more watches.
  Result<void> add(const std::filesystem::path& folder, bool all_below);
  /// Waits for a change until `limit`, then until files have been quiet for a moment: a save is often several changes.
  /// Gives what changed; when too much did to be told, the folders themselves.
  std::set<std::filesystem::path> wait(std::chrono::milliseconds limit);

 private:
  explicit FileWatcher(int descriptor) : descriptor_(descriptor) {}
  void read_events(std::set<std::filesystem::path>& changed);
  bool readable(std::chrono::milliseconds limit) const;

  struct Watch {
    std::filesystem::path folder;
    bool all_below = false;
  };
  int descriptor_;
  std::map<int, Watch> watches_;
};

}  // namespace cumulet::cli
