// What a table is imported from: packed bytes, records, fields and items.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "services/dynamodb/compression.h"
#include "services/dynamodb/import_records.h"

using namespace cumulet::dynamodb;

namespace {

Table some_table() {
  Table table;
  table.attributes = {{"pk", Type::kString}, {"sk", Type::kNumber}};
  table.keys.hash.name = "pk";
  table.keys.range = KeyAttribute{"sk", Type::kNumber};
  return table;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2 || size > 4096) return 0;
  static const Table table = some_table();
  static const std::vector<std::string> header{"pk", "sk", "note"};
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const char* const formats[] = {"NONE", "GZIP", "ZSTD"};
  const bool csv = (data[0] & 4) != 0;
  RecordSplitter splitter(csv);
  std::vector<std::string> records;
  const std::unique_ptr<Unpacker> unpacker = make_unpacker(formats[data[0] % 3]);
  const auto take = [&](std::string_view piece) {
    if (records.size() < 1000) static_cast<void>(splitter.feed(piece.substr(0, 1u << 16), records));
  };
  if (!unpacker->feed(bytes, take)) return 0;
  if (std::optional<std::string> rest = splitter.rest()) records.push_back(std::move(*rest));
  for (const std::string& record : records) {
    if (csv) {
      cumulet::Result<std::vector<std::string>> fields = csv_fields(record, ',');
      if (fields) static_cast<void>(item_of_csv(table, header, std::move(*fields)));
    } else {
      static_cast<void>(item_of_json(table, record));
      static_cast<void>(item_of_ion(table, record));
    }
  }
  return 0;
}
