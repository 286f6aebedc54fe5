#include "images/layout.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <simdjson.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/text.h"
#include "images/tree.h"

namespace cumulet::images {
namespace {

namespace fs = std::filesystem;
using simdjson::dom::array;
using simdjson::dom::element;

constexpr std::size_t kTarBlock = 256 * 1024;
constexpr std::size_t kMostFiles = 100'000;

Error not_right(const std::string& why) { return Error(kInvalidImage, "The image is not valid: " + why + "."); }
Error not_there() { return Error(kImageDeleted, "The image was not found."); }

std::string text_of(element object, const char* key) {
  std::string_view text;
  return object[key].get(text) == simdjson::SUCCESS ? std::string(text) : std::string();
}

/// "v1" names v1, and also what is called app:v1 or registry/app:v1.
bool is_named(const std::string& name, const std::string& tag) { return name == tag || name.ends_with(":" + tag); }

class FolderFiles final : public ImageFiles {
 public:
  explicit FolderFiles(File root) : root_(std::move(root)) {}

 private:
  Result<void> read(const std::string& name, const std::function<bool(std::string_view)>& take) override {
    const File file = open_inside(root_.get(), name, O_RDONLY | O_NONBLOCK);
    struct stat about {};
    if (!file || ::fstat(file.get(), &about) != 0 || !S_ISREG(about.st_mode)) return not_there();
    std::string piece(kTarBlock, '\0');
    ssize_t got = 0;
    while ((got = ::read(file.get(), piece.data(), piece.size())) > 0) {
      if (!take(std::string_view(piece.data(), static_cast<std::size_t>(got)))) break;
    }
    if (got < 0) return Error(kImageFailure, "The image could not be read.");
    return {};
  }

  Result<std::uint64_t> size_of(const std::string& name) override {
    const File file = open_inside(root_.get(), name, O_PATH);
    struct stat about {};
    if (!file || ::fstat(file.get(), &about) != 0) return not_there();
    return static_cast<std::uint64_t>(about.st_size);
  }

  File root_;
};

class TarFiles final : public ImageFiles {
 public:
  explicit TarFiles(File tar) : tar_(std::move(tar)) {}

 private:
  struct ArchiveFree {
    void operator()(archive* reader) const { archive_read_free(reader); }
  };

  /// Goes to a file of the tar; it is the reader's current entry then.
  Result<std::unique_ptr<archive, ArchiveFree>> seek(const std::string& name, std::uint64_t& size) {
    if (::lseek(tar_.get(), 0, SEEK_SET) != 0) return Error(kImageFailure, "The image could not be read.");
    std::unique_ptr<archive, ArchiveFree> reader(archive_read_new());
    archive_read_support_format_tar(reader.get());
    if (archive_read_open_fd(reader.get(), tar_.get(), kTarBlock) != ARCHIVE_OK) return not_right("it is no tar");
    archive_entry* entry = nullptr;
    for (std::size_t files = 0; files < kMostFiles; ++files) {
      const int got = archive_read_next_header(reader.get(), &entry);
      if (got == ARCHIVE_EOF) return not_there();
      if (got != ARCHIVE_OK && got != ARCHIVE_WARN) return not_right("it is no tar");
      const char* const path = archive_entry_pathname(entry);
      if (path == nullptr || archive_entry_filetype(entry) != AE_IFREG) continue;
      const Result<std::string> clean = clean_path(path);
      if (!clean || *clean != name) continue;
      size = static_cast<std::uint64_t>(archive_entry_size(entry));
      return reader;
    }
    return not_right("it has too many files");
  }

  Result<std::uint64_t> size_of(const std::string& name) override {
    std::uint64_t size = 0;
    Result<std::unique_ptr<archive, ArchiveFree>> reader = seek(name, size);
    if (!reader) return std::move(reader).error();
    return size;
  }

