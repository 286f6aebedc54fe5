#include "compute/external/cpio.h"

#include <fmt/core.h>
#include <sys/stat.h>

namespace cumulet::compute::external {

namespace {
constexpr std::size_t kBoundary = 4;
constexpr const char* kEnd = "TRAILER!!!";

void pad(std::string& archive) { archive.append((kBoundary - archive.size() % kBoundary) % kBoundary, '\0'); }
}  // namespace

void CpioWriter::add(const std::string& path, std::uint32_t mode, std::string_view content, std::uint32_t major,
                     std::uint32_t minor) {
  const std::uint32_t inode = path == kEnd ? 0 : ++entries_;
  const std::uint32_t links = S_ISDIR(mode) ? 2 : 1;
  const std::uint32_t fields[] = {inode,
                                  mode,
                                  0,
                                  0,
                                  links,
                                  0,
                                  static_cast<std::uint32_t>(content.size()),
                                  0,
                                  0,
                                  major,
                                  minor,
                                  static_cast<std::uint32_t>(path.size() + 1),
                                  0};
  archive_ += "070701";
  for (const std::uint32_t field : fields) archive_ += fmt::format("{:08X}", field);
  archive_.append(path).push_back('\0');
  pad(archive_);
  archive_ += content;
  pad(archive_);
}

void CpioWriter::add_folder(const std::string& path) { add(path, S_IFDIR | 0755, {}); }

void CpioWriter::add_file(const std::string& path, std::string_view content, bool executable) {
  add(path, S_IFREG | (executable ? 0755 : 0644), content);
}

void CpioWriter::add_character_device(const std::string& path, std::uint32_t major, std::uint32_t minor) {
  add(path, S_IFCHR | 0600, {}, major, minor);
}

std::string CpioWriter::finish() {
  add(kEnd, 0, {});
  return std::move(archive_);
}

}  // namespace cumulet::compute::external
