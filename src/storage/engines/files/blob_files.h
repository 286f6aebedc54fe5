#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/thread_pool.h"
#include "storage/blob_store.h"

namespace cumulet::storage {

/// Each blob is one file, `<first hex digit>/<next two>/<id>`; blobs being written are in `tmp/`, on the same file
/// system.
class BlobFiles final : public BlobStore {
 public:
  BlobFiles(std::filesystem::path root, ThreadPool& pool, std::filesystem::file_time_type started);

  Task<std::unique_ptr<Writer>> create(Onlooker onlooker = nullptr) override;
  Task<std::unique_ptr<BodySource>> open(std::string id, std::uint64_t offset, std::uint64_t length) override;
  Task<std::uint64_t> size(std::string id) override;
  Task<int> open_fd(std::string id) override;
  Task<void> erase(std::string id) override;
  Task<std::uint64_t> sweep(std::function<Task<bool>(std::string id)> is_named) override;
  std::string path(const std::string& id) const override;

 private:
  std::vector<std::string> leftovers() const;
  void remove_temporaries() const;

  std::filesystem::path root_;
  ThreadPool& pool_;
  std::filesystem::file_time_type started_;
};

}  // namespace cumulet::storage
