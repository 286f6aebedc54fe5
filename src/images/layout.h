#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/thread_pool.h"
#include "images/source.h"

namespace cumulet::images {

/// An image in files: an OCI image layout (a folder, or a tar of one), or what `docker save` writes. Blocks.
class ImageFiles {
 public:
  /// Fails with ImageDeleted when there is nothing, and with InvalidImage when it is neither.
  static Result<std::unique_ptr<ImageFiles>> open(const std::filesystem::path& path);
  virtual ~ImageFiles() = default;

  /// The manifest or index of a tag or digest. What has one image only has it under every tag.
  Result<std::string> manifest(const std::string& target);
  /// Writes a part into a new file, checked.
  Result<void> copy(const Descriptor& part, const std::filesystem::path& file);

 protected:
  /// A file by its name, at most so many bytes, handed on piece by piece. ImageDeleted when it is not there.
  virtual Result<void> read(const std::string& name, const std::function<bool(std::string_view)>& take) = 0;
  virtual Result<std::uint64_t> size_of(const std::string& name) = 0;
  Result<std::string> read_small(const std::string& name);

 private:
  Result<std::string> manifest_of_layout(const std::string& index, const std::string& target);
  Result<std::string> manifest_of_archive(const std::string& list, const std::string& target);

  /// Names of the parts by digest, where they are not blobs/sha256/….
  std::map<std::string, std::string> names_;
};

/// Images in a folder of the server's, a file or layout each: localhost/NAME:TAG (see image_place).
class FolderSource final : public ImageSource {
 public:
  FolderSource(std::filesystem::path folder, ThreadPool& pool) : folder_(std::move(folder)), pool_(pool) {}

  bool serves(const Reference& reference) const override { return reference.registry == "localhost"; }
  Task<std::string> manifest(Asker asker, Reference reference, std::string target, SteadyTime deadline) override;
  Task<void> fetch(Asker asker, Reference reference, Descriptor part, std::filesystem::path file,
                   SteadyTime deadline) override;

 private:
  struct Found {
    std::unique_ptr<ImageFiles> files;
    std::string manifest;
  };
  Result<Found> find(const Reference& reference, const std::string& target) const;

  const std::filesystem::path folder_;
  ThreadPool& pool_;
};

/// Where localhost/REPOSITORY:TAG lies in such a folder.
std::filesystem::path image_place(const std::filesystem::path& folder, const std::string& repository,
                                  const std::string& tag);

}  // namespace cumulet::images
