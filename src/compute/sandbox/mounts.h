#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <string>
#include <vector>

#include "compute/sandbox.h"
#include "compute/sandbox/system.h"

/// The file system of a sandbox. What sandboxes of one runtime share (the root, its read-only mounts, /dev) is built
/// once as a tree of mounts in a mount namespace of our own; a start clones that tree whole, and adds what is the
/// sandbox's own.
namespace cumulet::compute::sandbox {

/// A mount that is not attached yet, and where the sandbox will have it.
struct LooseMount {
  LooseMount(Fd f, std::string t) : mount(std::move(f)), target(std::move(t)) {}
  Fd mount;
  std::string target;  ///< Relative to the root, without a leading slash.
};

struct RootTree {
  Fd root;
  Fd tmp;     ///< A second handle on /tmp, to ask how full it is.
  Fd shared;  ///< The same for /dev/shm.
  std::vector<LooseMount> mounts;
};

/// Builds and keeps templates. All calls come from one thread, which must be in a mount namespace of its own.
class RootTemplates {
 public:
  /// Puts the calling thread into a mount namespace of its own (it follows the host's) and uses `workshop`, an empty
  /// directory, as the place where templates hang: nobody else sees them there.
  static Result<RootTemplates> make(const std::string& workshop);

  /// The file system for one sandbox. `owner` is the host user to whom /tmp and /dev/shm belong.
  Result<RootTree> clone(const SandboxSpec& spec, std::uint32_t owner);

 private:
  struct Template {
    Template(std::string k, std::string p) : key(std::move(k)), path(std::move(p)) {}
    std::string key;
    std::string path;
  };

  explicit RootTemplates(std::string workshop) : workshop_(std::move(workshop)) {}
  Result<std::string> find_template(const SandboxSpec& spec);
  Result<void> build(const std::string& path, const SandboxSpec& spec);

  std::string workshop_;
  std::uint64_t next_ = 0;
  std::deque<Template> templates_;  // the most recently used first
};

/// A memory file system of limited size and number of files, not attached.
Result<Fd> make_tmpfs(std::uint64_t kib, const char* mode, std::uint32_t owner, std::uint64_t attributes);

/// The mount at a directory or file (with those below it, or without), read-only, without devices and set-user-id; not
/// attached.
Result<Fd> clone_readonly(const std::filesystem::path& source, bool recursive);

/// What of /proc tells about the host, exists here and could be read: files, and directories.
std::vector<std::string> masked_proc_files();
std::vector<std::string> masked_proc_directories();

}  // namespace cumulet::compute::sandbox
