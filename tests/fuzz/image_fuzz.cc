#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include <sys/mman.h>
#include <unistd.h>

#include "images/layer.h"
#include "images/manifest.h"
#include "images/reference.h"
#include "images/registry_auth.h"

/// Whatever an image's documents and layers contain, nothing appears outside the directory that it is unpacked into.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace fs = std::filesystem;
  namespace images = cumulet::images;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)images::parse_manifest(text);
  (void)images::parse_config(text);
  (void)images::parse_reference(text);
  (void)images::parse_challenge(text);
  (void)images::parse_token(text);

  static const fs::path folder = fs::temp_directory_path() / ("cumulet-image-fuzz-" + std::to_string(::getpid()));
  std::error_code ignored;
  fs::remove_all(folder, ignored);
  fs::create_directories(folder / "root");
  const images::File file(::memfd_create("layer", MFD_CLOEXEC));
  if (::write(file.get(), data, size) != static_cast<ssize_t>(size)) return 0;
  cumulet::Result<images::Tree> tree = images::Tree::open(folder / "root");
  images::LayerBudget budget;
  budget.bytes = 1 << 20;
  budget.entries = 100;
  // Twice: the second finds what the first has left.
  for (int i = 0; tree && i < 2; ++i) {
    cumulet::Result<std::unique_ptr<images::LayerStream>> stream = images::LayerStream::open(file.get());
    if (stream) (void)images::apply_layer(**stream, *tree, budget);
  }
  if (tree) (void)tree->make_mount_points();
  std::size_t beside = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator(folder)) ++beside;
  if (beside != 1) std::abort();
  for (const auto& entry : fs::recursive_directory_iterator(folder / "root", ignored)) {
    const auto type = entry.symlink_status(ignored).type();
    if (type == fs::file_type::character || type == fs::file_type::block) std::abort();
  }
  return 0;
}
