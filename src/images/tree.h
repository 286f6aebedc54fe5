#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "base/result.h"

namespace cumulet::images {

/// An open descriptor.
class File {
 public:
  explicit File(int fd = -1) : fd_(fd) {}
  ~File();
  File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  File& operator=(File&& other) noexcept;
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_;
};

/// A path inside `root`, its symbolic links followed as if `root` were "/": never outside. `flags` as for open.
File open_inside(int root, const std::string& path, int flags);

/// An image's file system while it is made, in a folder that nothing written here leaves: whatever the links in it say,
/// they are followed inside it. Paths are relative, as in a tar. What is there already of another kind is replaced. The
/// owner is whoever runs this; set-user-id bits and devices do not come in. Fails with InvalidImage. Blocks.
class Tree {
 public:
  static Result<Tree> open(const std::filesystem::path& folder);

  Result<void> make_directory(const std::string& path, unsigned mode);
  /// Opened for writing, empty.
  Result<File> make_file(const std::string& path, unsigned mode);
  Result<void> make_link(const std::string& path, const std::string& target);
  Result<void> make_hard_link(const std::string& path, const std::string& target);
  /// Whatever is there, with what is below it.
  Result<void> remove(const std::string& path);
  /// What lower layers put into a directory: everything in it that was not made since `begin_layer`.
  Result<void> remove_lower(const std::string& path);
  void begin_layer() { made_.clear(); }

  /// Makes the places that a sandbox covers: /proc, /dev, /tmp, /etc/hosts, …
  Result<void> make_mount_points();
  /// Puts it all on the disk.
  Result<void> sync();
  int fd() const { return root_.get(); }

 private:
  /// A place: the directory, open, and a name in it.
  struct Place {
    int directory = -1;
    std::string name;
  };

  explicit Tree(File root) : root_(std::move(root)) {}
  Result<Place> place(const std::string& path);
  Result<void> enter(const std::string& directory);
  Result<void> clear(const Place& place);
  void moved() { parent_path_ = "\n"; }

  File root_;
  std::string parent_path_ = "\n";  ///< Of `parent_`: entries of a directory come one after the other.
  File parent_;
  std::unordered_set<std::string> made_;  ///< By this layer, and the directories that lead there.
};

/// Parts without "." and empty ones. Fails on ".." and on what is no path.
Result<std::string> clean_path(std::string_view path);

}  // namespace cumulet::images
