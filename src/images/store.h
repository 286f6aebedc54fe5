#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/deferred.h"
#include "base/thread_pool.h"
#include "images/source.h"

namespace cumulet::images {

/// An image that was found, and is known by its content from now on.
struct ResolvedImage {
  Reference reference;
  std::string uri;     ///< With the digest of what the name meant.
  std::string digest;  ///< Of the manifest for the wanted platform.
  Manifest manifest;
  ImageConfig config;
  std::string config_json;
  std::uint64_t size = 0;  ///< Packed.
};

/// An image's root directory and its configuration, which stay as long as this does.
struct ImageRoot {
  std::string digest;
  std::filesystem::path path;
  ImageConfig config;
};
using HeldImage = std::shared_ptr<const ImageRoot>;

struct ImageStoreOptions {
  std::filesystem::path folder;
  std::vector<ImageSource*> sources;      ///< The first that serves a reference counts. They outlive the store.
  std::chrono::seconds find_limit{20};    ///< For a manifest and a configuration.
  std::chrono::seconds fetch_limit{600};  ///< For an image's layers.
};

/// Images unpacked, each once, by the digest of its manifest. A folder appears by a rename when it is whole and on the
/// disk. Thread-safe.
class ImageStore {
 public:
  /// Clears what an earlier run left half done. Fails when the folder cannot be made.
  static Result<std::unique_ptr<ImageStore>> make(ImageStoreOptions options);
  ~ImageStore();

  /// What a name means now, for an architecture as Lambda calls it (x86_64, arm64).
  Task<ResolvedImage> resolve(Asker asker, Reference reference, std::string architecture);
  /// Its root directory: fetched and unpacked when it is not there; one fetch at a time for each image.
  Task<HeldImage> fetch(Asker asker, ResolvedImage image);
  /// Null when it is not there.
  HeldImage find(const std::string& digest);
  bool is_there(const std::string& digest) const;
  /// Nothing is made of it any more: it goes as soon as nobody holds it, unless somebody asks for it before.
  void forget(const std::string& digest);
  /// Removes every image that `is_named` does not know. At start.
  Task<void> sweep(std::function<Task<bool>(std::string digest)> is_named);

 private:
  struct Held;

  explicit ImageStore(ImageStoreOptions options);
  Task<HeldImage> fetch_now(Asker asker, ResolvedImage image);
  Result<void> unpack(const ResolvedImage& image, const std::vector<std::filesystem::path>& layers,
                      const std::filesystem::path& draft, SteadyTime deadline) const;
  HeldImage hold(const std::string& digest);
  void remove(const std::string& digest);
  ImageSource& source_of(const Reference& reference) const;

  const ImageStoreOptions options_;
  const std::filesystem::path trees_;
  const std::filesystem::path drafts_;
  mutable std::mutex mutex_;
  std::shared_ptr<Held> held_;
  std::map<std::string, std::vector<Deferred<HeldImage>>> waiting_;  ///< By digest, while it is fetched.
  std::atomic<bool> closing_{false};
  ThreadPool pool_{2};
};

}  // namespace cumulet::images
