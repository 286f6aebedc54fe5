#include "images/tree.h"

#include <cerrno>
#include <cstring>

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/text.h"
#include "images/manifest.h"

namespace cumulet::images {
namespace {

constexpr std::size_t kLongestPath = 4095;
constexpr std::size_t kLongestPart = 255;
constexpr int kDeepest = 256;

Error invalid_path(const char* why) {
  return Error(kInvalidImage, std::string("The image is not valid: ") + why + ".");
}

/// What the disk refuses is our failure; what only this content can make it refuse is the image's.
Error failed(const std::string& what) {
  const int reason = errno;
  const bool images =
      reason == ELOOP || reason == ENAMETOOLONG || reason == ENOTDIR || reason == EXDEV || reason == ENOENT;
  return Error(images ? kInvalidImage : kImageFailure, what + ": " + std::strerror(reason));
}

bool is_directory(int directory, const std::string& name) {
  struct stat about {};
  return ::fstatat(directory, name.c_str(), &about, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(about.st_mode);
}

Result<void> remove_at(int directory, const std::string& name, int depth);

/// Of each entry of a directory.
template <typename Visit>
Result<void> for_each(int directory, const std::string& name, Visit visit) {
  const int fd = ::openat(directory, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return failed("reading a directory of the image");
  DIR* const entries = ::fdopendir(fd);
  if (entries == nullptr) {
    ::close(fd);
    return failed("reading a directory of the image");
  }
  Result<void> done;
  while (const dirent* const entry = ::readdir(entries)) {
    const std::string child = entry->d_name;
    if (child == "." || child == "..") continue;
    done = visit(fd, child);
    if (!done) break;
  }
  ::closedir(entries);
  return done;
}

Result<void> remove_at(int directory, const std::string& name, int depth) {
  if (::unlinkat(directory, name.c_str(), 0) == 0 || errno == ENOENT) return {};
  if (errno != EISDIR && errno != EPERM) return failed("removing a file of the image");
  if (depth > kDeepest) return invalid_path("its directories are too deep");
  const auto below = [depth](int fd, const std::string& child) { return remove_at(fd, child, depth + 1); };
  if (Result<void> done = for_each(directory, name, below); !done) return done;
  if (::unlinkat(directory, name.c_str(), AT_REMOVEDIR) != 0) return failed("removing a directory of the image");
  return {};
}

Result<void> remove_unless(const std::unordered_set<std::string>& kept, int directory, const std::string& name,
                           const std::string& path, int depth) {
  if (depth > kDeepest) return invalid_path("its directories are too deep");
  const auto visit = [&kept, &path, depth](int fd, const std::string& child) -> Result<void> {
    const std::string whole = path.empty() ? child : path + "/" + child;
    if (!kept.contains(whole)) return remove_at(fd, child, depth);
    if (!is_directory(fd, child)) return {};
    return remove_unless(kept, fd, child, whole, depth + 1);
  };
  return for_each(directory, name, visit);
}

}  // namespace

File::~File() {
  if (fd_ >= 0) ::close(fd_);
}

File& File::operator=(File&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

File open_inside(int root, const std::string& path, int flags) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
  const std::string inside = path.empty() ? "." : path;
  for (int tries = 0; tries < 8; ++tries) {
    const long fd = ::syscall(SYS_openat2, root, inside.c_str(), &how, sizeof how);
    if (fd >= 0) return File(static_cast<int>(fd));
    if (errno != EAGAIN) break;  // Something was renamed meanwhile.
  }
  return File();
}

Result<std::string> clean_path(std::string_view path) {
  if (path.size() > kLongestPath || path.find('\0') != std::string_view::npos) {
    return invalid_path("a path in it is too long");
  }
  std::string clean;
  int depth = 0;
  for (const std::string_view part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..") return invalid_path("a path in it leads outside");
    if (part.size() > kLongestPart) return invalid_path("a name in it is too long");
    if (++depth > kDeepest) return invalid_path("its directories are too deep");
    if (!clean.empty()) clean += '/';
    clean += part;
  }
  return clean;
}

Result<Tree> Tree::open(const std::filesystem::path& folder) {
  File root(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (!root) return failed("opening the image's folder");
  return Tree(std::move(root));
}

/// Opens a directory, making what of it is missing.
Result<void> Tree::enter(const std::string& directory) {
  if (directory == parent_path_) return {};
  File found = open_inside(root_.get(), directory, O_RDONLY | O_DIRECTORY);
  if (!found && errno == ENOENT) {
    std::string sofar;
    File at = open_inside(root_.get(), "", O_RDONLY | O_DIRECTORY);
    for (const std::string_view part : split(directory, '/')) {
      const std::string name(part);
      if (!sofar.empty()) sofar += '/';
      sofar += name;
      if (::mkdirat(at.get(), name.c_str(), 0755) != 0 && errno != EEXIST) return failed("making a directory");
      at = open_inside(root_.get(), sofar, O_RDONLY | O_DIRECTORY);
      if (!at) return failed("opening /" + sofar + " of the image");
    }
    found = std::move(at);
  }
  if (!found) return failed("opening /" + directory + " of the image");
  parent_ = std::move(found);
  parent_path_ = directory;
  // A marker for "only this layer's" spares what leads to this layer's files.
  for (std::size_t end = directory.size(); end != 0 && end != std::string::npos; end = directory.rfind('/', end - 1)) {
    if (!made_.insert(directory.substr(0, end)).second) break;
  }
  return {};
}

Result<Tree::Place> Tree::place(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? std::string() : path.substr(0, slash);
  if (Result<void> done = enter(directory); !done) return std::move(done).error();
  Place place;
  place.directory = parent_.get();
  place.name = slash == std::string::npos ? path : path.substr(slash + 1);
  return place;
}

Result<void> Tree::clear(const Place& place) {
  if (::faccessat(place.directory, place.name.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT) return {};
  Result<void> done = remove_at(place.directory, place.name, 0);
  return done;
}

Result<void> Tree::make_directory(const std::string& path, unsigned mode) {
  mode = (mode & 0777) | 0700;
  if (path.empty()) return {};
  Result<Place> where = place(path);
  if (!where) return std::move(where).error();
  if (!is_directory(where->directory, where->name)) {
    if (Result<void> done = clear(*where); !done) return done;
    if (::mkdirat(where->directory, where->name.c_str(), 0755) != 0) return failed("making /" + path + " of the image");
  }
  if (::fchmodat(where->directory, where->name.c_str(), mode, 0) != 0) return failed("making /" + path);
  made_.insert(path);
  return {};
}

Result<File> Tree::make_file(const std::string& path, unsigned mode) {
  Result<Place> where = place(path);
  if (!where) return std::move(where).error();
  if (where->name.empty()) return invalid_path("its root is a file");
  if (Result<void> done = clear(*where); !done) return std::move(done).error();
  const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  File file(::openat(where->directory, where->name.c_str(), flags, 0600));
  if (!file) return failed("making /" + path + " of the image");
  if (::fchmod(file.get(), (mode & 0777) | 0600) != 0) return failed("making /" + path + " of the image");
  made_.insert(path);
  return file;
}

Result<void> Tree::make_link(const std::string& path, const std::string& target) {
  if (target.empty() || target.size() > kLongestPath) return invalid_path("a link in it leads nowhere");
  Result<Place> where = place(path);
  if (!where) return std::move(where).error();
  if (where->name.empty()) return invalid_path("its root is a link");
  if (Result<void> done = clear(*where); !done) return done;
  const int made = ::symlinkat(target.c_str(), where->directory, where->name.c_str());
  if (made != 0) return failed("making /" + path + " of the image");
  made_.insert(path);
  return {};
}

Result<void> Tree::make_hard_link(const std::string& path, const std::string& target) {
  const std::size_t slash = target.rfind('/');
  const std::string folder = slash == std::string::npos ? std::string() : target.substr(0, slash);
  const std::string name = slash == std::string::npos ? target : target.substr(slash + 1);
  const File from = open_inside(root_.get(), folder, O_RDONLY | O_DIRECTORY);
  struct stat about {};
  if (!from || name.empty() || ::fstatat(from.get(), name.c_str(), &about, AT_SYMLINK_NOFOLLOW) != 0) {
    return invalid_path("a hard link in it leads nowhere");
  }
  if (!S_ISREG(about.st_mode) && !S_ISLNK(about.st_mode)) return invalid_path("a hard link in it leads to no file");
  Result<Place> where = place(path);
  if (!where) return std::move(where).error();
  if (where->name.empty()) return invalid_path("its root is a link");
  struct stat there {};
  if (::fstatat(where->directory, where->name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0 &&
      there.st_ino == about.st_ino && there.st_dev == about.st_dev) {
    return {};  // the file itself
  }
  if (Result<void> done = clear(*where); !done) return done;
  if (::linkat(from.get(), name.c_str(), where->directory, where->name.c_str(), 0) != 0) {
    return failed("linking /" + path + " of the image");
  }
  made_.insert(path);
  return {};
}

Result<void> Tree::remove(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const File folder =
      open_inside(root_.get(), slash == std::string::npos ? "" : path.substr(0, slash), O_RDONLY | O_DIRECTORY);
  if (!folder) return {};  // There is nothing to be removed.
  moved();
  return remove_at(folder.get(), slash == std::string::npos ? path : path.substr(slash + 1), 0);
}

Result<void> Tree::remove_lower(const std::string& path) {
  const File folder = open_inside(root_.get(), path, O_RDONLY | O_DIRECTORY);
  if (!folder) return {};
  moved();
  return remove_unless(made_, folder.get(), ".", path, 0);
}

Result<void> Tree::make_mount_points() {
  moved();
  for (const char* name :
       {"proc", "dev", "tmp", "sys", "etc", "var", "var/cumulet", "var/cumulet-init", "var/cumulet-tls"}) {
    const bool theirs = std::strcmp(name, "etc") == 0 || std::strcmp(name, "var") == 0;
    struct stat about {};
    const bool exists = ::fstatat(root_.get(), name, &about, AT_SYMLINK_NOFOLLOW) == 0;
    if (exists && theirs && !S_ISDIR(about.st_mode)) {
      return invalid_path("/etc or /var is not a directory");
    }
    if (Result<void> done = make_directory(name, 0755); !done) return done;
  }
  for (const char* name : {"etc/hosts", "etc/resolv.conf", "etc/hostname"}) {
    Result<File> file = make_file(name, 0644);
    if (!file) return std::move(file).error();
  }
  if (::fchmod(root_.get(), 0755) != 0) return failed("opening the image's root");
  return {};
}

Result<void> Tree::sync() {
  if (::syncfs(root_.get()) != 0) return failed("writing the image to the disk");
  return {};
}

}  // namespace cumulet::images
