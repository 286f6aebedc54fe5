#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace cumulet::images {

/// What can be wrong with an image. The codes are Lambda's StateReasonCodes.
inline constexpr ErrorKind kInvalidImage{"InvalidImage", 400};
inline constexpr ErrorKind kImageAccessDenied{"ImageAccessDenied", 403};
inline constexpr ErrorKind kImageDeleted{"ImageDeleted", 404};  ///< It is not there (any more).
inline constexpr ErrorKind kImageFailure{"InternalError", 500};

constexpr std::size_t kManifestLimit = 4u << 20;
constexpr std::size_t kConfigLimit = 8u << 20;
/// Of all layers, unpacked: Lambda's.
constexpr std::uint64_t kImageLimit = 10ull << 30;

/// A part of an image: where it is, and that it is the right one.
struct Descriptor {
  std::string media_type;
  std::string digest;
  std::uint64_t size = 0;
  std::string os;            ///< In an index only, as is
  std::string architecture;  ///< this: amd64, arm64.
};

/// An image's parts, or (an index) the images for several platforms.
struct Manifest {
  std::string media_type;
  bool is_index = false;
  Descriptor config;
  std::vector<Descriptor> layers;
  std::vector<Descriptor> images;
};

/// OCI and Docker (schema 2) manifests and indexes. Fails with InvalidImage.
Result<Manifest> parse_manifest(std::string_view json);

/// What an image says about itself.
struct ImageConfig {
  std::string os;
  std::string architecture;
  std::vector<std::string> entrypoint;
  std::vector<std::string> command;
  std::vector<std::pair<std::string, std::string>> environment;
  std::string working_directory;
  std::vector<std::string> diff_ids;  ///< Digests of the layers, not compressed.
};
Result<ImageConfig> parse_config(std::string_view json);

}  // namespace cumulet::images
