#include <cstdio>
#include <filesystem>

#include <fcntl.h>
#include <unistd.h>

#include "base/ids.h"
#include "cli/command.h"
#include "cli/session.h"
#include "images/layout.h"

namespace cumulet::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kImageUsage = R"help(Usage: cumulet image import FILE_OR_DIR --name NAME[:TAG] [options]
       cumulet image list [options]
       cumulet image remove NAME[:TAG] [options]

Takes a container image for functions, without a registry: what `docker save` or
`podman save` writes, or an OCI image layout (a folder, or a tar of one). A function
then has it as its ImageUri: localhost/NAME:TAG.

  --name NAME[:TAG]   default tag: latest. Of several images in a file, the tag chooses.
  --data-dir DIR      the data directory of the server on this machine (default
                      $CUMULET_DATA_DIR, or ~/.local/share/cumulet)
)help";

struct ImageName {
  std::string repository;
  std::string tag;
};

Result<ImageName> parse_name(const std::string& text) {
  const std::optional<images::Reference> reference = images::parse_reference("localhost/" + text);
  if (!reference || !reference->digest.empty()) return usage_error("'" + text + "' is no name of an image.");
  ImageName name;
  name.repository = reference->repository;
  name.tag = reference->tag;
  return name;
}

Error import_failed(const std::string& what, const std::error_code& why) {
  return Error("CannotImport", 500, "cannot " + what + ": " + why.message());
}

/// On the disk before it is seen.
Result<void> sync_all(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool synced = fd >= 0 && ::syncfs(fd) == 0;
  if (fd >= 0) ::close(fd);
  if (!synced) return import_failed("write " + path.string(), std::error_code(errno, std::generic_category()));
  return {};
}

Result<void> import_image(const fs::path& source, const ImageName& name, const fs::path& folder) {
  Result<std::unique_ptr<images::ImageFiles>> files = images::ImageFiles::open(source);
  if (!files) return std::move(files).error();
  Result<std::string> json = (*files)->manifest(name.tag);
  if (!json) return std::move(json).error();
  if (Result<images::Manifest> manifest = images::parse_manifest(*json); !manifest) return std::move(manifest).error();
  std::error_code problem;
  fs::create_directories(folder, problem);
  const fs::path place = images::image_place(folder, name.repository, name.tag);
  const fs::path draft = folder / ("." + random_id(16));
  if (!problem) fs::copy(source, draft, fs::copy_options::recursive | fs::copy_options::copy_symlinks, problem);
  Result<void> done;
  if (problem) done = import_failed("copy " + source.string(), problem);
  if (done.ok()) done = sync_all(draft);
  if (done.ok()) {
    fs::remove_all(place, problem);
    fs::rename(draft, place, problem);
    if (problem) done = import_failed("make " + place.string(), problem);
  }
  fs::remove_all(draft, problem);
  return done;
}

void list_images(const fs::path& folder) {
  std::error_code problem;
  for (fs::directory_iterator at(folder, problem), end; !problem && at != end; at.increment(problem)) {
    std::string name = at->path().filename().string();
    if (name.starts_with('.')) continue;
    for (char& c : name) c = c == '+' ? '/' : c;
    std::printf("localhost/%s\n", name.c_str());
  }
}

}  // namespace

int image(const std::vector<std::string>& words) {
  const Result<Arguments> arguments = Arguments::parse(words, {"name", "data-dir"}, {});
  if (!arguments.ok()) return report("image", arguments.error());
  if (arguments->has("help")) {
    std::fputs(kImageUsage, stdout);
    return 0;
  }
  const fs::path folder = fs::path(data_dir_of(*arguments)) / "images" / "files";
  const std::vector<std::string>& rest = arguments->positional();
  const std::string verb = rest.empty() ? std::string() : rest[0];
  if (verb == "list" && rest.size() == 1) {
    list_images(folder);
    return 0;
  }
  const bool known = (verb == "import" && arguments->has("name")) || verb == "remove";
  if (!known || rest.size() != 2)
    return report("image", usage_error("say import FILE --name NAME, list or remove NAME."));
  const Result<ImageName> name = parse_name(verb == "import" ? arguments->get("name", "") : rest[1]);
  if (!name.ok()) return report("image", name.error());
  if (verb == "remove") {
    std::error_code problem;
    if (fs::remove_all(images::image_place(folder, name->repository, name->tag), problem) > 0 && !problem) return 0;
    return report("image", Error("NotFound", 404, "there is no image localhost/" + name->repository + ":" + name->tag));
  }
  const Result<void> done = import_image(rest[1], *name, folder);
  if (!done.ok()) return report("image", done.error());
  std::printf("localhost/%s:%s\n", name->repository.c_str(), name->tag.c_str());
  return 0;
}

}  // namespace cumulet::cli
