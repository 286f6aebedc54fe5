#include <fstream>
#include <set>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/run.h"
#include "base/thread_pool.h"
#include "storage/blob_store.h"
#include "storage/open.h"
#include "tests/unit/storage/temp_directory.h"

namespace cumulet::storage {
namespace {

constexpr std::uint64_t kNoLimit = 1ull << 40;

std::string bytes_of(std::size_t size) {
  std::string bytes(size, '\0');
  std::uint32_t state = 12345;
  for (char& byte : bytes) byte = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return bytes;
}

Task<std::string> store(BlobStore& blobs, std::string bytes, std::size_t piece) {
  const std::unique_ptr<BlobStore::Writer> writer = co_await blobs.create();
  for (std::size_t at = 0; at < bytes.size(); at += piece) co_await writer->write(bytes.substr(at, piece));
  co_return co_await writer->finish();
}

Task<std::string> load(BlobStore& blobs, std::string id, std::uint64_t offset, std::uint64_t length) {
  const std::unique_ptr<BodySource> body = co_await blobs.open(id, offset, length);
  co_return co_await read_all(*body, kNoLimit, Error(errors::kInternalFailure, "too large"));
}

Task<void> start_and_drop(BlobStore& blobs) {
  const std::unique_ptr<BlobStore::Writer> writer = co_await blobs.create();
  co_await writer->write(std::string(3u << 20, 'x'));
}

Task<bool> is_in(const std::set<std::string>* names, std::string id) { co_return names->count(id) > 0; }

class BlobFilesTest : public testing::Test {
 protected:
  BlobFilesTest() : pool_(2) { open(); }
  void open() {
    Result<std::unique_ptr<BlobStore>> opened = open_blob_files(directory_.path() / "blobs", pool_);
    ASSERT_TRUE(opened.ok()) << opened.error().message();
    blobs_ = std::move(opened).value();
  }
  std::size_t files() const {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory_.path())) {
      if (entry.is_regular_file()) ++count;
    }
    return count;
  }

  TempDirectory directory_;
  ThreadPool pool_;
  std::unique_ptr<BlobStore> blobs_;
};

TEST_F(BlobFilesTest, BytesComeBackAtAnySize) {
  for (const std::size_t size : {0u, 1u, 4095u, (1u << 20) - 1, 1u << 20, (1u << 20) + 1, (3u << 20) + 4096 + 17}) {
    const std::string bytes = bytes_of(size);
    const Result<std::string> id = run(store(*blobs_, bytes, 100'003));
    ASSERT_TRUE(id.ok()) << id.error().message();
    EXPECT_EQ(run(blobs_->size(id.value())).value(), size);
    EXPECT_TRUE(run(load(*blobs_, id.value(), 0, size)).value() == bytes) << size;
  }
}

TEST_F(BlobFilesTest, RangesAreReadAlone) {
  const std::string bytes = bytes_of(1u << 20);
  const std::string id = run(store(*blobs_, bytes, 1u << 18)).value();
  EXPECT_TRUE(run(load(*blobs_, id, 77'777, 500'001)).value() == bytes.substr(77'777, 500'001));
  EXPECT_EQ(run(load(*blobs_, id, 1u << 20, 0)).value(), "");
  EXPECT_FALSE(run(load(*blobs_, id, 1u << 20, 1)).ok());
  EXPECT_FALSE(run(load(*blobs_, id, kNoLimit, kNoLimit)).ok());
}

TEST_F(BlobFilesTest, DescriptorAndPathNameTheSameFile) {
  const std::string id = run(store(*blobs_, "hello", 5)).value();
  const Result<int> fd = run(blobs_->open_fd(id));
  ASSERT_TRUE(fd.ok());
  char text[8] = {};
  EXPECT_EQ(::read(fd.value(), text, sizeof text), 5);
  EXPECT_STREQ(text, "hello");
  ::close(fd.value());
  std::ifstream file(blobs_->path(id));
  EXPECT_TRUE(file.good());
}

TEST_F(BlobFilesTest, DroppedWriterLeavesNothingBehind) {
  ASSERT_TRUE(run(start_and_drop(*blobs_)).ok());
  // The block that was being written when the writer went away is still written, and then its file goes too.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (files() > 0 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  EXPECT_EQ(files(), 0u);
}

TEST_F(BlobFilesTest, ErasedBlobIsMissingButOpenReadersFinish) {
  const std::string bytes = bytes_of(600'000);
  const std::string id = run(store(*blobs_, bytes, 1u << 18)).value();
  Result<std::unique_ptr<BodySource>> reader = run(blobs_->open(id, 0, bytes.size()));
  ASSERT_TRUE(reader.ok());
  ASSERT_TRUE(run(blobs_->erase(id)).ok());
  ASSERT_TRUE(run(blobs_->erase(id)).ok());
  const Error too_large(errors::kInternalFailure, "too large");
  EXPECT_TRUE(run(read_all(*reader.value(), kNoLimit, too_large)).value() == bytes);
  const Result<std::uint64_t> size = run(blobs_->size(id));
  ASSERT_FALSE(size.ok());
  EXPECT_TRUE(size.error().is(errors::kInternalFailure));
}

TEST_F(BlobFilesTest, IdsThatAreNoneOfOursAreMissing) {
  for (const std::string id : {"", "a", "../../etc/passwd", "ABCDEF0123456789ABCDEF0123456789"}) {
    EXPECT_FALSE(run(blobs_->open_fd(id)).ok());
    EXPECT_TRUE(run(blobs_->erase(id)).ok());
  }
}

TEST_F(BlobFilesTest, SweepRemovesWhatNobodyNamesAndWasThereBefore) {
  const std::string kept = run(store(*blobs_, "kept", 4)).value();
  const std::string orphan = run(store(*blobs_, "orphan", 6)).value();
  std::ofstream(directory_.path() / "blobs/tmp/half") << "half";
  open();  // A later process.
  const std::string fresh = run(store(*blobs_, "fresh", 5)).value();
  const std::unique_ptr<BlobStore::Writer> writer = run(blobs_->create()).value();
  ASSERT_TRUE(run(writer->write("under way")).ok());
  const std::set<std::string> named{kept};
  std::vector<std::string> asked;
  const Result<std::uint64_t> removed = run(blobs_->sweep(
      [&](std::string id) {
        asked.push_back(id);
        return is_in(&named, std::move(id));
      },
      [] { return true; }));
  ASSERT_TRUE(removed.ok());
  EXPECT_EQ(removed.value(), 1u);
  EXPECT_EQ(std::set<std::string>(asked.begin(), asked.end()), (std::set<std::string>{kept, orphan}));
  const std::string late = run(writer->finish()).value();
  for (const std::string& id : {kept, fresh, late}) EXPECT_TRUE(run(blobs_->size(id)).ok());
  EXPECT_FALSE(run(blobs_->size(orphan)).ok());
  EXPECT_EQ(files(), 3u);
}

TEST_F(BlobFilesTest, SweepEndsWhenItIsNotWanted) {
  for (int i = 0; i < 9; ++i) ASSERT_TRUE(run(store(*blobs_, "orphan", 6)).ok());
  open();
  int left = 4;
  const auto nobody = [](std::string) -> Task<bool> { co_return false; };
  const Result<std::uint64_t> removed = run(blobs_->sweep(nobody, [&left] { return left-- > 0; }));
  ASSERT_TRUE(removed.ok());
  EXPECT_EQ(removed.value(), 4u);
  EXPECT_EQ(files(), 5u);
}

}  // namespace
}  // namespace cumulet::storage
