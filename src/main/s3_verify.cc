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
#include "services/s3/verify_door.h"
#include "storage/open.h"

namespace cumulet {
namespace {

constexpr const char* kUsage = R"(Usage: cumulet s3 verify [--data-dir DIR]

Reads every object, version and part that is stored in DIR and compares it with the
checksum that was kept when it was written. When a server runs on DIR, it is the server that
reads, and what it finds is in its log and its metric cumulet_s3_damaged_objects, too; by
itself it does so once a week.

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

void show_damage(const std::string& damage) {
  std::printf("damaged: %s\n", damage.c_str());
  std::fflush(stdout);
}

int show(const Result<s3::Verifier::Result>& result) {
  if (!result.ok()) return cannot_tell(result.error());
  std::printf("%llu objects, %llu bytes: %llu damaged\n", static_cast<unsigned long long>(result->objects),
              static_cast<unsigned long long>(result->bytes), static_cast<unsigned long long>(result->damaged));
  return result->damaged == 0 ? 0 : kDamaged;
}

int verify(const std::filesystem::path& directory) {
  // Opening would make what is missing.
  for (const char* part : {"store", "blobs", "s3-key"}) {
    std::error_code failed;
    if (!std::filesystem::exists(directory / part, failed)) return cannot_tell(no_data(directory));
  }
  const std::optional<Result<s3::Verifier::Result>> told = s3::ask_running_server(directory, show_damage);
  if (told) return show(*told);
  log::set_level(log::Level::kError);
  ThreadPool pool(kThreads);
  const Result<std::unique_ptr<storage::Database>> database = storage::open_rocksdb(directory / "store", pool);
  if (!database.ok()) return cannot_tell(database.error());
  const Result<std::unique_ptr<storage::BlobStore>> blobs = storage::open_blob_files(directory / "blobs", pool);
  if (!blobs.ok()) return cannot_tell(blobs.error());
  const Result<s3::SealingKey> key = s3::SealingKey::open(directory / "s3-key");
  if (!key.ok()) return cannot_tell(key.error());
  const auto report = [](const s3::Damage& damage) { show_damage(damage.address() + ": " + damage.why); };
  const auto no_pause = [](std::uint64_t) -> Task<bool> { co_return true; };
  s3::Verifier verifier(**database, **blobs, *key, report, no_pause);
  return show(run(verifier.run()));
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
