#include "storage/engines/files/blob_writer.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

namespace cumulet::storage {

std::filesystem::path blob_file(const std::string& id) {
  if (id.size() < 3) return id;  // None of ours.
  return std::filesystem::path(id.substr(0, 1)) / id.substr(1, 2) / id;
}

BlobWriter::BlobWriter(std::filesystem::path root, std::string id, ThreadPool& pool)
    : root_(std::move(root)), id_(std::move(id)), temporary_(root_ / "tmp" / id_), pool_(pool) {
  block_.reset(static_cast<char*>(std::aligned_alloc(kAlignment, kBlock)));
}

BlobWriter::~BlobWriter() {
  if (file_.ok() && !finished_) ::unlink(temporary_.c_str());
}

Task<void> BlobWriter::write(std::string bytes) {
  if (!block_) co_await fail(errors::kServiceUnavailable, "The server is out of memory. Please try again later.");
  std::string_view rest(bytes);
  while (!rest.empty()) {
    const std::size_t taken = std::min(rest.size(), kBlock - filled_);
    std::memcpy(block_.get() + filled_, rest.data(), taken);
    filled_ += taken;
    rest.remove_prefix(taken);
    if (filled_ == kBlock) co_await blocking(pool_, [this] { return write_block(); });
  }
}

Task<std::string> BlobWriter::finish() {
  if (!block_) co_return Error(errors::kServiceUnavailable, "The server is out of memory. Please try again later.");
  co_await blocking(pool_, [this] {
    Result<void> written = write_rest();
    return written.ok() ? put_in_place() : std::move(written);
  });
  co_return id_;
}

Result<void> BlobWriter::open_file() {
  if (file_.ok()) return {};
  FileDescriptor made(::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!made.ok()) return disk_error("create", temporary_, errno);
  file_ = std::move(made);
  return {};
}

Result<void> BlobWriter::write_block() {
  if (Result<void> room = check_room(root_); !room.ok()) return room;
  if (!file_.ok()) {
    if (Result<void> opened = open_file(); !opened.ok()) return opened;
    // Not every file system can (tmpfs cannot); then the page cache takes it.
    (void)::fcntl(file_.get(), F_SETFL, O_DIRECT);
  }
  if (Result<void> written = write_fully(file_.get(), block_.get(), filled_, offset_, temporary_); !written.ok()) {
    return written;
  }
  offset_ += filled_;
  filled_ = 0;
  return {};
}

Result<void> BlobWriter::write_rest() {
  if (Result<void> room = check_room(root_); !room.ok()) return room;
  if (Result<void> opened = open_file(); !opened.ok()) return opened;
  if (filled_ == 0) return {};
  (void)::fcntl(file_.get(), F_SETFL, 0);
  return write_fully(file_.get(), block_.get(), filled_, offset_, temporary_);
}

/// The bytes first, then the name: a file under its final name is always whole.
Result<void> BlobWriter::put_in_place() {
  if (::fdatasync(file_.get()) != 0) return disk_error("sync", temporary_, errno);
  const std::filesystem::path target = root_ / blob_file(id_);
  const std::filesystem::path directory = target.parent_path();
  if (Result<void> made = make_directory(directory.parent_path()); !made.ok()) return made;
  if (Result<void> made = make_directory(directory); !made.ok()) return made;
  if (::rename(temporary_.c_str(), target.c_str()) != 0) return disk_error("rename", temporary_, errno);
  finished_ = true;
  return sync_directory(directory);
}

}  // namespace cumulet::storage
