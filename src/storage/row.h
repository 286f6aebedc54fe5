#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cumulet::storage {

/// Writes a row's value as fields in a fixed order: varints, and text with its length. New fields are only ever added
/// at the end, so rows written by an older release stay readable.
class RowWriter {
 public:
  RowWriter& number(std::uint64_t value);
  RowWriter& signed_number(std::int64_t value);
  RowWriter& boolean(bool value) { return number(value ? 1 : 0); }
  RowWriter& text(std::string_view value);
  RowWriter& optional_text(const std::optional<std::string>& value);
  RowWriter& texts(const std::vector<std::string>& values);
  RowWriter& text_map(const std::map<std::string, std::string>& values);

  std::string bytes() && { return std::move(bytes_); }

 private:
  std::string bytes_;
};

/// Reads the fields back in the same order. Past the end every field has its zero value, which is what a row of an
/// older release means by not having it; a damaged row makes `ok()` false.
class RowReader {
 public:
  explicit RowReader(std::string_view bytes) : rest_(bytes) {}
  std::uint64_t number();
  std::int64_t signed_number();
  bool boolean() { return number() != 0; }
  /// How many entries follow. An entry has at least one byte: a larger count is damage, and reads as 0.
  std::size_t count();
  std::string text();
  std::optional<std::string> optional_text();
  std::vector<std::string> texts();
  std::map<std::string, std::string> text_map();
  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace cumulet::storage
