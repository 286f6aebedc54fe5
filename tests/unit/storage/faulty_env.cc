#include "tests/unit/storage/faulty_env.h"

namespace cumulet::storage {
namespace {

class FaultyFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  FaultyFile(std::unique_ptr<rocksdb::FSWritableFile> file, DiskFaults& faults)
      : FSWritableFileOwnerWrapper(std::move(file)), faults_(faults) {}

  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* debug) override {
    if (rocksdb::IOStatus fault = faults_.on_append(); !fault.ok()) return fault;
    return FSWritableFileOwnerWrapper::Append(data, options, debug);
  }
  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           const rocksdb::DataVerificationInfo& info, rocksdb::IODebugContext* debug) override {
    if (rocksdb::IOStatus fault = faults_.on_append(); !fault.ok()) return fault;
    return FSWritableFileOwnerWrapper::Append(data, options, info, debug);
  }
  rocksdb::IOStatus Sync(const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) override {
    if (rocksdb::IOStatus fault = faults_.on_sync(); !fault.ok()) return fault;
    return FSWritableFileOwnerWrapper::Sync(options, debug);
  }
  rocksdb::IOStatus Fsync(const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) override {
    if (rocksdb::IOStatus fault = faults_.on_sync(); !fault.ok()) return fault;
    return FSWritableFileOwnerWrapper::Fsync(options, debug);
  }

 private:
  DiskFaults& faults_;
};

class FaultyFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  explicit FaultyFileSystem(DiskFaults& faults) : FileSystemWrapper(rocksdb::FileSystem::Default()), faults_(faults) {}
  const char* Name() const override { return "FaultyFileSystem"; }

  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override {
    std::unique_ptr<rocksdb::FSWritableFile> real;
    rocksdb::IOStatus opened = FileSystemWrapper::NewWritableFile(name, options, &real, debug);
    if (!opened.ok()) return opened;
    if (name.ends_with(".log") || name.ends_with(".sst")) real = std::make_unique<FaultyFile>(std::move(real), faults_);
    *file = std::move(real);
    return opened;
  }

 private:
  DiskFaults& faults_;
};

}  // namespace

std::unique_ptr<rocksdb::Env> make_faulty_env(DiskFaults& faults) {
  return rocksdb::NewCompositeEnv(std::make_shared<FaultyFileSystem>(faults));
}

}  // namespace cumulet::storage
