#include "cli/package.h"

#include <algorithm>
#include <fstream>
#include <memory>
#include <vector>

#include <zip.h>

#include "cli/command.h"

namespace cumulet::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kLimit = 250u << 20;
constexpr time_t kTime = 315619200;  // 1980-01-02: the format's first days.

struct Entry {
  std::string name;  ///< Inside the archive.
  fs::path file;
  bool executable = false;
};

bool inside(const fs::path& file, const fs::path& folder) {
  std::error_code failed;
  const fs::path real = fs::canonical(file, failed);
  if (failed) return false;
  const fs::path relative = real.lexically_relative(folder);
  return !relative.empty() && *relative.begin() != "..";
}

bool left_out(const fs::path& name) { return name == ".git" || name == "__pycache__" || name == ".DS_Store"; }

Result<std::vector<Entry>> entries_of(const fs::path& path) {
  std::vector<Entry> entries;
  std::error_code failed;
  const auto add = [&entries](std::string name, const fs::path& file) {
    const fs::perms mode = fs::status(file).permissions();
    entries.push_back(Entry{std::move(name), file, (mode & fs::perms::owner_exec) != fs::perms::none});
  };
  if (fs::is_regular_file(path, failed)) {
    add(path.filename().string(), path);
    return entries;
  }
  const fs::path root = fs::canonical(path, failed);
  if (failed || !fs::is_directory(root)) return Error("NoCode", 400, "there is no file or folder " + path.string());
  fs::recursive_directory_iterator at(root, fs::directory_options::none, failed);
  std::uintmax_t total = 0;
  for (; !failed && at != fs::recursive_directory_iterator(); at.increment(failed)) {
    if (left_out(at->path().filename())) {
      if (at->is_directory()) at.disable_recursion_pending();
      continue;
    }
    if (!at->is_regular_file() || (at->is_symlink() && !inside(at->path(), root))) continue;
    total += at->file_size();
    if (total > kLimit) return Error("TooLarge", 400, path.string() + " is larger than 250 MiB");
    add(at->path().lexically_relative(root).generic_string(), at->path());
  }
  if (failed) return Error("CannotRead", 500, "cannot read " + path.string() + ": " + failed.message());
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.name < b.name; });
  return entries;
}

Result<void> add_entry(zip_t* archive, const Entry& entry) {
  const auto failed = [&entry] { return Error("CannotPack", 500, "cannot pack " + entry.file.string()); };
  zip_source_t* source = zip_source_file(archive, entry.file.c_str(), 0, -1);
  if (source == nullptr) return failed();
  const zip_int64_t added = zip_file_add(archive, entry.name.c_str(), source, ZIP_FL_ENC_UTF_8);
  if (added < 0) {
    zip_source_free(source);
    return failed();
  }
  const auto index = static_cast<zip_uint64_t>(added);
  const zip_uint32_t mode = entry.executable ? 0100755u : 0100644u;
  zip_file_set_external_attributes(archive, index, 0, ZIP_OPSYS_UNIX, mode << 16);
  zip_file_set_mtime(archive, index, kTime, 0);
  return {};
}

}  // namespace

Result<std::string> zip_folder(const fs::path& path) {
  Result<std::vector<Entry>> entries = entries_of(path);
  if (!entries.ok()) return std::move(entries).error();
  if (entries->empty()) return Error("NoCode", 400, path.string() + " is empty");
  const Error failed("CannotPack", 500, "cannot pack " + path.string());
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* memory = zip_source_buffer_create(nullptr, 0, 0, &error);
  if (memory == nullptr) return failed;
  zip_source_keep(memory);
  const std::unique_ptr<zip_source_t, void (*)(zip_source_t*)> keeper(memory, zip_source_free);
  zip_t* archive = zip_open_from_source(memory, ZIP_TRUNCATE, &error);
  if (archive == nullptr) {
    zip_source_free(memory);
    return failed;
  }
  for (const Entry& entry : *entries) {
    Result<void> added = add_entry(archive, entry);
    if (added.ok()) continue;
    zip_discard(archive);
    return std::move(added).error();
  }
  if (zip_close(archive) != 0) {
    zip_discard(archive);
    return failed;
  }
  if (zip_source_open(memory) != 0) return failed;
  std::string bytes;
  std::vector<char> buffer(64 * 1024);
  for (zip_int64_t got = 0; (got = zip_source_read(memory, buffer.data(), buffer.size())) > 0;) {
    bytes.append(buffer.data(), static_cast<std::size_t>(got));
  }
  zip_source_close(memory);
  return bytes;
}

}  // namespace cumulet::cli
