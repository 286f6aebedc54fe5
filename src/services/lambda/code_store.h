#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "base/task.h"
#include "base/thread_pool.h"
#include "storage/blob_store.h"

namespace cumulet::lambda {

/// A package that was taken in.
struct Package {
  std::string blob;            ///< Where the zip lies.
  std::string sha;             ///< SHA-256 of the zip, hexadecimal.
  std::string sha_base64;      ///< The same as CodeSha256 has it.
  std::uint64_t size = 0;      ///< Of the zip.
  std::uint64_t unpacked = 0;  ///< Of all files in it.
  /// Of a container image: what was asked for, and what it meant. Then `blob` is no blob's (see image_pulls.h).
  std::string image_uri;
  std::string resolved_image_uri;
};

/// The folder of an unpacked package, which stays as long as this does.
using PackageFolder = std::shared_ptr<const std::filesystem::path>;

/// Packages: the zips as blobs, and unpacked below a cache folder, by content. A folder appears by a rename when it is
/// whole, and goes when no function is made of it and nobody uses it any more. The folders of one run of the kernel are
/// kept apart from those of another, because after a loss of power a folder may be there without its contents.
/// Thread-safe.
class CodeStore {
 public:
  static constexpr std::uint64_t kUnpackedLimit = 262144000;

  CodeStore(std::filesystem::path cache, storage::BlobStore& blobs, ThreadPool& pool);

  /// Unpacks a zip (which checks it) and stores it. Fails with InvalidParameterValueException on one that is damaged,
  /// too large, or reaches outside itself. The blob is an orphan until metadata names it.
  Task<Package> add(std::string zip);
  /// The folder where a package lies unpacked; unpacks it when it is not there (any more).
  Task<PackageFolder> folder(std::string blob, std::string sha);
  /// A function that was made of this content is not any more: the folder goes as soon as nobody holds it. Should
  /// another function have the same content, it is unpacked again when that one needs it.
  void forget(const std::string& sha);
  /// The zip itself.
  Task<std::string> read(std::string blob);

 private:
  Result<std::uint64_t> unpack(const std::string& zip, const std::string& sha) const;

  class Folders;

  std::filesystem::path cache_;
  storage::BlobStore& blobs_;
  ThreadPool& pool_;
  std::shared_ptr<Folders> folders_;
};

}  // namespace cumulet::lambda
