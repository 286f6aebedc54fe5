#include "storage/engines/rocksdb/quick_start.h"

#include <string>

#include <rocksdb/file_system.h>

namespace cumulet::storage {
namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

bool is_options_file(const std::string& name) { return name.find("OPTIONS-") != std::string::npos; }

class UnsyncedFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  using FSWritableFileOwnerWrapper::FSWritableFileOwnerWrapper;
  IOStatus Sync(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Fsync(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
};

class Directory final : public rocksdb::FSDirectoryWrapper {
 public:
  using FSDirectoryWrapper::FSDirectoryWrapper;
  IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* debug,
                               const rocksdb::DirFsyncOptions& why) override {
    if (why.reason == rocksdb::DirFsyncOptions::kFileRenamed && is_options_file(why.renamed_new_name)) {
      return IOStatus::OK();
    }
    return FSDirectoryWrapper::FsyncWithDirOptions(options, debug, why);
  }
};

class QuickStartFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  QuickStartFileSystem() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "QuickStartFileSystem"; }

  IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* file, IODebugContext* debug) override {
    const IOStatus opened = FileSystemWrapper::NewWritableFile(name, options, file, debug);
    if (opened.ok() && is_options_file(name)) *file = std::make_unique<UnsyncedFile>(std::move(*file));
    return opened;
  }
  IOStatus NewDirectory(const std::string& name, const IOOptions& options,
                        std::unique_ptr<rocksdb::FSDirectory>* directory, IODebugContext* debug) override {
    const IOStatus opened = FileSystemWrapper::NewDirectory(name, options, directory, debug);
    if (opened.ok()) *directory = std::make_unique<Directory>(std::move(*directory));
    return opened;
  }
};

}  // namespace

std::shared_ptr<rocksdb::Env> make_quick_start_env() {
  return rocksdb::NewCompositeEnv(std::make_shared<QuickStartFileSystem>());
}

}  // namespace cumulet::storage
