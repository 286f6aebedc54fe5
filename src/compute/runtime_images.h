#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/loop.h"
#include "images/store.h"

/// Container images in which functions of a runtime run: what runtimes/<name>.json names as `root`.
namespace cumulet::compute {

struct RuntimeImage {
  std::string uri;  ///< With its digest.
  std::filesystem::path root;
  std::vector<std::pair<std::string, std::string>> environment;
  std::shared_ptr<const void> hold;  ///< Keeps the root from going.
};

/// An image as it is found by its name: or why it is not here.
struct FoundRuntimeImage {
  std::shared_ptr<const RuntimeImage> image;
  std::string problem;
};
using FindRuntimeImage = std::function<FoundRuntimeImage(const std::string& name)>;

/// Fetches the images that runtimes name, and keeps them. What a name means is asked at each start of the server, and
/// until there is an answer it is what it meant the last time: a file in the image store's folder says that. An image
/// that a name no longer means goes with the sweep at the next start. Nothing here waits: an image that is not there
/// yet is one that cannot be used yet. Thread-safe.
class RuntimeImages : public std::enable_shared_from_this<RuntimeImages> {
 public:
  /// `folder` is the store's.
  RuntimeImages(images::ImageStore& store, std::filesystem::path folder);

  /// These are wanted. Takes those that are here from an earlier run. Before `start`.
  void want(std::vector<std::string> names);
  /// Begins to fetch, on this loop; what fails is tried again, ever more seldom.
  void start(Loop& loop);
  /// Tries no more.
  void close() { closed_ = true; }

  FoundRuntimeImage find(const std::string& name) const;
  /// Somebody needs it: it is tried again now, if it is not there.
  void hurry(const std::string& name);
  /// Whether a runtime's root is this image.
  bool names(const std::string& digest) const;

 private:
  struct Wanted {
    std::string uri;  ///< With the digest that the name meant when it was last asked; may be empty.
    std::string digest;
    std::string problem = "it has not been fetched yet";
    std::shared_ptr<const RuntimeImage> image;
    bool under_way = false;
    bool settled = false;  ///< It has been asked what the name means, since the start.
    int failures = 0;
    SteadyTime ended{};  ///< The last try.
  };

  void begin(const std::string& name);
  void try_again(const std::string& name, int failures);
  static Task<void> fetch(std::shared_ptr<RuntimeImages> self, std::string name);
  Task<std::pair<images::HeldImage, std::string>> fetch_once(std::string name);
  void ended(const std::string& name, const Result<std::pair<images::HeldImage, std::string>>& result);
  void write_record() const;  ///< Under the lock.

  images::ImageStore& store_;
  const std::filesystem::path folder_;
  std::atomic<bool> closed_{false};
  Loop* loop_ = nullptr;
  mutable std::mutex mutex_;
  std::map<std::string, Wanted> wanted_;
};

/// What the server that has this folder of images last wrote down, for who is not it.
FindRuntimeImage recorded_runtime_images(const std::filesystem::path& folder);

/// Whether there is a program at this path in the image.
bool has_program(const RuntimeImage& image, const std::string& path);

}  // namespace cumulet::compute
