#include "images/store.h"

#include <algorithm>
#include <fstream>

#include <fcntl.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/text.h"
#include "images/layer.h"

namespace cumulet::images {
namespace {

namespace fs = std::filesystem;

std::string platform_of(const std::string& architecture) { return architecture == "arm64" ? "arm64" : "amd64"; }
std::string name_of(const std::string& digest) { return digest.substr(digest.find(':') + 1); }
std::string digest_of(std::string_view bytes) { return "sha256:" + hex_encode(sha256(bytes)); }

Error disk_error(const std::string& what) { return Error(kImageFailure, what); }

/// Removes directories whatever their modes are.
void remove_tree(const fs::path& path) {
  std::error_code ignored;
  fs::remove_all(path, ignored);
}

Result<void> write_durably(const fs::path& path, const std::string& text) {
  const File file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  const bool written = file && ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (!written || ::fsync(file.get()) != 0) return disk_error("The image's configuration could not be written.");
  return {};
}

Result<void> sync_folder(const fs::path& path) {
  const File folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder || ::fsync(folder.get()) != 0) return disk_error("The image could not be written to the disk.");
  return {};
}

std::string read_text(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

/// A draft that goes when it was not made an image.
class Draft {
 public:
  explicit Draft(fs::path path) : path_(std::move(path)) {}
  Draft(Draft&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  ~Draft() {
    if (!path_.empty()) remove_tree(path_);
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

}  // namespace

/// Who holds which image. Outlives the store: holders may.
struct ImageStore::Held {
  struct Use {
    std::weak_ptr<const ImageRoot> root;
    bool forgotten = false;
  };
  std::mutex mutex;
  std::map<std::string, Use> uses;
  std::function<void(const std::string&)> remove;  ///< Under the lock.
};

ImageStore::ImageStore(ImageStoreOptions options)
    : options_(std::move(options)),
      trees_(options_.folder / "trees"),
      drafts_(options_.folder / "drafts"),
      held_(std::make_shared<Held>()) {
  held_->remove = [this](const std::string& digest) { remove(digest); };
}

ImageStore::~ImageStore() {
  closing_ = true;
  const std::lock_guard lock(held_->mutex);
  held_->remove = nullptr;
}

Result<std::unique_ptr<ImageStore>> ImageStore::make(ImageStoreOptions options) {
  std::unique_ptr<ImageStore> store(new ImageStore(std::move(options)));
  std::error_code problem;
  remove_tree(store->drafts_);
  for (const fs::path& folder : {store->options_.folder, store->trees_, store->drafts_}) {
    fs::create_directories(folder, problem);
    if (!problem) fs::permissions(folder, fs::perms(0711), problem);
    if (problem) return disk_error("making " + folder.string() + ": " + problem.message());
  }
  return store;
}

ImageSource& ImageStore::source_of(const Reference& reference) const {
  for (ImageSource* source : options_.sources)
    if (source->serves(reference)) return *source;
  return *options_.sources.back();
}

Task<ResolvedImage> ImageStore::resolve(Asker asker, Reference reference, std::string architecture) {
  const SteadyTime deadline = std::chrono::steady_clock::now() + options_.find_limit;
  ImageSource& source = source_of(reference);
  const auto wrong = [](const char* why) {
    return Error(kInvalidImage, std::string("The image is not valid: ") + why + ".");
  };
  ResolvedImage image;
  image.reference = reference;
  std::string json = co_await source.manifest(asker, reference, reference.target(), deadline);
  image.digest = digest_of(json);
  if (!reference.digest.empty() && image.digest != reference.digest) co_await fail(wrong("its digest is another one"));
  image.uri = reference.with_digest(image.digest);
  image.manifest = co_await parse_manifest(json);
  const std::string platform = platform_of(architecture);
  if (image.manifest.is_index) {
    const std::vector<Descriptor>& all = image.manifest.images;
    const auto found = std::find_if(all.begin(), all.end(), [&platform](const Descriptor& one) {
      return one.architecture == platform && one.os == "linux";
    });
    if (found == all.end()) co_await fail(wrong("it has none for the function's architecture"));
    const std::string digest = found->digest;
    json = co_await source.manifest(asker, reference, digest, deadline);
    if (digest_of(json) != digest) co_await fail(wrong("a digest in it is another one"));
    image.digest = digest;
    image.manifest = co_await parse_manifest(json);
    if (image.manifest.is_index) co_await fail(wrong("its index names an index"));
  }
  if (image.manifest.config.size > kConfigLimit) co_await fail(wrong("its configuration is too large"));
  const fs::path file = drafts_ / ("config-" + random_id(16));
  const Draft temporary(file);
  co_await source.fetch(asker, reference, image.manifest.config, file, deadline);
  image.config_json = read_text(file);
  image.config = co_await parse_config(image.config_json);
  if (image.config.architecture != platform) co_await fail(wrong("it is for another architecture than the function"));
  if (image.config.diff_ids.size() != image.manifest.layers.size())
    co_await fail(wrong("its layers are not all named"));
  for (const Descriptor& layer : image.manifest.layers) image.size += layer.size;
  co_return image;
}

bool ImageStore::is_there(const std::string& digest) const {
  std::error_code unknown;
  return fs::is_directory(trees_ / name_of(digest), unknown);
}

/// Under no lock. The root's folder is not removed from here on.
HeldImage ImageStore::hold(const std::string& digest) {
  const std::lock_guard lock(held_->mutex);
  Held::Use& use = held_->uses[digest];
  use.forgotten = false;
  if (HeldImage known = use.root.lock()) return known;
  const fs::path folder = trees_ / name_of(digest);
  Result<ImageConfig> config = parse_config(read_text(folder / "config.json"));
  if (!config) {
    held_->uses.erase(digest);
    return nullptr;
  }
  auto root = std::make_unique<ImageRoot>();
  root->digest = digest;
  root->path = folder / "root";
  root->config = std::move(*config);
  const auto release = [held = held_, digest](const ImageRoot* gone) {
    delete gone;
    const std::lock_guard again(held->mutex);
    const auto entry = held->uses.find(digest);
    if (entry == held->uses.end() || !entry->second.root.expired()) return;  // held again already
    const bool forgotten = entry->second.forgotten;
    held->uses.erase(entry);
    if (forgotten && held->remove) held->remove(digest);
  };
  HeldImage made(root.release(), release);
  use.root = made;
  return made;
}

HeldImage ImageStore::find(const std::string& digest) { return is_there(digest) ? hold(digest) : nullptr; }

void ImageStore::forget(const std::string& digest) {
  const std::lock_guard lock(held_->mutex);
  const auto use = held_->uses.find(digest);
  if (use == held_->uses.end()) return remove(digest);
  use->second.forgotten = true;
}

/// Out of sight at once, off the disk when there is time.
void ImageStore::remove(const std::string& digest) {
  const fs::path gone = drafts_ / ("gone-" + random_id(16));
  std::error_code problem;
  fs::rename(trees_ / name_of(digest), gone, problem);
  if (!problem) pool_.submit([gone] { remove_tree(gone); });
}

Task<HeldImage> ImageStore::fetch(Asker asker, ResolvedImage image) {
  const std::string digest = image.digest;
  if (HeldImage there = find(digest)) co_return there;
  Deferred<HeldImage> other;
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    const auto [entry, made] = waiting_.try_emplace(digest);
    first = made;
    if (!first) entry->second.push_back(other);
  }
  if (!first) co_return co_await other.wait();  // The one who fetches has a deadline.
  Result<HeldImage> done = co_await attempt(fetch_now(asker, std::move(image)));
  std::vector<Deferred<HeldImage>> others;
  {
    const std::lock_guard lock(mutex_);
    others = std::move(waiting_[digest]);
    waiting_.erase(digest);
  }
  for (const Deferred<HeldImage>& one : others) {
    if (done) {
      one.resolve(*done);
    } else {
      one.resolve(Error(done.error()));
    }
  }
  co_return done;
}

Task<HeldImage> ImageStore::fetch_now(Asker asker, ResolvedImage image) {
  if (HeldImage there = find(image.digest)) co_return there;
  const SteadyTime deadline = std::chrono::steady_clock::now() + options_.fetch_limit;
  const Draft draft(drafts_ / ("image-" + random_id(16)));
  std::error_code problem;
  fs::create_directory(draft.path(), problem);
  if (!problem) fs::permissions(draft.path(), fs::perms(0711), problem);
  if (problem) co_await fail(disk_error("The image could not be stored: " + problem.message()));
  ImageSource& source = source_of(image.reference);
  std::vector<fs::path> files;
  for (const Descriptor& layer : image.manifest.layers) {
    fs::path file = draft.path() / ("layer-" + std::to_string(files.size()));
    co_await source.fetch(asker, image.reference, layer, file, deadline);
    files.push_back(std::move(file));
  }
  const auto shared = std::make_shared<const ResolvedImage>(std::move(image));
  const fs::path folder = draft.path();
  const auto work = [this, shared, files, folder, deadline] { return unpack(*shared, files, folder, deadline); };
  co_await blocking(pool_, work);
  HeldImage held = hold(shared->digest);
  if (!held) co_await fail(disk_error("The image could not be stored."));
  co_return held;
}

Result<void> ImageStore::unpack(const ResolvedImage& image, const std::vector<fs::path>& layers, const fs::path& draft,
                                SteadyTime deadline) const {
  const fs::path root = draft / "root";
  std::error_code problem;
  fs::create_directory(root, problem);
  Result<Tree> tree = Tree::open(root);
  if (!tree) return std::move(tree).error();
  LayerBudget budget;
  budget.deadline = deadline;
  budget.stop = &closing_;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const File file(::open(layers[i].c_str(), O_RDONLY | O_CLOEXEC));
    Result<std::unique_ptr<LayerStream>> stream = LayerStream::open(file.get());
    if (!stream) return std::move(stream).error();
    if (Result<void> done = apply_layer(**stream, *tree, budget); !done) return done;
    if ((*stream)->digest() != image.config.diff_ids[i]) {
      return Error(kInvalidImage, "The image is not valid: a layer is not what its configuration says.");
    }
    fs::remove(layers[i], problem);
  }
  if (Result<void> done = tree->make_mount_points(); !done) return done;
  if (Result<void> done = write_durably(draft / "config.json", image.config_json); !done) return done;
  if (Result<void> done = tree->sync(); !done) return done;
  const fs::path place = trees_ / name_of(image.digest);
  fs::rename(draft, place, problem);
  if (problem) return disk_error("The image could not be stored: " + problem.message());
  return sync_folder(trees_);
}

Task<void> ImageStore::sweep(std::function<Task<bool>(std::string digest)> is_named) {
  std::vector<std::string> digests;
  std::error_code problem;
  for (const auto& entry : fs::directory_iterator(trees_, problem)) {
    digests.push_back("sha256:" + entry.path().filename().string());
  }
  for (const std::string& digest : digests) {
    const bool named = co_await is_named(digest);
    if (!named) forget(digest);
  }
}

}  // namespace cumulet::images
