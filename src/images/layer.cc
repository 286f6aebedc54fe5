#include "images/layer.h"

#include <memory>

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <locale.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "images/manifest.h"

namespace cumulet::images {
namespace {

constexpr std::string_view kWhiteout = ".wh.";
constexpr std::string_view kOpaque = ".wh..wh..opq";
constexpr std::uint64_t kCheckEvery = 64u << 20;

Error invalid_layer(const std::string& why) { return Error(kInvalidImage, "The image is not valid: " + why + "."); }

/// Names in tars are UTF-8, whatever the server's locale is.
class Utf8Names {
 public:
  Utf8Names() : locale_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {
    if (locale_ != nullptr) before_ = ::uselocale(locale_);
  }
  ~Utf8Names() {
    if (locale_ == nullptr) return;
    ::uselocale(before_);
    ::freelocale(locale_);
  }
  Utf8Names(const Utf8Names&) = delete;
  Utf8Names& operator=(const Utf8Names&) = delete;

 private:
  locale_t locale_;
  locale_t before_ = nullptr;
};

struct ArchiveFree {
  void operator()(archive* reader) const { archive_read_free(reader); }
};

/// One layer on its way from the stream into the tree.
class LayerWork {
 public:
  LayerWork(LayerStream& layer, Tree& tree, LayerBudget& budget) : layer_(layer), tree_(tree), budget_(budget) {}

  Result<void> run() {
    const Utf8Names names;
    reader_.reset(archive_read_new());
    if (!reader_ || archive_read_support_format_tar(reader_.get()) != ARCHIVE_OK)
      return Error(kImageFailure, "out of memory");
    // A layer without entries may be no byte at all.
    archive_read_support_format_empty(reader_.get());
    if (archive_read_open(reader_.get(), this, nullptr, &LayerWork::next_bytes, nullptr) != ARCHIVE_OK) return damage();
    tree_.begin_layer();
    archive_entry* entry = nullptr;
    int got = ARCHIVE_OK;
    while ((got = archive_read_next_header(reader_.get(), &entry)) == ARCHIVE_OK || got == ARCHIVE_WARN) {
      if (Result<void> done = take(entry); !done) return done;
    }
    if (got != ARCHIVE_EOF) return damage();
    return drain();
  }

 private:
  static la_ssize_t next_bytes(archive*, void* self, const void** bytes) {
    LayerWork& work = *static_cast<LayerWork*>(self);
    Result<std::string_view> piece = work.next_piece();
    if (!piece) {
      work.failure_ = std::move(piece).error();
      return -1;
    }
    *bytes = piece->data();
    return static_cast<la_ssize_t>(piece->size());
  }

  Result<std::string_view> next_piece() {
    Result<std::string_view> piece = layer_.read();
    if (!piece) return piece;
    if (piece->size() > budget_.bytes) return invalid_layer("it has more than 10 GB when it is unpacked");
    budget_.bytes -= piece->size();
    if (budget_.stop != nullptr && *budget_.stop) return Error(kImageFailure, "the server is stopping");
    if (std::chrono::steady_clock::now() > budget_.deadline) return Error(kImageFailure, "unpacking takes too long");
    if (layer_.produced() >= next_check_) {
      next_check_ = layer_.produced() + kCheckEvery;
      struct statvfs disk {};
      if (::fstatvfs(tree_.fd(), &disk) == 0 && disk.f_bavail * disk.f_frsize < budget_.free_bytes) {
        return Error(kImageFailure, "there is not enough room on the disk");
      }
    }
    return piece;
  }

  Error damage() {
    if (failure_) return std::move(*failure_);
    return invalid_layer("a layer is no tar");
  }

  /// The rest, for the digest: tars end with padding.
  Result<void> drain() {
    while (true) {
      Result<std::string_view> piece = next_piece();
      if (!piece) return std::move(piece).error();
      if (piece->empty()) return {};
    }
  }

