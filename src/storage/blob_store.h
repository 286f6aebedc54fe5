#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/body.h"
#include "base/task.h"

namespace cumulet::storage {

/// Large bytes, each written once. The order that keeps them safe: write the blob (durable when `finish` returns), then
/// commit the metadata that names it; a blob that no metadata names is an orphan, swept after the next start.
/// Thread-safe.
class BlobStore {
 public:
  /// Takes the bytes of one new blob. Dropping it before `finish` leaves nothing behind.
  class Writer {
   public:
    virtual ~Writer() = default;
    virtual Task<void> write(std::string bytes) = 0;
    /// Makes the blob durable and gives its id (text, safe in keys).
    virtual Task<std::string> finish() = 0;
  };

  /// Is shown a blob's bytes in order, a stretch at a time, on other threads than the loop, while they are being
  /// written; all of them by the time `finish` returns, some of them perhaps after the writer was dropped.
  using Onlooker = std::function<void(std::string_view bytes)>;

  virtual ~BlobStore() = default;
  virtual Task<std::unique_ptr<Writer>> create(Onlooker onlooker = nullptr) = 0;
  /// Bytes [offset, offset+length) of a blob. Fails with InternalFailure when it is missing.
  virtual Task<std::unique_ptr<BodySource>> open(std::string id, std::uint64_t offset, std::uint64_t length) = 0;
  virtual Task<std::uint64_t> size(std::string id) = 0;
  /// A read-only file descriptor of a blob, for sendfile; the caller closes it. Fails as `open` does.
  virtual Task<int> open_fd(std::string id) = 0;
  /// Forgets a blob; readers that have it open finish undisturbed. Unknown ids are ignored.
  virtual Task<void> erase(std::string id) = 0;
  /// Removes what interrupted writes of earlier processes left: blobs that `is_named` does not know. Blobs may be
  /// written and erased meanwhile; those of this process are not touched. Takes breaths, and ends early, without an
  /// error, when `wanted` says no.
  virtual Task<std::uint64_t> sweep(std::function<Task<bool>(std::string id)> is_named,
                                    std::function<bool()> wanted) = 0;
  /// The path of a blob as a file, for those who must map or mount it (function packages).
  virtual std::string path(const std::string& id) const = 0;
};

}  // namespace cumulet::storage
