#include "services/lambda/unzip.h"

#include <memory>
#include <set>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

#include "base/text.h"

namespace cumulet::lambda {
namespace {

struct ZipCloser {
  void operator()(zip_t* archive) const { zip_discard(archive); }
};
struct FileCloser {
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};

Error refused(std::string message) {
  return Error("InvalidParameterValueException", 400, std::move(message)).with("Type", "User");
}
Error damaged() { return refused("Could not unzip uploaded file. Please check your file, then try to upload again."); }

/// A descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

/// The parts of an entry's name; empty when it must not be used.
std::vector<std::string> safe_parts(std::string_view name, const UnzipLimits& limits) {
  std::vector<std::string> parts;
  if (name.empty() || name.size() > limits.name_length || name.front() == '/' ||
      name.find('\0') != std::string_view::npos) {
    return parts;
  }
  for (const std::string_view part : split(name, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == ".." || part.size() > 255) return {};
    parts.emplace_back(part);
  }
  return parts;
}

/// Whether a link in the folder `depth` levels below the root stays inside.
bool leads_inside(std::string_view target, std::size_t depth) {
  if (target.empty() || target.front() == '/' || target.find('\0') != std::string_view::npos) return false;
  bool descended = false;
  for (const std::string_view part : split(target, '/')) {
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      descended = true;
      continue;
    }
    // After a step down, ".." may mean the parent of wherever another link led.
    if (descended || depth == 0) return false;
    --depth;
  }
  return true;
}

class Unpacker {
 public:
  Unpacker(zip_t* archive, Descriptor root, const UnzipLimits& limits)
      : archive_(archive), root_(std::move(root)), limits_(limits) {}

  Result<std::uint64_t> run() {
    const zip_int64_t count = zip_get_num_entries(archive_, 0);
    if (count <= 0) return refused("Uploaded file must be a non-empty zip");
    if (static_cast<std::uint64_t>(count) > limits_.entries) return refused("The zip file has too many entries.");
    for (zip_int64_t i = 0; i < count; ++i) {
      if (Result<void> done = entry(static_cast<zip_uint64_t>(i)); !done) return std::move(done).error();
    }
    for (const Link& link : links_) {
      if (Result<void> done = make_link(link); !done) return std::move(done).error();
    }
    return written_;
  }

 private:
  struct Link {
    std::vector<std::string> parts;
    std::string target;
  };

  Result<void> entry(zip_uint64_t index) {
    zip_stat_t info;
    if (zip_stat_index(archive_, index, ZIP_FL_ENC_RAW, &info) != 0 || !(info.valid & ZIP_STAT_NAME)) return damaged();
    const std::string_view name = info.name;
    const std::vector<std::string> parts = safe_parts(name, limits_);
    if (parts.empty()) {
      if (name == "./" || name == ".") return {};
      return damaged();
    }
    if ((info.valid & ZIP_STAT_ENCRYPTION_METHOD) && info.encryption_method != ZIP_EM_NONE) return damaged();
    zip_uint8_t system = 0;
    zip_uint32_t attributes = 0;
    zip_file_get_external_attributes(archive_, index, 0, &system, &attributes);
    const mode_t mode = system == ZIP_OPSYS_UNIX || system == ZIP_OPSYS_OS_X ? attributes >> 16 : 0;
    if (name.back() == '/') {
      Result<Descriptor> made = directory(parts, parts.size());
      if (!made) return std::move(made).error();
      return {};
    }
    switch (mode & S_IFMT) {
      case 0:
      case S_IFREG:
        return file(index, parts, (mode & 0111) != 0);
      case S_IFLNK:
        return read_link(index, parts);
      default:
        return damaged();  // Devices, pipes, sockets, and folders without a slash.
    }
  }

