#include "services/dynamodb/ion.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/text.h"
#include "services/dynamodb/errors.h"

namespace cumulet::dynamodb {
namespace {

constexpr std::string_view kVersionMarker = "$ion_1_0";
constexpr std::string_view kItemField = "Item";
/// What one item may be nested in text, the record's own two structures with it.
constexpr int kIonDepth = kMaxNesting + 4;

bool is_ion_digit(char c) { return c >= '0' && c <= '9'; }
bool begins_symbol(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$'; }
bool goes_on_symbol(char c) { return begins_symbol(c) || is_ion_digit(c); }

/// Whether a name can stand without quotes: no keyword, no number of a symbol ($10).
bool is_plain_symbol(std::string_view name) {
  if (name.empty() || !begins_symbol(name.front())) return false;
  bool all_digits = true;
  for (const char c : name.substr(1)) {
    if (!goes_on_symbol(c)) return false;
    all_digits = all_digits && is_ion_digit(c);
  }
  if (name.front() == '$' && all_digits) return false;
  return name != "null" && name != "true" && name != "false" && name != "nan" && !name.starts_with("$ion_");
}

void write_quoted(std::string& out, std::string_view text, char quote) {
  static constexpr std::string_view kHexDigits = "0123456789abcdef";
  out += quote;
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (c == quote || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (code < 0x20 || code == 0x7f) {
      out += "\\x";
      out += kHexDigits[code >> 4];
      out += kHexDigits[code & 15];
    } else {
      out += c;
    }
  }
  out += quote;
}

/// As a decimal: "103" is "103.", "1E+20" is "1d20".
void write_number(std::string& out, const std::string& number) {
  bool decimal = false;
  for (const char c : number) {
    if (c == '+') continue;
    decimal = decimal || c == '.' || c == 'e' || c == 'E';
    out += c == 'e' || c == 'E' ? 'd' : c;
  }
  if (!decimal) out += '.';
}

void write_blob(std::string& out, const std::string& bytes) { out += "{{" + base64_encode(bytes) + "}}"; }

void write_value(std::string& out, const AttributeValue& value);

void write_struct(std::string& out, const Item& members) {
  out += '{';
  bool first = true;
  for (const auto& [name, value] : members) {
    if (!std::exchange(first, false)) out += ',';
    if (is_plain_symbol(name)) {
      out += name;
    } else {
      write_quoted(out, name, '\'');
    }
    out += ':';
    write_value(out, value);
  }
  out += '}';
}

template <typename Write>
void write_set(std::string& out, const char* annotation, const AttributeValue::Set& elements, Write write) {
  out += annotation;
  out += "::[";
  bool first = true;
  for (const std::string& element : elements) {
    if (!std::exchange(first, false)) out += ',';
    write(out, element);
  }
  out += ']';
}

void write_value(std::string& out, const AttributeValue& value) {
  const auto write_string = [](std::string& to, const std::string& text) { write_quoted(to, text, '"'); };
  switch (value.type()) {
    case Type::kString:
      return write_quoted(out, value.text(), '"');
    case Type::kNumber:
      return write_number(out, value.text());
    case Type::kBinary:
      return write_blob(out, value.text());
    case Type::kStringSet:
      return write_set(out, "$dynamodb_SS", value.set(), write_string);
    case Type::kNumberSet:
      return write_set(out, "$dynamodb_NS", value.set(), write_number);
    case Type::kBinarySet:
      return write_set(out, "$dynamodb_BS", value.set(), write_blob);
    case Type::kMap:
      return write_struct(out, value.map());
    case Type::kList: {
      out += '[';
      bool first = true;
      for (const AttributeValue& element : value.list()) {
        if (!std::exchange(first, false)) out += ',';
        write_value(out, element);
      }
      out += ']';
      return;
    }
    case Type::kNull:
      out += "null";
      return;
    case Type::kBool:
      out += value.boolean() ? "true" : "false";
      return;
  }
}

Error no_ion(const char* why) { return invalid(std::string("The record is no valid Ion of an item: ") + why); }

/// Reads one record. Its members give false, or nothing, on what is wrong; `fault_` then says what.
class IonReader {
 public:
  explicit IonReader(std::string_view text) : text_(text) {}

  Result<Item> record() {
    skip_space();
    if (rest().starts_with(kVersionMarker)) {
      at_ += kVersionMarker.size();
      skip_space();
    }
    std::optional<AttributeValue> outer = value(0);
    skip_space();
    if (outer && at_ != text_.size()) outer = fault("something follows the record");
    if (!outer) return no_ion(fault_);
    if (!outer->is(Type::kMap)) return no_ion("it is no structure");
    const auto item = outer->map().find(std::string(kItemField));
    if (item == outer->map().end() || outer->map().size() != 1 || !item->second.is(Type::kMap)) {
      return no_ion("it is no structure with an Item");
    }
    return std::move(item->second.map());
  }

 private:
  using Value = std::optional<AttributeValue>;

  std::string_view rest() const { return text_.substr(at_); }
  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  std::nullopt_t fault(const char* why) {
    if (*fault_ == '\0') fault_ = why;
    return std::nullopt;
  }
  bool take(std::string_view what) {
    if (!rest().starts_with(what)) return false;
    at_ += what.size();
    return true;
  }

  /// And comments.
  void skip_space() {
    while (at_ < text_.size()) {
      if (std::string_view(" \t\r\n\v\f").find(peek()) != std::string_view::npos) {
        ++at_;
      } else if (rest().starts_with("//")) {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (rest().starts_with("/*")) {
        const std::size_t end = text_.find("*/", at_ + 2);
        if (end == std::string_view::npos) return;
        at_ = end + 2;
      } else {
        return;
      }
    }
  }

  std::optional<std::string> plain_symbol() {
    if (!begins_symbol(peek())) return std::nullopt;
    const std::size_t from = at_;
    while (goes_on_symbol(peek())) ++at_;
    return std::string(text_.substr(from, at_ - from));
  }

  std::optional<std::uint32_t> hex(std::size_t digits) {
    std::uint32_t code = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      const char c = peek();
      const std::size_t digit = std::string_view("0123456789abcdefABCDEF").find(c);
      if (at_ >= text_.size() || digit == std::string_view::npos) return std::nullopt;
      code = code * 16 + static_cast<std::uint32_t>(digit < 16 ? digit : digit - 6);
      ++at_;
    }
    return code;
  }

  /// Behind a backslash.
  bool escape(std::string& out) {
    static constexpr std::string_view kNames = "abtnfrv\"'?/\\0";
    static constexpr std::string_view kMeant{"\a\b\t\n\f\r\v\"'?/\\\0", 13};
    const char c = peek();
    const std::size_t named = at_ < text_.size() ? kNames.find(c) : std::string_view::npos;
    ++at_;
    if (named != std::string_view::npos) {
      out += kMeant[named];
      return true;
    }
    const std::size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (digits == 0) return false;
    std::optional<std::uint32_t> code = hex(digits);
    const bool high = code && digits == 4 && *code >= 0xd800 && *code < 0xdc00;
    if (high) {
      if (!take("\\u")) return false;
      const std::optional<std::uint32_t> low = hex(4);
      if (!low || *low < 0xdc00 || *low > 0xdfff) return false;
      code = 0x10000 + ((*code - 0xd800) << 10) + (*low - 0xdc00);
    }
    if (!code || *code > 0x10ffff || (*code >= 0xd800 && *code <= 0xdfff)) return false;
    append_utf8(out, *code);
    return true;
  }

  /// The text up to `end`, which is taken too.
  std::optional<std::string> quoted(std::string_view end) {
    std::string out;
    while (at_ < text_.size()) {
      if (take(end)) return out;
      const char c = text_[at_++];
      if (c == '\\') {
        if (!escape(out)) return fault("an escape is not known");
      } else if (static_cast<unsigned char>(c) < 0x20 && c != '\t' && end.size() == 1) {
        return fault("a control character stands in a text");
      } else {
        out += c;
      }
    }
    return fault("a text is not closed");
  }

  /// '''…''' '''…''' is one string.
  std::optional<std::string> long_string() {
    std::string whole;
    while (take("'''")) {
      std::optional<std::string> part = quoted("'''");
      if (!part) return part;
      whole += *part;
      skip_space();
    }
    return whole;
  }

  std::optional<std::string> field_name() {
    if (rest().starts_with("'''")) return long_string();
    if (take("'")) return quoted("'");
    if (take("\"")) return quoted("\"");
    std::optional<std::string> name = plain_symbol();
    if (!name || !is_plain_symbol(*name)) return fault("a field has no name");
    return name;
  }

  Value structure(int depth) {
    AttributeValue::Map members;
    while (true) {
      skip_space();
      if (take("}")) return AttributeValue::map(std::move(members));
      std::optional<std::string> name = field_name();
      if (!name) return fault("a field has no name");
      skip_space();
      if (!take(":") || peek() == ':') return fault("a field has no value");
      Value member = value(depth);
      if (!member) return member;
      if (!members.emplace(std::move(*name), std::move(*member)).second) return fault("two fields have one name");
      skip_space();
      if (peek() != '}' && !take(",")) return fault("a structure is not closed");
    }
  }

  std::optional<AttributeValue::List> elements(int depth) {
    AttributeValue::List list;
    while (true) {
      skip_space();
      if (take("]")) return list;
      Value element = value(depth);
      if (!element) return std::nullopt;
      list.push_back(std::move(*element));
      skip_space();
      if (peek() != ']' && !take(",")) return fault("a list is not closed");
    }
  }

  Value blob() {
    const std::size_t end = text_.find("}}", at_);
    if (end == std::string_view::npos) return fault("a blob is not closed");
    std::string packed;
    for (const char c : text_.substr(at_, end - at_)) {
      if (c != ' ' && c != '\t' && c != '\n' && c != '\r') packed += c;
    }
    at_ = end + 2;
    std::optional<std::string> bytes = base64_decode(packed);
    if (!bytes) return fault("a blob is no Base64 text");
    return AttributeValue::binary(std::move(*bytes));
  }

  /// Digits, which underscores may part.
  bool digits(std::string& out) {
    bool any = false;
    while (is_ion_digit(peek()) || (any && peek() == '_' && is_ion_digit(peek(1)))) {
      if (peek() != '_') out += peek();
      any = true;
      ++at_;
    }
    return any;
  }

  /// A decimal or an integer.
  Value number() {
    std::string text;
    if (take("-")) text += '-';
    const std::size_t first = text.size();
    if (!digits(text)) return fault("a value is not known");
    if (text.size() > first + 1 && text[first] == '0') return fault("a number begins with 0");
    if (take(".")) {
      std::string fraction;
      if (digits(fraction)) text += "." + fraction;
    }
    if (peek() == 'd' || peek() == 'D') {
      ++at_;
      text += 'E';
      if (peek() == '-' || peek() == '+') text += text_[at_++];
      if (!digits(text)) return fault("an exponent is missing");
    }
    if (goes_on_symbol(peek()) || peek() == '-') return fault("a number is neither a decimal nor an integer");
    return AttributeValue::number(std::move(text));
  }

  Value set_of(const std::string& annotation, int depth) {
    const bool strings = annotation == "$dynamodb_SS";
    const bool numbers = annotation == "$dynamodb_NS";
    if (!strings && !numbers && annotation != "$dynamodb_BS") return fault("an annotation is not known");
    skip_space();
    if (!take("[")) return fault("a set is no list");
    std::optional<AttributeValue::List> list = elements(depth);
    if (!list) return std::nullopt;
    AttributeValue::Set set;
    for (AttributeValue& element : *list) {
      const Type wanted = strings ? Type::kString : numbers ? Type::kNumber : Type::kBinary;
      if (!element.is(wanted)) return fault("a set has an element of another type");
      set.push_back(std::move(element.text()));
    }
    if (strings) return AttributeValue::string_set(std::move(set));
    if (numbers) return AttributeValue::number_set(std::move(set));
    return AttributeValue::binary_set(std::move(set));
  }

  /// A keyword, or an annotation with what it stands before.
  Value word(int depth) {
    std::optional<std::string> name = plain_symbol();
    if (!name) return fault("a value is not known");
    const std::size_t behind = at_;
    skip_space();
    if (take("::")) return set_of(*name, depth);
    at_ = behind;
    if (*name == "true" || *name == "false") return AttributeValue::boolean(*name == "true");
    if (*name != "null") return fault("a symbol is no value of an attribute");
    if (peek() == '.' && !take(".null")) return fault("a null has a type");
    return AttributeValue::null();
  }

  Value value(int depth) {
    if (depth > kIonDepth) return fault("it is nested too deep");
    skip_space();
    if (rest().starts_with("'''")) return text_value(long_string());
    if (take("\"")) return text_value(quoted("\""));
    if (take("{{")) return blob();
    if (take("{")) return structure(depth + 1);
    if (take("[")) {
      std::optional<AttributeValue::List> list = elements(depth + 1);
      if (!list) return std::nullopt;
      return AttributeValue::list(std::move(*list));
    }
    if (is_ion_digit(peek()) || peek() == '-') return number();
    if (take("'")) {
      const std::optional<std::string> annotation = quoted("'");
      skip_space();
      if (!annotation || !take("::")) return fault("a symbol is no value of an attribute");
      return set_of(*annotation, depth + 1);
    }
    return word(depth + 1);
  }

  static Value text_value(std::optional<std::string> text) {
    if (!text) return std::nullopt;
    return AttributeValue::string(std::move(*text));
  }

  std::string_view text_;
  std::size_t at_ = 0;
  const char* fault_ = "";
};

}  // namespace

std::string ion_record(const Item& item) {
  std::string out = std::string(kVersionMarker) + " {" + std::string(kItemField) + ":";
  write_struct(out, item);
  return out + "}";
}

Result<Item> item_of_ion_record(std::string_view record) {
  if (!is_utf8(record)) return no_ion("it is no UTF-8");
  return IonReader(record).record();
}

}  // namespace cumulet::dynamodb
