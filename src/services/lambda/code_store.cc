#include "services/lambda/code_store.h"

#include <fstream>
#include <map>
#include <mutex>

#include "base/digest.h"
#include "base/ids.h"
#include "base/text.h"
#include "services/lambda/unzip.h"

namespace cumulet::lambda {
namespace {

namespace fs = std::filesystem;

/// What no function was loaded from for so long is unpacked again when it is needed.
constexpr std::chrono::hours kKeptUnused{24 * 7};
constexpr int kTries = 100;

/// Names this run of the kernel.
std::string boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return id.empty() ? "unknown" : id;
}

}  // namespace

/// Who uses which folder.
class CodeStore::Folders : public std::enable_shared_from_this<Folders> {
 public:
  Folders(fs::path cache, ThreadPool& pool) : cache_(std::move(cache)), pool_(pool) {}

  PackageFolder hold(const std::string& sha) {
    const std::lock_guard lock(mutex_);
    Use& use = used_[sha];
    use.forgotten = false;
    if (PackageFolder held = use.held.lock()) return held;
    const auto release = [self = shared_from_this(), sha](const fs::path* folder) {
      delete folder;
      self->released(sha);
    };
    PackageFolder held(new fs::path(cache_ / sha), release);
    use.held = held;
    return held;
  }

  void forget(const std::string& sha) {
    const std::lock_guard lock(mutex_);
    const auto use = used_.find(sha);
    if (use == used_.end()) return remove(sha);
    use->second.forgotten = true;
  }

 private:
  struct Use {
    std::weak_ptr<const fs::path> held;
    bool forgotten = false;
  };

  void released(const std::string& sha) {
    const std::lock_guard lock(mutex_);
    const auto use = used_.find(sha);
    if (use == used_.end() || !use->second.held.expired()) return;  // held again already
    const bool forgotten = use->second.forgotten;
    used_.erase(use);
    if (forgotten) remove(sha);
  }

  /// Under the lock: out of sight at once, off the disk when there is time.
  void remove(const std::string& sha) {
    const fs::path draft = cache_ / ("draft-" + random_id(16));
    std::error_code problem;
    fs::rename(cache_ / sha, draft, problem);
    if (problem) return;
    pool_.submit([draft] {
      std::error_code ignored;
      fs::remove_all(draft, ignored);
    });
  }

  const fs::path cache_;
  ThreadPool& pool_;
  std::mutex mutex_;
  std::map<std::string, Use> used_;
};

CodeStore::CodeStore(fs::path cache, storage::BlobStore& blobs, ThreadPool& pool)
    : cache_(std::move(cache)), blobs_(blobs), pool_(pool) {
  const std::string boot = boot_id();
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(cache_, ignored)) {
    // Folders of an earlier run of the kernel, and drafts of an earlier run of ours.
    if (entry.path().filename() != boot) fs::remove_all(entry.path(), ignored);
  }
  cache_ /= boot;
  fs::create_directories(cache_, ignored);
  for (const auto& entry : fs::directory_iterator(cache_, ignored)) {
    const bool draft = entry.path().filename().string().starts_with("draft-");
    const auto age = fs::file_time_type::clock::now() - entry.last_write_time(ignored);
    if (draft || (!ignored && age > kKeptUnused)) fs::remove_all(entry.path(), ignored);
  }
  folders_ = std::make_shared<Folders>(cache_, pool_);
}

Result<std::uint64_t> CodeStore::unpack(const std::string& zip, const std::string& sha) const {
  const fs::path draft = cache_ / ("draft-" + random_id(16));
  std::error_code problem;
  fs::create_directories(draft, problem);
  if (problem) return Error("ServiceException", 500, "The package could not be stored: " + problem.message());
  fs::permissions(draft, fs::perms(0755), problem);
  Result<std::uint64_t> unpacked = unzip(zip, draft);
  // Two at once may unpack the same package: the second finds the folder there, which is as good. Between its finding
  // it and its looking at it the folder may go, and come again.
  bool there = false;
  std::error_code ignored;
  for (int tries = 0; unpacked && !there && tries < kTries; ++tries) {
    fs::rename(draft, cache_ / sha, problem);
    there = !problem || fs::is_directory(cache_ / sha, ignored);
  }
  fs::remove_all(draft, ignored);
  if (unpacked && !there) {
    return Error("ServiceException", 500, "The package could not be stored: " + problem.message());
  }
  return unpacked;
}

Task<Package> CodeStore::add(std::string zip) {
  Package package;
  package.size = zip.size();
  const auto shared = std::make_shared<const std::string>(std::move(zip));
  const std::string digest = co_await blocking(pool_, [shared] { return sha256(*shared); });
  package.sha = hex_encode(digest);
  package.sha_base64 = base64_encode(digest);
  const std::string sha = package.sha;
  package.unpacked = co_await blocking(pool_, [this, shared, sha] { return unpack(*shared, sha); });
  const std::unique_ptr<storage::BlobStore::Writer> writer = co_await blobs_.create();
  constexpr std::size_t kPiece = 256 * 1024;
  for (std::size_t at = 0; at < shared->size(); at += kPiece) {
    std::string piece = shared->substr(at, kPiece);
    co_await writer->write(std::move(piece));
  }
  package.blob = co_await writer->finish();
  co_return package;
}

Task<std::string> CodeStore::read(std::string blob) {
  const std::uint64_t size = co_await blobs_.size(blob);
  const std::unique_ptr<BodySource> body = co_await blobs_.open(blob, 0, size);
  co_return co_await read_all(*body, size, Error(errors::kInternalFailure, "A package is longer than it says."));
}

void CodeStore::forget(const std::string& sha) { folders_->forget(sha); }

Task<PackageFolder> CodeStore::folder(std::string blob, std::string sha) {
  PackageFolder held = folders_->hold(sha);  // from here on it is not removed
  const fs::path& folder = *held;
  std::error_code ignored;
  if (fs::is_directory(folder, ignored)) {
    fs::last_write_time(folder, fs::file_time_type::clock::now(), ignored);
  } else {
    std::string zip = co_await read(blob);
    const auto shared = std::make_shared<const std::string>(std::move(zip));
    co_await blocking(pool_, [this, shared, sha] { return unpack(*shared, sha); });
  }
  co_return held;
}

}  // namespace cumulet::lambda
