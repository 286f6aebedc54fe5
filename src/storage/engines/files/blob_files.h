#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "storage/blob_store.h"

namespace cumulet::storage {

/// Each blob is one file, `<first hex digit>/<next two>/<id>`; blobs being written are in `tmp/`, on the same file
/// system. An id is random; its last digits are those of the process that made it.
class BlobFiles final : public BlobStore {
 public:
  BlobFiles(std::filesystem::path root, ThreadPool& pool);

  Task<std::unique_ptr<Writer>> create(Onlooker onlooker = nullptr) override;
  Task<std::unique_ptr<BodySource>> open(std::string id, std::uint64_t offset, std::uint64_t length) override;
  Task<std::uint64_t> size(std::string id) override;
  Task<int> open_fd(std::string id) override;
  Task<void> erase(std::string id) override;
  Task<std::uint64_t> sweep(std::function<Task<bool>(std::string id)> is_named, std::function<bool()> wanted) override;
  std::string path(const std::string& id) const override;

 private:
  std::vector<std::filesystem::path> folders() const;
  std::vector<std::string> leftovers(const std::filesystem::path& folder) const;
  void remove_temporaries() const;
  bool is_ours(const std::string& id) const { return id.ends_with(process_); }

  const std::filesystem::path root_;
  ThreadPool& pool_;
  const std::string process_;
};

}  // namespace cumulet::storage
