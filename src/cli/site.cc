#include "cli/site.h"

#include <map>

#include "base/text.h"

namespace cumulet::cli {
namespace {

namespace fs = std::filesystem;

std::string content_type_of(const fs::path& file) {
  static const std::map<std::string, std::string> kTypes{{".html", "text/html; charset=utf-8"},
                                                         {".css", "text/css; charset=utf-8"},
                                                         {".js", "text/javascript; charset=utf-8"},
                                                         {".mjs", "text/javascript; charset=utf-8"},
                                                         {".json", "application/json"},
                                                         {".svg", "image/svg+xml"},
                                                         {".png", "image/png"},
                                                         {".jpg", "image/jpeg"},
                                                         {".jpeg", "image/jpeg"},
                                                         {".gif", "image/gif"},
                                                         {".webp", "image/webp"},
                                                         {".ico", "image/x-icon"},
                                                         {".txt", "text/plain; charset=utf-8"},
                                                         {".xml", "application/xml"},
                                                         {".pdf", "application/pdf"},
                                                         {".woff2", "font/woff2"},
                                                         {".wasm", "application/wasm"},
                                                         {".map", "application/json"}};
  const auto found = kTypes.find(to_lower(file.extension().string()));
  return found == kTypes.end() ? "application/octet-stream" : found->second;
}

}  // namespace

Result<std::size_t> upload_site(Uploader& uploader, const std::string& bucket, const fs::path& folder,
                                const std::string& outputs) {
  std::error_code failed;
  if (!fs::is_directory(folder, failed)) return usage_error("there is no folder " + folder.string());
  std::size_t files = 0;
  fs::recursive_directory_iterator at(folder, fs::directory_options::none, failed);
  for (; !failed && at != fs::recursive_directory_iterator(); at.increment(failed)) {
    if (!at->is_regular_file()) continue;
    Result<std::string> bytes = read_file(at->path());
    if (!bytes.ok()) return std::move(bytes).error();
    const std::string key = at->path().lexically_relative(folder).generic_string();
    Result<void> put = uploader.put(bucket, key, content_type_of(at->path()), std::move(*bytes));
    if (!put.ok()) return std::move(put).error();
    ++files;
  }
  if (failed) return Error("CannotRead", 500, "cannot read " + folder.string() + ": " + failed.message());
  Result<void> put = uploader.put(bucket, "outputs.json", "application/json", outputs);
  if (!put.ok()) return std::move(put).error();
  return files;
}

}  // namespace cumulet::cli
