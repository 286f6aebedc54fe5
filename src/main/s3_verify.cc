#include "main/s3_verify.h"

#include <cstdio>
#include <filesystem>

#include "base/log.h"
#include "base/run.h"
#include "base/thread_pool.h"
#include "cli/command.h"
#include "main/config.h"
#include "services/s3/sealing.h"
#include "services/s3/verify.h"
#include "storage/open.h"

namespace cumulet {
namespace {

constexpr const char* kUsage = R"(Usage: cumulet s3 verify [--data-dir DIR]

Reads every object, version and part that is stored in DIR and compares it with the
checksum that was kept when it was written. The server must not run on DIR meanwhile; a
running one does the same once a week (metric cumulet_s3_damaged_objects, and its log).

The status is 0 when all is as it was written, 1 when something is damaged, 2 when it
could not be told.
)";
constexpr int kDamaged = 1;
constexpr int kUnknown = 2;
constexpr std::size_t kThreads = 2;

int cannot_tell(const Error& why) {
  std::fprintf(stderr, "cumulet s3 verify: %s\n", why.message().c_str());
  return kUnknown;
}

Error no_data(const std::filesystem::path& directory) {
  return Error("Usage", 400, directory.string() + " is no data directory of cumulet");
}

int verify(const std::filesystem::path& directory) {
  // Opening would make what is missing.
  for (const char* part : {"store", "blobs", "s3-key"}) {
    std::error_code failed;
    if (!std::filesystem::exists(directory / part, failed)) return cannot_tell(no_data(directory));
  }
  log::set_level(log::Level::kError);
  ThreadPool pool(kThreads);
  const Result<std::unique_ptr<storage::Database>> database = storage::open_rocksdb(directory / "store", pool);
  if (!database.ok()) return cannot_tell(database.error());
  const Result<std::unique_ptr<storage::BlobStore>> blobs = storage::open_blob_files(directory / "blobs", pool);
  if (!blobs.ok()) return cannot_tell(blobs.error());
  const Result<s3::SealingKey> key = s3::SealingKey::open(directory / "s3-key");
  if (!key.ok()) return cannot_tell(key.error());
  const auto report = [](const s3::Damage& damage) {
    std::printf("damaged: %s: %s\n", damage.address().c_str(), damage.why.c_str());
    std::fflush(stdout);
  };
  const auto no_pause = [](std::uint64_t) -> Task<bool> { co_return true; };
  s3::Verifier verifier(**database, **blobs, *key, report, no_pause);
  const Result<s3::Verifier::Result> result = run(verifier.run());
  if (!result.ok()) return cannot_tell(result.error());
  std::printf("%llu objects, %llu bytes: %llu damaged\n", static_cast<unsigned long long>(result->objects),
              static_cast<unsigned long long>(result->bytes), static_cast<unsigned long long>(result->damaged));
  return result->damaged == 0 ? 0 : kDamaged;
}

}  // namespace

int s3_command(const std::vector<std::string>& words) {
  const Result<cli::Arguments> arguments = cli::Arguments::parse(words, {"data-dir"}, {});
  if (!arguments.ok()) return cannot_tell(arguments.error());
  if (arguments->has("help")) {
    std::fputs(kUsage, stdout);
    return 0;
  }
  if (arguments->positional() != std::vector<std::string>{"verify"}) {
    std::fputs(kUsage, stderr);
    return kUnknown;
  }
  return verify(arguments->get("data-dir", default_data_dir().string()));
}

}  // namespace cumulet
