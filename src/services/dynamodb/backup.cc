#include "services/dynamodb/backup.h"

#include <array>
#include <cstdio>

#include "base/ids.h"
#include "base/text.h"
#include "services/dynamodb/errors.h"
#include "services/dynamodb/keys.h"
#include "storage/row.h"

namespace cumulet::dynamodb {
namespace {

std::int64_t micros(Timestamp time) { return time.time_since_epoch().count(); }
Timestamp timestamp(std::int64_t value) { return Timestamp(std::chrono::microseconds(value)); }

}  // namespace

std::string Backup::arn() const {
  return "arn:aws:dynamodb:" + region + ":" + account + ":table/" + table + "/backup/" + id;
}

std::string Backup::row_key() const { return keys::backup_row(account, region, table, id); }

std::string Backup::encode() const {
  storage::RowWriter row;
  row.text(name).number(number).boolean(system).number(static_cast<std::uint64_t>(status));
  row.signed_number(micros(created)).signed_number(expires ? micros(*expires) : 0).number(items).number(bytes);
  row.text(table_row).number(restores);
  return std::move(row).bytes();
}

Result<Backup> Backup::decode(std::string account, std::string region, std::string table, std::string id,
                              std::string_view bytes) {
  storage::RowReader row(bytes);
  Backup backup;
  backup.account = std::move(account);
  backup.region = std::move(region);
  backup.table = std::move(table);
  backup.id = std::move(id);
  backup.name = row.text();
  backup.number = row.number();
  backup.system = row.boolean();
  backup.status = static_cast<BackupStatus>(row.number());
  backup.created = timestamp(row.signed_number());
  if (const std::int64_t expires = row.signed_number(); expires != 0) backup.expires = timestamp(expires);
  backup.items = row.number();
  backup.bytes = row.number();
  backup.table_row = row.text();
  backup.restores = row.number();
  if (!row.ok()) return Error(errors::kInternalFailure, "The description of a backup is damaged.");
  return backup;
}

Backup new_backup(const Table& table, std::string name, Timestamp now) {
  std::array<char, 24> millis{};
  std::snprintf(millis.data(), millis.size(), "%014lld-", static_cast<long long>(micros(now) / 1000));
  Backup backup;
  backup.account = table.account;
  backup.region = table.region;
  backup.table = table.name;
  backup.id = millis.data() + hex_encode(random_bytes(4));
  backup.name = std::move(name);
  backup.number = new_table_number();
  backup.created = now;
  backup.table_row = table.encode();
  return backup;
}

Task<std::optional<Backup>> find_backup(storage::Transaction& transaction, std::string account, std::string region,
                                        std::string table, std::string id) {
  const std::optional<std::string> row = co_await transaction.get(keys::backup_row(account, region, table, id));
  if (!row) co_return std::optional<Backup>();
  Result<Backup> decoded = Backup::decode(std::move(account), std::move(region), std::move(table), std::move(id), *row);
  Backup backup = co_await std::move(decoded);
  co_return std::optional<Backup>(std::move(backup));
}

std::optional<std::pair<std::string, std::string>> parse_backup_arn(std::string_view arn, std::string_view account,
                                                                    std::string_view region) {
  const std::string begin = "arn:aws:dynamodb:" + std::string(region) + ":" + std::string(account) + ":table/";
  if (!arn.starts_with(begin)) return std::nullopt;
  const std::string_view rest = arn.substr(begin.size());
  constexpr std::string_view kBackup = "/backup/";
  const std::size_t at = rest.find(kBackup);
  if (at == std::string_view::npos) return std::nullopt;
  return std::make_pair(std::string(rest.substr(0, at)), std::string(rest.substr(at + kBackup.size())));
}

}  // namespace cumulet::dynamodb