  /// Opens the folder that the first `count` parts name, making what is missing.
  Result<Descriptor> directory(const std::vector<std::string>& parts, std::size_t count) {
    Descriptor at(::dup(root_.get()));
    for (std::size_t i = 0; i < count; ++i) {
      ::mkdirat(at.get(), parts[i].c_str(), 0755);
      Descriptor next(::openat(at.get(), parts[i].c_str(), O_DIRECTORY | O_NOFOLLOW | O_RDONLY | O_CLOEXEC));
      if (next.get() < 0) return damaged();
      at = std::move(next);
    }
    return at;
  }

  Result<void> file(zip_uint64_t index, const std::vector<std::string>& parts, bool executable) {
    Result<Descriptor> folder = directory(parts, parts.size() - 1);
    if (!folder) return std::move(folder).error();
    const std::unique_ptr<zip_file_t, FileCloser> in(zip_fopen_index(archive_, index, 0));
    if (!in) return damaged();
    const Descriptor out(
        ::openat(folder->get(), parts.back().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644));
    if (out.get() < 0) return damaged();
    char buffer[64 * 1024];
    while (true) {
      const zip_int64_t n = zip_fread(in.get(), buffer, sizeof buffer);
      if (n < 0) return damaged();
      if (n == 0) break;
      written_ += static_cast<std::uint64_t>(n);
      if (written_ > limits_.bytes) {
        return refused("Unzipped size must be smaller than " + std::to_string(limits_.bytes) + " bytes");
      }
      for (zip_int64_t done = 0; done < n;) {
        const ssize_t wrote = ::write(out.get(), buffer + done, static_cast<std::size_t>(n - done));
        if (wrote < 0) return Error("ServiceException", 500, "The package could not be stored: the disk refuses.");
        done += wrote;
      }
    }
    ::fchmod(out.get(), executable ? 0755 : 0644);
    return {};
  }

  Result<void> read_link(zip_uint64_t index, const std::vector<std::string>& parts) {
    const std::unique_ptr<zip_file_t, FileCloser> in(zip_fopen_index(archive_, index, 0));
    if (!in) return damaged();
    std::string target(limits_.name_length + 1, '\0');
    const zip_int64_t n = zip_fread(in.get(), target.data(), target.size());
    if (n <= 0 || static_cast<std::size_t>(n) > limits_.name_length) return damaged();
    target.resize(static_cast<std::size_t>(n));
    if (!leads_inside(target, parts.size() - 1)) return damaged();
    Link link;
    link.parts = parts;
    link.target = std::move(target);
    links_.push_back(std::move(link));
    return {};
  }

  Result<void> make_link(const Link& link) {
    // O_NOFOLLOW on every step: a link made before cannot lead a later one astray.
    Result<Descriptor> folder = directory(link.parts, link.parts.size() - 1);
    if (!folder) return std::move(folder).error();
    ::unlinkat(folder->get(), link.parts.back().c_str(), 0);
    if (::symlinkat(link.target.c_str(), folder->get(), link.parts.back().c_str()) != 0) return damaged();
    return {};
  }

  zip_t* archive_;
  Descriptor root_;
  const UnzipLimits& limits_;
  std::uint64_t written_ = 0;
  std::vector<Link> links_;
};

}  // namespace

Result<std::uint64_t> unzip(std::string_view zip, const std::filesystem::path& directory, const UnzipLimits& limits) {
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* source = zip_source_buffer_create(zip.data(), zip.size(), 0, &error);
  if (source == nullptr) return damaged();
  const std::unique_ptr<zip_t, ZipCloser> archive(zip_open_from_source(source, ZIP_RDONLY, &error));
  if (!archive) {
    zip_source_free(source);
    zip_error_fini(&error);
    return damaged();
  }
  Descriptor root(::open(directory.c_str(), O_DIRECTORY | O_RDONLY | O_CLOEXEC));
  if (root.get() < 0) return Error("ServiceException", 500, "The package could not be stored: " + directory.string());
  return Unpacker(archive.get(), std::move(root), limits).run();
}

}  // namespace cumulet::lambda
