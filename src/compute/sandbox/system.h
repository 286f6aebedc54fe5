#pragma once

#include <cerrno>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

/// Small helpers around system calls for the sandbox's own files.
namespace cumulet::compute::sandbox {

/// The one error kind of sandboxes; the message says what was being attempted.
inline constexpr ErrorKind kSandboxFailure{"Sandbox.Failure", 500};
/// Whoever gave the command is to blame.
inline constexpr ErrorKind kNoProgram{"Runtime.InvalidEntrypoint", 200};

/// Owns a descriptor.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() { reset(); }
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset();

 private:
  int fd_ = -1;
};

/// "cannot WHAT: reason of errno".
Error system_error(std::string_view what, int code = errno);

/// Writes all of `text` in one call into an existing file below `directory`.
Result<void> write_file(int directory, const char* name, std::string_view text);
/// The whole of a small file; empty when it cannot be read.
std::string read_file(int directory, const char* name);
std::string read_file(const std::string& path);
/// The number behind `key` in a file of "key number" lines (memory.events); 0 when it is not there.
std::uint64_t read_counter(int directory, const char* name, std::string_view key);

Result<Fd> open_directory(const std::string& path);
Result<std::pair<Fd, Fd>> make_socket_pair();

/// Sends one message with descriptors, whole.
Result<void> send_message(int socket, std::string_view bytes, const std::vector<int>& descriptors);

}  // namespace cumulet::compute::sandbox
