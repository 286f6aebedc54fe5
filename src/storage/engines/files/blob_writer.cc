#include "storage/engines/files/blob_writer.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace cumulet::storage {
namespace {

constexpr std::size_t kBlock = 1u << 20;
constexpr std::size_t kAlignment = 4096;
constexpr std::size_t kWorthAThread = 256u << 10;  ///< Less is shown to the onlooker before it is written.

std::shared_ptr<char> make_block() {
  return std::shared_ptr<char>(static_cast<char*>(std::aligned_alloc(kAlignment, kBlock)), std::free);
}

}  // namespace

std::filesystem::path blob_file(const std::string& id) {
  if (id.size() < 3) return id;  // None of ours.
  return std::filesystem::path(id.substr(0, 1)) / id.substr(1, 2) / id;
}

TemporaryBlob::TemporaryBlob(std::filesystem::path root, std::string id)
    : root_(std::move(root)), id_(std::move(id)), path_(root_ / "tmp" / id_) {}

TemporaryBlob::~TemporaryBlob() {
  if (file_.ok() && !in_place_) ::unlink(path_.c_str());
}

Result<void> TemporaryBlob::open() {
  if (file_.ok()) return {};
  FileDescriptor made(::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!made.ok()) return disk_error("create", path_, errno);
  file_ = std::move(made);
  return {};
}

Result<void> TemporaryBlob::append(const char* data, std::size_t size, bool whole_block) {
  if (!whole_) return Error(errors::kInternalFailure, "The store could not write all bytes.");
  whole_ = false;
  if (Result<void> room = check_room(root_); !room.ok()) return room;
  if (Result<void> opened = open(); !opened.ok()) return opened;
  // Not every file system can write directly (tmpfs cannot); then the page cache takes it.
  if (size_ == 0 || !whole_block) (void)::fcntl(file_.get(), F_SETFL, whole_block ? O_DIRECT : 0);
  Result<void> written = write_fully(file_.get(), data, size, size_, path_);
  size_ += size;
  whole_ = written.ok();
  return written;
}

Result<void> TemporaryBlob::put_in_place() {
  if (::fdatasync(file_.get()) != 0) return disk_error("sync", path_, errno);
  const std::filesystem::path target = root_ / blob_file(id_);
  const std::filesystem::path directory = target.parent_path();
  if (Result<void> made = make_directory(directory.parent_path()); !made.ok()) return made;
  if (Result<void> made = make_directory(directory); !made.ok()) return made;
  if (::rename(path_.c_str(), target.c_str()) != 0) return disk_error("rename", path_, errno);
  in_place_ = true;
  return sync_directory(directory);
}

BlobWriter::BlobWriter(std::filesystem::path root, std::string id, ThreadPool& pool, BlobStore::Onlooker onlooker)
    : pool_(pool), blob_(std::make_shared<TemporaryBlob>(std::move(root), std::move(id))), block_(make_block()) {
  if (onlooker) onlooker_ = std::make_shared<BlobStore::Onlooker>(std::move(onlooker));
}

Task<void> BlobWriter::write(std::string bytes) {
  std::string_view rest(bytes);
  while (!rest.empty()) {
    if (!block_) co_await fail(errors::kServiceUnavailable, "The server is out of memory. Please try again later.");
    const std::size_t taken = std::min(rest.size(), kBlock - filled_);
    std::memcpy(block_.get() + filled_, rest.data(), taken);
    filled_ += taken;
    rest.remove_prefix(taken);
    if (filled_ == kBlock) co_await begin_write();
  }
}

Task<void> BlobWriter::begin_write() {
  co_await end_write();
  const Deferred<void> done;
  under_way_.push_back(done);
  pool_.submit([blob = blob_, block = block_, done] { done.resolve(blob->append(block.get(), kBlock, true)); });
  if (onlooker_) under_way_.push_back(show(kBlock));
  if (!spare_) spare_ = make_block();
  std::swap(block_, spare_);
  filled_ = 0;
}

/// Waits for the block before, and fails as it did.
Task<void> BlobWriter::end_write() {
  const std::vector<Deferred<void>> all = std::exchange(under_way_, {});
  Result<void> ended;
  for (const Deferred<void>& done : all) {
    Result<void> one = co_await attempt(done.wait());
    if (!one.ok()) ended = std::move(one);
  }
  co_await std::move(ended);
}

Deferred<void> BlobWriter::show(std::size_t size) {
  Deferred<void> done;
  pool_.submit([onlooker = onlooker_, block = block_, size, done] {
    (*onlooker)(std::string_view(block.get(), size));
    done.resolve(Result<void>());
  });
  return done;
}

Task<std::string> BlobWriter::finish() {
  co_await end_write();
  const bool aside = onlooker_ && filled_ >= kWorthAThread;
  if (aside) under_way_.push_back(show(filled_));
  const Result<void> written = co_await attempt(blocking(pool_, [this, aside] {
    if (onlooker_ && !aside) (*onlooker_)(std::string_view(block_.get(), filled_));
    Result<void> appended = blob_->append(block_.get(), filled_, false);
    return appended.ok() ? blob_->put_in_place() : std::move(appended);
  }));
  co_await end_write();
  if (!written.ok()) co_return written.error();
  co_return blob_->id();
}

}  // namespace cumulet::storage
