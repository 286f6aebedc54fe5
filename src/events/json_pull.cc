#include "events/json_pull.h"

#include <algorithm>

#include "base/text.h"

namespace cumulet::events {
namespace {

using Token = JsonPull::Token;

constexpr std::size_t kDepthLimit = 1000;
constexpr std::size_t kShownSource = 500;
constexpr std::string_view kValues = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')";

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$'; }

}  // namespace

std::string JsonPull::at_this_place(std::string_view message) const {
  const std::string_view read = text_.substr(0, at_);
  const std::size_t line = 1 + static_cast<std::size_t>(std::count(read.begin(), read.end(), '\n'));
  const std::size_t line_start = read.rfind('\n') == std::string_view::npos ? 0 : read.rfind('\n') + 1;
  std::string out(message);
  out += "\n at [Source: (String)\"";
  out += text_.substr(0, kShownSource);
  out += '"';
  if (text_.size() > kShownSource) out += "[truncated " + std::to_string(text_.size() - kShownSource) + " chars]";
  return out + "; line: " + std::to_string(line) + ", column: " + std::to_string(at_ - line_start + 1) + "]";
}

Token JsonPull::fail(std::string_view message) {
  if (error_.empty()) error_ = at_this_place(message);
  return Token::kError;
}

/// The character before the reader is not what may stand there.
Token JsonPull::unexpected(std::string_view expectation) {
  if (at_ >= text_.size()) {
    if (scopes_.empty()) return fail("No content to map due to end-of-input");
    return fail(std::string("Unexpected end-of-input: expected close marker for ") +
                (scopes_.back() == '{' ? "Object" : "Array"));
  }
  const char c = text_[at_++];
  return fail("Unexpected character ('" + std::string(1, c) + "' (code " +
              std::to_string(static_cast<unsigned char>(c)) + ")): " + std::string(expectation));
}

void JsonPull::skip_space() {
  while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) {
    ++at_;
  }
}

const std::string& JsonPull::text() {
  if (string_open_) {
    string_open_ = false;
    if (!read_string()) value_.clear();
  }
  return value_;
}

Token JsonPull::next() {
  if (!error_.empty()) return Token::kError;
  if (value_ahead_) {
    value_ahead_ = false;
    value_ = std::move(ahead_text_);
    string_open_ = ahead_ == Token::kString;
    return ahead_;
  }
  text();
  if (!error_.empty()) return Token::kError;
  skip_space();
  if (scopes_.empty()) {
    if (started_) return at_ == text_.size() ? Token::kEnd : unexpected("was expecting the end of the document");
    started_ = true;
    const Token token = read_value();
    string_open_ = token == Token::kString;
    return token;
  }
  const bool in_object = scopes_.back() == '{';
  if (at_ < text_.size() && (text_[at_] == '}' || text_[at_] == ']')) return close(text_[at_]);
  if (!first_) {
    if (at_ >= text_.size() || text_[at_] != ',') {
      return unexpected(in_object ? "was expecting comma to separate Object entries"
                                  : "was expecting comma to separate Array entries");
    }
    ++at_;
    skip_space();
  }
  first_ = false;
  if (!in_object) {
    const Token token = read_value();
    string_open_ = token == Token::kString;
    return token;
  }

  if (at_ >= text_.size() || text_[at_] != '"') return unexpected("was expecting double-quote to start field name");
  ++at_;
  if (!read_string()) return Token::kError;
  std::string name = std::move(value_);
  skip_space();
  if (at_ >= text_.size() || text_[at_] != ':') {
    return unexpected("was expecting a colon to separate field name and value");
  }
  ++at_;
  skip_space();
  ahead_ = read_value();
  if (ahead_ == Token::kError) return Token::kError;
  ahead_text_ = std::move(value_);
  value_ = std::move(name);
  value_ahead_ = true;
  return Token::kName;
}

Token JsonPull::close(char bracket) {
  const char opened = scopes_.back();
  ++at_;
  if ((opened == '{') != (bracket == '}')) {
    return fail(std::string("Unexpected close marker '") + bracket + "': expected '" + (opened == '{' ? '}' : ']') +
                "'");
  }
  scopes_.pop_back();
  first_ = false;
  value_ = bracket;
  return bracket == '}' ? Token::kObjectEnd : Token::kArrayEnd;
}

