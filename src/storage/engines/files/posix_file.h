#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>

#include "base/result.h"

namespace cumulet::storage {

/// A file descriptor, closed at the end of its scope.
class FileDescriptor {
 public:
  explicit FileDescriptor(int fd = -1) : fd_(fd) {}
  ~FileDescriptor();
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  bool ok() const { return fd_ >= 0; }

 private:
  int fd_;
};

/// The Error for errno, saying what was attempted. ENOSPC, EDQUOT and EIO are kServiceUnavailable, all else is
/// kInternalFailure; both are logged.
Error disk_error(const char* attempted, const std::filesystem::path& path, int number);

/// Fails as ENOSPC does while the file system has less than 48 MiB free. Blobs are so refused before the database is,
/// which must still be able to say what was deleted.
Result<void> check_room(const std::filesystem::path& directory);

/// Writes all of it at that offset.
Result<void> write_fully(int fd, const char* data, std::size_t size, std::uint64_t offset,
                         const std::filesystem::path& path);
/// Makes a directory's entries durable.
Result<void> sync_directory(const std::filesystem::path& path);
/// Makes the directory (its parent exists) durably; nothing to do when it is there.
Result<void> make_directory(const std::filesystem::path& path);

}  // namespace cumulet::storage
