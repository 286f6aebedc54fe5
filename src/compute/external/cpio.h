#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace cumulet::compute::external {

/// Writes an archive in cpio's format "newc", which is what Linux takes as its initial file system
/// (Documentation/driver-api/early-userspace/buffer-format.rst). All belongs to root. Folders come before what is in
/// them.
class CpioWriter {
 public:
  void add_folder(const std::string& path);
  void add_file(const std::string& path, std::string_view content, bool executable = false);
  void add_character_device(const std::string& path, std::uint32_t major, std::uint32_t minor);
  std::string finish();

 private:
  void add(const std::string& path, std::uint32_t mode, std::string_view content, std::uint32_t major = 0,
           std::uint32_t minor = 0);

  std::string archive_;
  std::uint32_t entries_ = 0;
};

}  // namespace cumulet::compute::external