  Result<void> read(const std::string& name, const std::function<bool(std::string_view)>& take) override {
    std::uint64_t size = 0;
    Result<std::unique_ptr<archive, ArchiveFree>> reader = seek(name, size);
    if (!reader) return std::move(reader).error();
    std::string piece(kTarBlock, '\0');
    la_ssize_t got = 0;
    while ((got = archive_read_data(reader->get(), piece.data(), piece.size())) > 0) {
      if (!take(std::string_view(piece.data(), static_cast<std::size_t>(got)))) break;
    }
    if (got < 0) return not_right("its tar is damaged");
    return {};
  }

  File tar_;
};

}  // namespace

Result<std::unique_ptr<ImageFiles>> ImageFiles::open(const fs::path& path) {
  File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat about {};
  if (!file || ::fstat(file.get(), &about) != 0) return not_there();
  std::unique_ptr<ImageFiles> files;
  if (S_ISDIR(about.st_mode)) {
    files = std::make_unique<FolderFiles>(std::move(file));
  } else if (S_ISREG(about.st_mode)) {
    files = std::make_unique<TarFiles>(std::move(file));
  } else {
    return not_right("it is neither a folder nor a file");
  }
  return files;
}

Result<std::string> ImageFiles::read_small(const std::string& name) {
  std::string text;
  const auto take = [&text](std::string_view piece) {
    text.append(piece);
    return text.size() <= kConfigLimit;
  };
  if (Result<void> done = read(name, take); !done) return std::move(done).error();
  if (text.size() > kConfigLimit) return not_right("a document of it is too large");
  return text;
}

Result<std::string> ImageFiles::manifest(const std::string& target) {
  Result<std::string> index = read_small("index.json");
  if (index) return manifest_of_layout(*index, target);
  if (!index.error().is(kImageDeleted)) return index;
  Result<std::string> list = read_small("manifest.json");
  if (list) return manifest_of_archive(*list, target);
  if (!list.error().is(kImageDeleted)) return list;
  return not_right("it has neither an index.json nor a manifest.json");
}

Result<std::string> ImageFiles::manifest_of_layout(const std::string& index, const std::string& target) {
  std::string digest = target;
  if (!is_digest(target)) {
    simdjson::dom::parser parser;
    element root;
    array manifests;
    if (parser.parse(index).get(root) != simdjson::SUCCESS || root["manifests"].get(manifests) != simdjson::SUCCESS) {
      return not_right("its index.json is not one");
    }
    digest.clear();
    for (const element one : manifests) {
      element notes;
      std::string name;
      if (one["annotations"].get(notes) == simdjson::SUCCESS)
        name = text_of(notes, "org.opencontainers.image.ref.name");
      if (manifests.size() == 1 || is_named(name, target)) digest = text_of(one, "digest");
    }
    if (digest.empty()) return not_there();
    if (!is_digest(digest)) return not_right("its index.json has no SHA-256 digest");
  }
  return read_small("blobs/sha256/" + digest.substr(digest.find(':') + 1));
}

/// Docker's archives have no manifest: it is made of what they have.
Result<std::string> ImageFiles::manifest_of_archive(const std::string& list, const std::string& target) {
  simdjson::dom::parser parser;
  array images;
  if (parser.parse(list).get(images) != simdjson::SUCCESS) return not_right("its manifest.json is not one");
  for (const element image : images) {
    bool named = images.size() == 1;
    array tags;
    if (!named && image["RepoTags"].get(tags) == simdjson::SUCCESS) {
      for (const element tag : tags) {
        std::string_view text;
        named = named || (tag.get(text) == simdjson::SUCCESS && is_named(std::string(text), target));
      }
    }
    if (!named) continue;
    const Result<std::string> config_name = clean_path(text_of(image, "Config"));
    if (!config_name) return not_right("its manifest.json is not one");
    const Result<std::string> config = read_small(*config_name);
    if (!config) return not_right("its configuration is missing");
    const Result<ImageConfig> parsed = parse_config(*config);
    if (!parsed) return parsed.error();
    array layers;
    if (image["Layers"].get(layers) != simdjson::SUCCESS || layers.size() != parsed->diff_ids.size()) {
      return not_right("its layers are not all named");
    }
    const std::string config_digest = "sha256:" + hex_encode(sha256(*config));
    names_[config_digest] = *config_name;
    std::string json =
        R"({"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":")" +
        config_digest + R"(","size":)" + std::to_string(config->size()) + R"(},"layers":[)";
    std::size_t at = 0;
    for (const element layer : layers) {
      std::string_view name;
      if (layer.get(name) != simdjson::SUCCESS) return not_right("its manifest.json is not one");
      const Result<std::string> clean = clean_path(name);
      if (!clean) return clean.error();
      const Result<std::uint64_t> size = size_of(*clean);
      if (!size) return not_right("a layer of it is missing");
      const std::string& digest = parsed->diff_ids[at];
      names_[digest] = *clean;
      json += std::string(at == 0 ? "" : ",") + R"({"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":")" +
              digest + R"(","size":)" + std::to_string(*size) + "}";
      ++at;
    }
    return json + "]}";
  }
  return not_there();
}

