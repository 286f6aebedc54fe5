#include "compute/image_launch.h"

#include <algorithm>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>

#include "base/text.h"
#include "images/tree.h"

namespace cumulet::compute {
namespace {

namespace fs = std::filesystem;

enum class Found { kNothing, kNoProgram, kProgram };

Found look_for(const images::File& root, const std::string& path) {
  const images::File file = images::open_inside(root.get(), path, O_PATH);
  struct stat about {};
  if (!file || ::fstat(file.get(), &about) != 0) return Found::kNothing;
  return S_ISREG(about.st_mode) && (about.st_mode & 0111) != 0 ? Found::kProgram : Found::kNoProgram;
}

Error invalid_entrypoint(std::string why) { return Error("Runtime.InvalidEntrypoint", 200, std::move(why)); }

}  // namespace

std::string image_working_directory(const FunctionImage& image) {
  if (image.working_directory.starts_with('/')) return image.working_directory;
  return "/" + image.working_directory;
}

Result<std::vector<std::string>> image_command(const FunctionImage& image, const std::string& search_path) {
  const images::File root(::open(image.root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) return Error("Sandbox.Failure", 500, "the image's root is not there");
  const std::string directory = image_working_directory(image);
  if (!images::open_inside(root.get(), directory, O_PATH | O_DIRECTORY)) {
    return Error("Runtime.InvalidWorkingDir", 200, "chdir " + directory + ": no such file or directory");
  }
  std::vector<std::string> words = image.entrypoint;
  words.insert(words.end(), image.command.begin(), image.command.end());
  if (words.empty() || words.front().empty())
    return invalid_entrypoint("the image has neither an entrypoint nor a command");
  std::string& program = words.front();
  if (program.find('/') != std::string::npos) {
    const std::string path = program.starts_with('/') ? program : (fs::path(directory) / program).string();
    const Found found = look_for(root, path);
    if (found == Found::kNothing) return invalid_entrypoint("fork/exec " + program + ": no such file or directory");
    if (found == Found::kNoProgram) return invalid_entrypoint("fork/exec " + program + ": permission denied");
    program = path;
    return words;
  }
  for (const std::string_view folder : split(search_path, ':')) {
    const fs::path where = folder.starts_with('/') ? fs::path(folder) : fs::path(directory) / folder;
    const std::string path = (where / program).string();
    if (look_for(root, path) != Found::kProgram) continue;
    program = path;
    return words;
  }
  return invalid_entrypoint("exec: \"" + program + "\": executable file not found in $PATH");
}

std::vector<std::string> image_extensions(const FunctionImage& image) {
  std::vector<std::string> names;
  const images::File root(::open(image.root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  const images::File folder = images::open_inside(root.get(), "opt/extensions", O_RDONLY | O_DIRECTORY);
  if (!folder) return names;
  std::error_code problem;
  const fs::path open_folder = "/proc/self/fd/" + std::to_string(folder.get());
  for (fs::directory_iterator at(open_folder, problem), end; !problem && at != end; at.increment(problem)) {
    std::error_code unknown;
    if (at->symlink_status(unknown).type() == fs::file_type::directory) continue;
    names.push_back(at->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace cumulet::compute
