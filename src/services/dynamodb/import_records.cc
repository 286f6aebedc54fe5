#include "services/dynamodb/import_records.h"

#include <utility>

#include "base/text.h"
#include "services/dynamodb/errors.h"
#include "services/dynamodb/ion.h"
#include "services/dynamodb/store.h"
#include "wire/generated/dynamodb.h"
#include "wire/json.h"

namespace cumulet::dynamodb {
namespace {

/// An item of 400 KB, each byte of which is escaped in the worst way.
constexpr std::size_t kLongestRecord = 4u << 20;

Result<Item> checked(const Table& table, Item item) {
  if (Result<void> done = normalise(item); !done) return std::move(done).error();
  if (Result<void> fits = check_item_key(table.keys, item); !fits) return std::move(fits).error();
  if (Result<void> fits = check_index_keys(table, item); !fits) return std::move(fits).error();
  if (item_size(item) > kMaxItemBytes) return invalid("Item size has exceeded the maximum allowed size");
  return item;
}

}  // namespace

void RecordSplitter::take(std::vector<std::string>& records) {
  if (!record_.empty() && record_.back() == '\r') record_.pop_back();
  if (!record_.empty()) records.push_back(std::move(record_));
  record_.clear();
}

Result<void> RecordSplitter::feed(std::string_view piece, std::vector<std::string>& records) {
  for (const char c : piece) {
    if (c == '"' && quotes_) quoted_ = !quoted_;
    if (c == '\n' && !quoted_) {
      take(records);
      continue;
    }
    if (record_.size() >= kLongestRecord) return Error("InvalidInput", 400, "A record is longer than an item can be.");
    record_ += c;
  }
  return {};
}

std::optional<std::string> RecordSplitter::rest() {
  std::vector<std::string> records;
  take(records);
  if (records.empty()) return std::nullopt;
  return std::move(records.front());
}

Result<std::vector<std::string>> csv_fields(std::string_view record, char delimiter) {
  std::vector<std::string> fields;
  std::size_t at = 0;
  while (true) {
    std::string field;
    if (at < record.size() && record[at] == '"') {
      ++at;
      while (true) {
        if (at >= record.size()) return invalid("A quoted field is not closed");
        if (record[at] != '"') {
          field += record[at++];
        } else if (at + 1 < record.size() && record[at + 1] == '"') {
          field += '"';
          at += 2;
        } else {
          ++at;
          break;
        }
      }
      if (at < record.size() && record[at] != delimiter) return invalid("A quoted field goes on behind its quotes");
    } else {
      while (at < record.size() && record[at] != delimiter) field += record[at++];
    }
    fields.push_back(std::move(field));
    if (at >= record.size()) return fields;
    ++at;
  }
}

Result<Item> item_of_csv(const Table& table, const std::vector<std::string>& header, std::vector<std::string> fields) {
  if (fields.size() != header.size()) {
    return invalid("The record has " + std::to_string(fields.size()) + " fields, the header " +
                   std::to_string(header.size()));
  }
  Item item;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const auto key = table.attributes.find(header[i]);
    const Type type = key == table.attributes.end() ? Type::kString : key->second;
    if (type == Type::kNumber) {
      item.insert_or_assign(header[i], AttributeValue::number(std::move(fields[i])));
    } else if (type == Type::kBinary) {
      std::optional<std::string> bytes = base64_decode(fields[i]);
      if (!bytes) return invalid("The field " + header[i] + " is no Base64 text");
      item.insert_or_assign(header[i], AttributeValue::binary(std::move(*bytes)));
    } else {
      item.insert_or_assign(header[i], AttributeValue::string(std::move(fields[i])));
    }
  }
  return checked(table, std::move(item));
}

Result<Item> item_of_json(const Table& table, std::string_view record) {
  using Line = wire::dynamodb::GetItemOutput;  // {"Item": {…}}, as GetItem answers.
  Result<Line> line = wire::read_json<Line>(*wire::dynamodb::GetItem::model().output, record);
  if (!line) return std::move(line).error();
  if (!line->item) return invalid("The record has no Item");
  return checked(table, std::move(*line->item));
}

Result<Item> item_of_ion(const Table& table, std::string_view record) {
  Result<Item> item = item_of_ion_record(record);
  if (!item) return item;
  return checked(table, std::move(*item));
}

}  // namespace cumulet::dynamodb