Result<void> ImageFiles::copy(const Descriptor& part, const fs::path& path) {
  if (!is_digest(part.digest)) return not_right("a part has no SHA-256 digest");
  const auto known = names_.find(part.digest);
  const std::string name =
      known != names_.end() ? known->second : "blobs/sha256/" + part.digest.substr(part.digest.find(':') + 1);
  const File file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file) return Error(kImageFailure, "A part of the image could not be written.");
  Digest digest(DigestKind::kSha256);
  std::uint64_t left = part.size;
  bool written = true;
  const auto take = [&](std::string_view piece) {
    if (piece.size() > left) {
      left = part.size + 1;
      return false;
    }
    left -= piece.size();
    digest.update(piece);
    written = written && ::write(file.get(), piece.data(), piece.size()) == static_cast<ssize_t>(piece.size());
    return written;
  };
  if (Result<void> done = read(name, take); !done) return done;
  if (!written) return Error(kImageFailure, "A part of the image could not be written.");
  if (left != 0 || "sha256:" + hex_encode(digest.finish()) != part.digest) {
    return not_right("a part of it is not what its manifest says");
  }
  return {};
}

fs::path image_place(const fs::path& folder, const std::string& repository, const std::string& tag) {
  std::string name;
  for (const char c : repository) name += c == '/' ? '+' : c;  // No repository has a plus sign.
  return folder / (name + ":" + tag);
}

Result<FolderSource::Found> FolderSource::find(const Reference& reference, const std::string& target) const {
  std::vector<fs::path> places;
  if (!reference.tag.empty()) places.push_back(image_place(folder_, reference.repository, reference.tag));
  std::error_code problem;
  const std::string prefix = image_place("", reference.repository, "").string();
  for (fs::directory_iterator at(folder_, problem), end; !problem && at != end; at.increment(problem)) {
    if (!is_digest(target) || !at->path().filename().string().starts_with(prefix)) continue;
    places.push_back(at->path());
  }
  for (const fs::path& place : places) {
    Result<std::unique_ptr<ImageFiles>> files = ImageFiles::open(place);
    if (!files) continue;
    Result<std::string> manifest = (*files)->manifest(target);
    if (!manifest && places.size() == 1) return std::move(manifest).error();
    if (!manifest || (is_digest(target) && "sha256:" + hex_encode(sha256(*manifest)) != target)) continue;
    Found found;
    found.files = std::move(*files);
    found.manifest = std::move(*manifest);
    return found;
  }
  return not_there();
}

Task<std::string> FolderSource::manifest(Asker, Reference reference, std::string target, SteadyTime) {
  const auto work = [this, reference, target]() -> Result<std::string> {
    Result<Found> found = find(reference, target);
    if (!found) return std::move(found).error();
    return std::move(found->manifest);
  };
  co_return co_await blocking(pool_, work);
}

Task<void> FolderSource::fetch(Asker, Reference reference, Descriptor part, fs::path file, SteadyTime) {
  const auto work = [this, reference, part, file]() -> Result<void> {
    Result<Found> found = find(reference, reference.target());
    if (!found) return std::move(found).error();
    return found->files->copy(part, file);
  };
  co_await blocking(pool_, work);
}

}  // namespace cumulet::images
