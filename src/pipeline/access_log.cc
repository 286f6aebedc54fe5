#include "pipeline/access_log.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include "base/log.h"

namespace cumulet::pipeline {
namespace {

constexpr std::uint64_t kRotateAt = 64u << 20;
constexpr std::size_t kPendingLimit = 8u << 20;

void add_field(std::string& line, std::string_view value) {
  if (!line.empty()) line += ' ';
  if (value.empty()) {
    line += '-';
    return;
  }
  for (const char c : value.substr(0, 256)) {
    line += static_cast<unsigned char>(c) <= 0x20 || c == 0x7f ? '_' : c;
  }
}

int open_for_append(const std::filesystem::path& path) {
  return ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
}

}  // namespace

Result<std::unique_ptr<AccessLog>> AccessLog::open(const std::filesystem::path& file) {
  const int fd = open_for_append(file);
  if (fd < 0) {
    return Error("CannotOpen", 500, "cannot open the access log " + file.string() + ": " + std::strerror(errno));
  }
  return std::unique_ptr<AccessLog>(new AccessLog(file, fd));
}

AccessLog::AccessLog(std::filesystem::path path, int fd) : path_(std::move(path)), fd_(fd) {
  const off_t end = ::lseek(fd_, 0, SEEK_END);
  if (end > 0) size_ = static_cast<std::uint64_t>(end);
  thread_ = std::thread([this] { run(); });
}

AccessLog::~AccessLog() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
  ::close(fd_);
}

void AccessLog::write(const Line& line) {
  std::string text;
  text.reserve(192);
  add_field(text, line.time);
  add_field(text, line.request_id);
  add_field(text, line.remote);
  add_field(text, line.account);
  add_field(text, line.service);
  add_field(text, line.operation);
  add_field(text, std::to_string(line.status));
  add_field(text, std::to_string(line.bytes_in));
  add_field(text, std::to_string(line.micros));
  add_field(text, line.error);
  text += '\n';

  std::lock_guard lock(mutex_);
  if (pending_.size() + text.size() > kPendingLimit) {
    ++dropped_;
    return;
  }
  const bool was_empty = pending_.empty();
  pending_ += text;
  if (was_empty) wake_.notify_one();
}

void AccessLog::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !pending_.empty(); });
    if (pending_.empty()) return;
    // A moment's gathering turns a burst of requests into one write.
    if (!stopping_) wake_.wait_for(lock, std::chrono::milliseconds(100), [this] { return stopping_; });
    const std::string lines = std::exchange(pending_, {});
    const std::uint64_t dropped = std::exchange(dropped_, 0);
    lock.unlock();
    append(lines);
    if (dropped > 0) log::warning("the access log dropped lines", {{"lines", std::to_string(dropped)}});
    lock.lock();
  }
}

void AccessLog::append(const std::string& lines) {
  if (size_ > 0 && size_ + lines.size() > kRotateAt) {
    std::error_code ignored;
    std::filesystem::rename(path_, path_.string() + ".1", ignored);
    const int fresh = open_for_append(path_);
    if (fresh >= 0) {
      ::close(fd_);
      fd_ = fresh;
      size_ = 0;
    }
  }
  std::string_view rest = lines;
  while (!rest.empty()) {
    const ssize_t written = ::write(fd_, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      log::warning("cannot write the access log", {{"reason", std::strerror(errno)}});
      return;
    }
    size_ += static_cast<std::uint64_t>(written);
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace cumulet::pipeline
