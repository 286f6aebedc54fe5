#pragma once

#include <filesystem>
#include <string>

#include "base/loop.h"
#include "base/task.h"
#include "images/manifest.h"
#include "images/reference.h"

namespace cumulet::images {

/// Who asks: what is stored here belongs to an account.
struct Asker {
  std::string account;
  std::string region;
};

/// A place that has images. Fails with ImageDeleted (it is not there), ImageAccessDenied, InvalidImage, InternalError.
class ImageSource {
 public:
  virtual ~ImageSource() = default;
  virtual bool serves(const Reference& reference) const = 0;
  /// A manifest or an index, at most kManifestLimit; `target` is a tag or a digest. Not checked yet.
  virtual Task<std::string> manifest(Asker asker, Reference reference, std::string target, SteadyTime deadline) = 0;
  /// Writes a part into a new file, checked against its size and digest.
  virtual Task<void> fetch(Asker asker, Reference reference, Descriptor part, std::filesystem::path file,
                           SteadyTime deadline) = 0;
};

}  // namespace cumulet::images
