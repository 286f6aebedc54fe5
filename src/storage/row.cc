#include "storage/row.h"

namespace cumulet::storage {
namespace {

std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}

std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

}  // namespace

RowWriter& RowWriter::number(std::uint64_t value) {
  while (value >= 0x80) {
    bytes_ += static_cast<char>(value | 0x80);
    value >>= 7;
  }
  bytes_ += static_cast<char>(value);
  return *this;
}

RowWriter& RowWriter::signed_number(std::int64_t value) { return number(zigzag(value)); }

RowWriter& RowWriter::text(std::string_view value) {
  number(value.size());
  bytes_.append(value);
  return *this;
}

RowWriter& RowWriter::optional_text(const std::optional<std::string>& value) {
  boolean(value.has_value());
  return value ? text(*value) : *this;
}

RowWriter& RowWriter::texts(const std::vector<std::string>& values) {
  number(values.size());
  for (const std::string& value : values) text(value);
  return *this;
}

RowWriter& RowWriter::text_map(const std::map<std::string, std::string>& values) {
  number(values.size());
  for (const auto& [key, value] : values) text(key).text(value);
  return *this;
}

std::uint64_t RowReader::number() {
  if (rest_.empty()) return 0;
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (rest_.empty()) break;
    const auto byte = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return value;
  }
  ok_ = false;
  rest_ = {};
  return 0;
}

std::int64_t RowReader::signed_number() { return unzigzag(number()); }

std::size_t RowReader::count() {
  const std::uint64_t count = number();
  if (count <= rest_.size()) return count;
  ok_ = false;
  rest_ = {};
  return 0;
}

std::string RowReader::text() {
  const std::size_t size = count();
  std::string value(rest_.substr(0, size));
  rest_.remove_prefix(size);
  return value;
}

std::optional<std::string> RowReader::optional_text() {
  if (!boolean()) return std::nullopt;
  return text();
}

std::vector<std::string> RowReader::texts() {
  std::vector<std::string> values;
  for (std::size_t left = count(); left > 0 && ok_; --left) values.push_back(text());
  return values;
}

std::map<std::string, std::string> RowReader::text_map() {
  std::map<std::string, std::string> values;
  for (std::size_t left = count(); left > 0 && ok_; --left) {
    std::string key = text();
    values[std::move(key)] = text();
  }
  return values;
}

}  // namespace cumulet::storage
