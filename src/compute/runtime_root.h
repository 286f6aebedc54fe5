#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "compute/sandbox.h"

namespace cumulet::compute {

/// Where container images find the certificates to trust.
inline constexpr const char* kImageTls = "/var/cumulet-tls";

/// What every sandbox sees as its root: the host's programs and libraries, read-only, and an /etc of our own making
/// that shows nothing of the host but its certificate authorities and the cache of the dynamic linker.
class RuntimeRoot {
 public:
  /// Writes the files of /etc below `state`. Fails when it cannot.
  /// With a certificate authority (PEM), AWS's own host names lead to the sandbox's 127.0.0.1, and it is trusted.
  static Result<RuntimeRoot> make(const std::filesystem::path& state, const std::string& certificate_authority);

  const std::vector<Mount>& mounts() const { return mounts_; }
  /// What zygotes have in the place of /var/task and /opt: a folder with an empty `lib`. The dynamic linker looks once
  /// whether the folders of its search path are there, and their children have it from them.
  std::filesystem::path zygote_task() const { return state_ / "zygote"; }
  /// What is put over the root of a container image: its host names, and the certificates to trust, at kImageTls.
  std::vector<Mount> image_mounts() const;

  /// One directory that shows all layers, later ones over earlier ones. A single layer is shown as it is; several are
  /// merged once into a directory of hard links named after them (or copies, across file systems). Blocks.
  Result<std::filesystem::path> merge_layers(const std::vector<std::filesystem::path>& layers) const;

 private:
  std::filesystem::path state_;
  bool own_names_ = false;
  std::vector<Mount> mounts_;
};

}  // namespace cumulet::compute
