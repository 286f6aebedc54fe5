#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace cumulet::wire {

/// Writes JSON text, commas included. The caller keeps begin and end in balance.
///
///   JsonWriter json;
///   json.begin_object().key("name").string(name).key("size").integer(3).end_object();
class JsonWriter {
 public:
  JsonWriter() = default;
  /// `expected` is a guess at the length of the text.
  explicit JsonWriter(std::size_t expected) { out_.reserve(expected); }

  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name);
  JsonWriter& string(std::string_view text);
  JsonWriter& integer(std::int64_t value);
  /// The shortest text that reads back as the same number; NaN and infinities as the strings AWS uses.
  JsonWriter& number(double value);
  JsonWriter& boolean(bool value) { return raw(value ? "true" : "false"); }
  JsonWriter& null() { return raw("null"); }
  /// Text that is JSON already.
  JsonWriter& raw(std::string_view json);

  const std::string& text() const { return out_; }
  std::string take() { return std::move(out_); }

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  void separate();
  void append_quoted(std::string_view text);

  std::string out_;
  bool comma_ = false;  ///< Something stands before the next element.
};

}  // namespace cumulet::wire
