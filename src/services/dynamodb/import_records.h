#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "services/dynamodb/table.h"

/// The files that tables are imported from.
/// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataImport.Format.html
namespace cumulet::dynamodb {

/// Cuts text that comes in pieces into records: at line ends, which in CSV may also stand inside quotes.
class RecordSplitter {
 public:
  explicit RecordSplitter(bool quotes) : quotes_(quotes) {}
  /// Appends the records that the piece completes. Fails when a record is longer than any item can be.
  Result<void> feed(std::string_view piece, std::vector<std::string>& records);
  /// What stands behind the last line end.
  std::optional<std::string> rest();

 private:
  void take(std::vector<std::string>& records);
  bool quotes_;
  bool quoted_ = false;
  std::string record_;
};

/// The fields of one record of CSV; fails on a quote that is not closed, or stands inside a field.
Result<std::vector<std::string>> csv_fields(std::string_view record, char delimiter);

/// An item as the table takes it, checked in full.
Result<Item> item_of_csv(const Table& table, const std::vector<std::string>& header, std::vector<std::string> fields);
Result<Item> item_of_json(const Table& table, std::string_view record);
Result<Item> item_of_ion(const Table& table, std::string_view record);

}  // namespace cumulet::dynamodb