/// Of a string only the quotation mark.
Token JsonPull::read_value() {
  if (at_ >= text_.size()) return unexpected("");
  const char c = text_[at_];
  switch (c) {
    case '"':
      ++at_;
      return Token::kString;
    case '{':
    case '[':
      ++at_;
      if (scopes_.size() == kDepthLimit)
        return fail("Document nesting depth (1001) exceeds the maximum allowed (1000)");
      scopes_ += c;
      first_ = true;
      value_ = c;
      return c == '{' ? Token::kObjectStart : Token::kArrayStart;
    case 't':
      return read_word("true", Token::kTrue);
    case 'f':
      return read_word("false", Token::kFalse);
    case 'n':
      return read_word("null", Token::kNull);
    default:
      break;
  }
  if (c == '-' || is_digit(c)) return read_number();
  if (is_word(c)) return read_word("", Token::kError);
  return unexpected("expected a valid value " + std::string(kValues));
}

Token JsonPull::read_word(std::string_view word, Token token) {
  const std::size_t begin = at_;
  while (at_ < text_.size() && is_word(text_[at_])) ++at_;
  value_ = text_.substr(begin, at_ - begin);
  if (value_ == word) return token;
  return fail("Unrecognized token '" + value_ + "': was expecting " + std::string(kValues));
}

Token JsonPull::read_number() {
  const std::size_t begin = at_;
  if (text_[at_] == '-') ++at_;
  const auto digits = [this] {
    const std::size_t from = at_;
    while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
    return at_ > from;
  };
  const bool zero = at_ < text_.size() && text_[at_] == '0';
  const std::size_t integer = at_;
  if (!digits()) return unexpected("expected digit (0-9) to follow minus sign, for valid numeric value");
  if (zero && at_ - integer > 1) return fail("Invalid numeric value: Leading zeroes not allowed");
  if (at_ < text_.size() && text_[at_] == '.') {
    ++at_;
    if (!digits()) return unexpected("Decimal point not followed by a digit");
  }
  if (at_ < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
    ++at_;
    if (at_ < text_.size() && (text_[at_] == '+' || text_[at_] == '-')) ++at_;
    if (!digits()) return unexpected("Exponent indicator not followed by a digit");
  }
  value_ = text_.substr(begin, at_ - begin);
  return Token::kNumber;
}

/// The rest of a string, after its quotation mark.
bool JsonPull::read_string() {
  value_.clear();
  while (true) {
    const std::size_t begin = at_;
    while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\' &&
           static_cast<unsigned char>(text_[at_]) >= 0x20) {
      ++at_;
    }
    value_ += text_.substr(begin, at_ - begin);
    if (at_ >= text_.size()) {
      fail("Unexpected end-of-input: was expecting closing quote for a string value");
      return false;
    }
    const char c = text_[at_++];
    if (c == '"') return true;
    if (c != '\\') {
      fail("Illegal unquoted character ((CTRL-CHAR, code " + std::to_string(static_cast<unsigned char>(c)) +
           ")): has to be escaped using backslash to be included in string value");
      return false;
    }
    if (!read_escape()) return false;
  }
}

/// What follows a backslash.
bool JsonPull::read_escape() {
  constexpr std::string_view kNames = "\"\\/bfnrt";
  constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
  const auto unit = [this]() -> std::int32_t {
    if (text_.size() - at_ < 4) return -1;
    std::int32_t code = 0;
    for (int i = 0; i < 4; ++i) {
      const int digit = hex_digit(text_[at_++]);
      if (digit < 0) return -1;
      code = code * 16 + digit;
    }
    return code;
  };
  const char c = at_ < text_.size() ? text_[at_++] : '\0';
  if (const std::size_t known = kNames.find(c); c != '\0' && known != std::string_view::npos) {
    value_ += kMeanings[known];
    return true;
  }
  if (c != 'u') {
    fail("Unrecognized character escape '" + std::string(1, c) + "' (code " +
         std::to_string(static_cast<unsigned char>(c)) + ")");
    return false;
  }
  std::int32_t code = unit();
  if (code >= 0xd800 && code < 0xdc00 && text_.substr(at_, 2) == "\\u") {
    at_ += 2;
    const std::int32_t low = unit();
    code = low >= 0xdc00 && low < 0xe000 ? 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00) : -1;
  }
  if (code < 0) {
    fail("Unexpected character: expected a hex-digit for character escape sequence");
    return false;
  }
  if (code >= 0xd800 && code < 0xe000) code = 0xfffd;  // Half of a pair alone is no character.
  append_utf8(value_, static_cast<std::uint32_t>(code));
  return true;
}

}  // namespace cumulet::events
