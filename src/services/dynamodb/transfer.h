#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/task.h"
#include "services/dynamodb/table.h"
#include "storage/database.h"

namespace cumulet::dynamodb {

/// An export to S3 or an import from it, as its row describes it.
struct Transfer {
  enum class Kind : std::uint8_t { kExport = 0, kImport = 1 };
  enum class Status : std::uint8_t { kInProgress = 0, kCompleted = 1, kFailed = 2 };
  struct File {
    File() = default;
    std::string key;
    std::string md5;  ///< Base64.
    std::string etag;
    std::uint64_t items = 0;
  };
  Transfer() = default;

  Kind kind = Kind::kExport;
  std::string account;
  std::string region;
  std::string table;
  std::string id;
  std::string table_id;
  std::uint64_t number = 0;  ///< Of the rows that are exported, or of the table that is imported.
  Status status = Status::kInProgress;
  std::string token;
  std::string fingerprint;  ///< Of the request that the token belongs to.
  std::string bucket;
  std::string bucket_owner;
  std::string prefix;
  std::string encryption;
  std::string encryption_key;
  std::string format;       ///< DYNAMODB_JSON, ION or CSV.
  std::string compression;  ///< Of an import: GZIP, ZSTD, NONE.
  std::string delimiter;    ///< Of CSV.
  std::vector<std::string> header;
  Timestamp moment{};  ///< Of an export: when the table was so.
  Timestamp started{};
  Timestamp ended{};
  std::string failure_code;
  std::string failure_message;
  std::uint64_t items = 0;   ///< Done: exported or imported.
  std::uint64_t seen = 0;    ///< Of an import: processed, with those that failed.
  std::uint64_t errors = 0;  ///< Of an import.
  std::uint64_t bytes = 0;
  std::string cursor;       ///< The last row, or the last object, that was done.
  std::vector<File> files;  ///< What an export has written.
  std::string view;         ///< Of an incremental export: NEW_IMAGE or NEW_AND_OLD_IMAGES; empty: all items.
  Timestamp from{};         ///< Its window, without the end.
  Timestamp until{};
  std::vector<std::string> key_names;
  std::string request;  ///< Of an import: its TableCreationParameters as JSON.

  bool incremental() const { return !view.empty(); }
  std::string arn() const;
  std::string table_arn() const;
  std::string row_key() const;
  std::string encode() const;
  static Result<Transfer> decode(Kind kind, std::string account, std::string region, std::string table, std::string id,
                                 std::string_view row);
};

/// Its id is new.
Transfer new_transfer(Transfer::Kind kind, const std::string& account, const std::string& region,
                      const std::string& table, Timestamp now);
std::string_view status_text(Transfer::Status status);

Task<std::optional<Transfer>> find_transfer(storage::Transaction& transaction, Transfer::Kind kind, std::string account,
                                            std::string region, std::string table, std::string id);

}  // namespace cumulet::dynamodb
