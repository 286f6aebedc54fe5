#include "services/lambda/code_store.h"

#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/digest.h"
#include "base/run.h"
#include "base/text.h"
#include "storage/open.h"
#include "tests/unit/lambda/lambda_fixture.h"

namespace cumulet::lambda {
namespace {

/// Functions of one content are made and deleted side by side.
TEST(CodeStoreTest, PackagesAreStoredWhileTheSameOnesAreForgotten) {
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / ("cumulet-code-store-" + random_id(10));
  std::filesystem::create_directories(folder);
  {
    ThreadPool pool(4);
    const std::unique_ptr<storage::BlobStore> blobs = storage::open_blob_files(folder / "blobs", pool).value();
    CodeStore store(folder / "code", *blobs, pool);
    const std::string zip = make_zip({{"app.py", "def handler(e, c): return e\n"}, {"lib/part.py", "x = 1\n"}});
    std::atomic<int> working = 3;
    std::atomic<int> failed = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 60; ++i) {
          const Result<Package> added = run(store.add(zip));
          const Result<PackageFolder> held =
              added.ok() ? run(store.folder(added->blob, added->sha)) : Result<PackageFolder>(added.error());
          if (!held.ok() || !std::filesystem::exists(**held / "lib/part.py")) ++failed;
        }
        --working;
      });
    }
    const std::string sha = hex_encode(sha256(zip));
    while (working > 0) store.forget(sha);
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(failed, 0);
  }
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
}

}  // namespace
}  // namespace cumulet::lambda
