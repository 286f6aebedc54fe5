#include "storage/engines/files/posix_file.h"

#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/log.h"

namespace cumulet::storage {

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) ::close(fd_);
}

Error disk_error(const char* attempted, const std::filesystem::path& path, int number) {
  log::error("file operation failed",
             {{"attempted", attempted}, {"path", path.string()}, {"error", std::generic_category().message(number)}});
  if (number == ENOSPC || number == EDQUOT || number == EIO || number == EROFS) {
    return Error(errors::kServiceUnavailable,
                 "The store cannot write to its disk at the moment. Please try again later.");
  }
  return Error(errors::kInternalFailure, "The store could not use its files.");
}

Result<void> check_room(const std::filesystem::path& directory) {
  constexpr std::uint64_t kReserve = 48ull << 20;
  struct statvfs space {};
  if (::statvfs(directory.c_str(), &space) != 0) return {};
  if (static_cast<std::uint64_t>(space.f_bavail) * space.f_frsize >= kReserve) return {};
  return disk_error("write", directory, ENOSPC);
}

Result<void> write_fully(int fd, const char* data, std::size_t size, std::uint64_t offset,
                         const std::filesystem::path& path) {
  while (size > 0) {
    const ssize_t written = ::pwrite(fd, data, size, static_cast<off_t>(offset));
    if (written < 0) {
      if (errno == EINTR) continue;
      return disk_error("write", path, errno);
    }
    data += written;
    size -= static_cast<std::size_t>(written);
    offset += static_cast<std::uint64_t>(written);
  }
  return {};
}

Result<void> sync_directory(const std::filesystem::path& path) {
  const FileDescriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.ok()) return disk_error("open directory", path, errno);
  if (::fsync(directory.get()) != 0) return disk_error("sync directory", path, errno);
  return {};
}

Result<void> make_directory(const std::filesystem::path& path) {
  if (::mkdir(path.c_str(), 0700) == 0) return sync_directory(path.parent_path());
  if (errno == EEXIST) return {};
  return disk_error("make directory", path, errno);
}

}  // namespace cumulet::storage
