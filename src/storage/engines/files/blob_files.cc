#include "storage/engines/files/blob_files.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ids.h"
#include "base/loop.h"
#include "base/text.h"
#include "storage/engines/files/blob_writer.h"
#include "storage/engines/files/posix_file.h"
#include "storage/open.h"

namespace cumulet::storage {
namespace {

constexpr std::size_t kIdLength = 32;
constexpr std::size_t kProcessLength = 8;
/// A sweep is in nobody's way.
constexpr std::size_t kLooksAtOnce = 64;
constexpr std::chrono::milliseconds kBreath{5};
constexpr const char* kTemporaries = "tmp";

bool is_id(std::string_view text) {
  return text.size() == kIdLength &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

Error missing(const std::string& id) {
  return Error(errors::kInternalFailure, fmt::format("The stored bytes {} are missing.", is_id(id) ? id : "?"));
}

/// Part of a blob's file, read ahead of nobody: a piece at a time, on the pool.
class BlobReader final : public BodySource {
 public:
  BlobReader(FileDescriptor file, std::uint64_t offset, std::uint64_t length, std::filesystem::path path,
             ThreadPool& pool)
      : file_(std::move(file)), offset_(offset), left_(length), size_(length), path_(std::move(path)), pool_(pool) {}

  Task<std::string> read() override {
    if (left_ == 0) co_return std::string();
    co_return co_await blocking(pool_, [this] { return next_piece(); });
  }
  std::optional<std::uint64_t> size() const override { return size_; }

 private:
  Result<std::string> next_piece() {
    std::string piece(static_cast<std::size_t>(std::min<std::uint64_t>(left_, 256u << 10)), '\0');
    ssize_t got = 0;
    do {
      got = ::pread(file_.get(), piece.data(), piece.size(), static_cast<off_t>(offset_));
    } while (got < 0 && errno == EINTR);
    if (got < 0) return disk_error("read", path_, errno);
    if (got == 0) return Error(errors::kInternalFailure, "The stored bytes end too early.");
    piece.resize(static_cast<std::size_t>(got));
    offset_ += piece.size();
    left_ -= piece.size();
    return piece;
  }

  FileDescriptor file_;
  std::uint64_t offset_;
  std::uint64_t left_;
  std::uint64_t size_;
  std::filesystem::path path_;
  ThreadPool& pool_;
};

Result<FileDescriptor> open_for_reading(const std::string& id, const std::string& path) {
  if (!is_id(id)) return missing(id);
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.ok()) return errno == ENOENT ? missing(id) : disk_error("open", path, errno);
  return file;
}

Result<std::uint64_t> size_of(const FileDescriptor& file, const std::string& path) {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return disk_error("stat", path, errno);
  return static_cast<std::uint64_t>(status.st_size);
}

}  // namespace

Result<std::unique_ptr<BlobStore>> open_blob_files(const std::filesystem::path& directory, ThreadPool& pool) {
  std::error_code failed;
  std::filesystem::create_directories(directory / kTemporaries, failed);
  if (failed) {
    return Error(errors::kServiceUnavailable, fmt::format("The directory for objects, {}, cannot be made: {}",
                                                          directory.string(), failed.message()));
  }
  return std::unique_ptr<BlobStore>(std::make_unique<BlobFiles>(directory, pool));
}

BlobFiles::BlobFiles(std::filesystem::path root, ThreadPool& pool)
    : root_(std::move(root)), pool_(pool), process_(hex_encode(random_bytes(kProcessLength / 2))) {}

std::string BlobFiles::path(const std::string& id) const { return (root_ / blob_file(id)).string(); }

Task<std::unique_ptr<BlobStore::Writer>> BlobFiles::create(Onlooker onlooker) {
  const std::string id = hex_encode(random_bytes((kIdLength - kProcessLength) / 2)) + process_;
  co_return std::make_unique<BlobWriter>(root_, id, pool_, std::move(onlooker));
}

Task<std::unique_ptr<BodySource>> BlobFiles::open(std::string id, std::uint64_t offset, std::uint64_t length) {
  const std::string file_path = path(id);
  FileDescriptor file = co_await blocking(pool_, [&]() -> Result<FileDescriptor> {
    Result<FileDescriptor> opened = open_for_reading(id, file_path);
    if (!opened.ok()) return opened;
    const Result<std::uint64_t> whole = size_of(opened.value(), file_path);
    if (!whole.ok()) return whole.error();
    if (offset > whole.value() || length > whole.value() - offset) return missing(id);
    return opened;
  });
  co_return std::make_unique<BlobReader>(std::move(file), offset, length, file_path, pool_);
}

Task<std::uint64_t> BlobFiles::size(std::string id) {
  const std::string file_path = path(id);
  co_return co_await blocking(pool_, [&]() -> Result<std::uint64_t> {
    const Result<FileDescriptor> opened = open_for_reading(id, file_path);
    if (!opened.ok()) return opened.error();
    return size_of(opened.value(), file_path);
  });
}

Task<int> BlobFiles::open_fd(std::string id) {
  const std::string file_path = path(id);
  FileDescriptor file = co_await blocking(pool_, [&] { return open_for_reading(id, file_path); });
  co_return file.release();
}

Task<void> BlobFiles::erase(std::string id) {
  if (!is_id(id)) co_return;
  const std::string file_path = path(id);
  co_await blocking(pool_, [&]() -> Result<void> {
    if (::unlink(file_path.c_str()) != 0 && errno != ENOENT) return disk_error("remove", file_path, errno);
    return {};
  });
}

std::vector<std::filesystem::path> BlobFiles::folders() const {
  std::vector<std::filesystem::path> found;
  std::error_code failed;
  std::filesystem::recursive_directory_iterator at(root_, failed);
  for (; !failed && at != std::filesystem::recursive_directory_iterator(); at.increment(failed)) {
    if (at.depth() == 1) found.push_back(at->path());
    if (at.depth() == 1 || at->path().filename() == kTemporaries) at.disable_recursion_pending();
  }
  return found;
}

/// The blobs of a folder that are not of this process.
std::vector<std::string> BlobFiles::leftovers(const std::filesystem::path& folder) const {
  std::vector<std::string> ids;
  std::error_code failed;
  std::filesystem::directory_iterator at(folder, failed);
  for (; !failed && at != std::filesystem::directory_iterator(); at.increment(failed)) {
    std::string name = at->path().filename().string();
    if (is_id(name) && !is_ours(name)) ids.push_back(std::move(name));
  }
  return ids;
}

void BlobFiles::remove_temporaries() const {
  std::error_code failed;
  std::filesystem::directory_iterator at(root_ / kTemporaries, failed);
  for (; !failed && at != std::filesystem::directory_iterator(); at.increment(failed)) {
    std::error_code gone;
    if (!is_ours(at->path().filename().string())) std::filesystem::remove(at->path(), gone);
  }
}

Task<std::uint64_t> BlobFiles::sweep(std::function<Task<bool>(std::string id)> is_named, std::function<bool()> wanted) {
  const std::vector<std::filesystem::path> all = co_await blocking(pool_, [this] {
    remove_temporaries();
    return folders();
  });
  std::uint64_t removed = 0;
  std::size_t looks = 0;
  for (const std::filesystem::path& folder : all) {
    const std::vector<std::string> ids = co_await blocking(pool_, [&] { return leftovers(folder); });
    for (const std::string& id : ids) {
      if (++looks % kLooksAtOnce == 0) co_await sleep_for(kBreath);
      if (!wanted()) co_return removed;
      const bool named = co_await is_named(id);
      if (named) continue;
      co_await erase(id);
      ++removed;
    }
  }
  co_return removed;
}

}  // namespace cumulet::storage