  Result<void> take(archive_entry* entry) {
    if (budget_.entries-- == 0) {
      budget_.entries = 0;
      return invalid_layer("it has too many files");
    }
    const char* const name = archive_entry_pathname(entry);
    if (name == nullptr) return invalid_layer("a file in it has no name");
    Result<std::string> path = clean_path(name);
    if (!path) return std::move(path).error();
    const std::size_t slash = path->rfind('/');
    const std::string last = slash == std::string::npos ? *path : path->substr(slash + 1);
    if (last.starts_with(kWhiteout)) return take_whiteout(path->substr(0, path->size() - last.size()), last);
    if (const char* const target = archive_entry_hardlink(entry); target != nullptr) {
      Result<std::string> clean = clean_path(target);
      if (!clean) return std::move(clean).error();
      return tree_.make_hard_link(*path, *clean);
    }
    const auto mode = static_cast<unsigned>(archive_entry_perm(entry));
    switch (archive_entry_filetype(entry)) {
      case AE_IFDIR:
        return tree_.make_directory(*path, mode);
      case AE_IFLNK: {
        const char* const target = archive_entry_symlink(entry);
        return tree_.make_link(*path, target == nullptr ? "" : target);
      }
      case AE_IFREG:
        return take_file(entry, *path, mode);
      default:
        return invalid_layer("it has a device or a pipe, " + *path);
    }
  }

  Result<void> take_whiteout(std::string directory, const std::string& last) {
    if (directory.ends_with('/')) directory.pop_back();
    if (last == kOpaque) return tree_.remove_lower(directory);
    const std::string hidden = last.substr(kWhiteout.size());
    if (hidden.starts_with(kWhiteout)) return {};  // Another engine's notes.
    if (hidden.empty() || hidden == "." || hidden == "..") return invalid_layer("a path in it leads outside");
    return tree_.remove(directory.empty() ? hidden : directory + "/" + hidden);
  }

  Result<void> take_file(archive_entry* entry, const std::string& path, unsigned mode) {
    const la_int64_t size = archive_entry_size(entry);
    if (size < 0 || static_cast<std::uint64_t>(size) > kImageLimit) return invalid_layer("a file in it is too large");
    Result<File> file = tree_.make_file(path, mode);
    if (!file) return std::move(file).error();
    const void* bytes = nullptr;
    std::size_t length = 0;
    la_int64_t at = 0;
    int got = ARCHIVE_OK;
    while ((got = archive_read_data_block(reader_.get(), &bytes, &length, &at)) == ARCHIVE_OK || got == ARCHIVE_WARN) {
      if (at < 0 || at > size || length > static_cast<std::uint64_t>(size - at))
        return invalid_layer("a file in it is not right");
      const char* from = static_cast<const char*>(bytes);
      while (length > 0) {
        const ssize_t written = ::pwrite(file->get(), from, length, at);
        if (written <= 0) return Error(kImageFailure, "a file of the image could not be written");
        from += written;
        at += written;
        length -= static_cast<std::size_t>(written);
      }
    }
    if (got != ARCHIVE_EOF) return damage();
    // Holes at the end; interpreters compare the time with that of what they compiled.
    if (::ftruncate(file->get(), size) != 0) return Error(kImageFailure, "a file of the image could not be written");
    timespec times[2] = {};
    times[0].tv_nsec = UTIME_OMIT;
    times[1].tv_sec = archive_entry_mtime(entry);
    times[1].tv_nsec = archive_entry_mtime_nsec(entry);
    (void)::futimens(file->get(), times);
    return {};
  }

  LayerStream& layer_;
  Tree& tree_;
  LayerBudget& budget_;
  std::unique_ptr<archive, ArchiveFree> reader_;
  std::optional<Error> failure_;
  std::uint64_t next_check_ = 0;
};

}  // namespace

Result<void> apply_layer(LayerStream& layer, Tree& tree, LayerBudget& budget) {
  return LayerWork(layer, tree, budget).run();
}

}  // namespace cumulet::images
