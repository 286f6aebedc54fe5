#include "storage/engines/rocksdb/format.h"

#include <string>
#include <vector>

#include <fmt/format.h>
#include <rocksdb/write_batch.h>

#include "base/log.h"
#include "base/text.h"

namespace cumulet::storage {
namespace {

const std::string kFormatKey(
    "\x00\x00"
    "format",
    8);

/// Rewrites the rows of version `from` as those of `from + 1`. It must do no harm when it runs twice.
struct Migration {
  std::uint64_t from;
  rocksdb::Status (*run)(rocksdb::DB& db);
};

/// In order, one for each version before kFormatVersion.
const std::vector<Migration> kMigrations{};

Error unusable(std::string reason) { return Error(errors::kServiceUnavailable, std::move(reason)); }

rocksdb::Status write_version(rocksdb::DB& db, std::uint64_t version) {
  rocksdb::WriteOptions options;
  options.sync = true;
  return db.Put(options, kFormatKey, std::to_string(version));
}

Result<void> create(rocksdb::DB& db) {
  const std::unique_ptr<rocksdb::Iterator> any(db.NewIterator(rocksdb::ReadOptions()));
  any->SeekToFirst();
  if (any->Valid()) return unusable("The data directory holds a database that was not made by this program.");
  const rocksdb::Status written = write_version(db, kFormatVersion);
  if (!written.ok()) return unusable(fmt::format("The database cannot be written: {}", written.ToString()));
  return {};
}

}  // namespace

Result<void> check_format(rocksdb::DB& db) {
  std::string stored;
  const rocksdb::Status read = db.Get(rocksdb::ReadOptions(), kFormatKey, &stored);
  if (read.IsNotFound()) return create(db);
  if (!read.ok()) return unusable(fmt::format("The database cannot be read: {}", read.ToString()));

  const std::optional<std::int64_t> parsed = parse_int(stored);
  if (!parsed || *parsed < 1) return unusable("The database's format version is damaged.");
  std::uint64_t version = static_cast<std::uint64_t>(*parsed);
  if (version > kFormatVersion) {
    return unusable(fmt::format(
        "The data directory has format version {}, this program knows versions up to {}. Use a newer release.", version,
        kFormatVersion));
  }
  for (const Migration& migration : kMigrations) {
    if (migration.from != version) continue;
    log::info("migrating the database", {{"from", std::to_string(version)}, {"to", std::to_string(version + 1)}});
    rocksdb::Status status = migration.run(db);
    if (status.ok()) status = write_version(db, ++version);
    if (!status.ok()) return unusable(fmt::format("Migrating the database failed: {}", status.ToString()));
  }
  return {};
}

}  // namespace cumulet::storage
