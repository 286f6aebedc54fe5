#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cumulet::events {

/// Reads JSON token by token and keeps what a document tree loses: the text of numbers, duplicate names, and where the
/// reader stands. Strict (RFC 8259), up to 1,000 levels deep.
///
/// Messages and positions are those of Jackson, whose words EventBridge shows to its users: it looks at the beginning
/// of a value when it has read the value's name, and reads a string's text only when that is asked for.
class JsonPull {
 public:
  enum class Token {
    kObjectStart,
    kObjectEnd,
    kArrayStart,
    kArrayEnd,
    kName,
    kString,
    kNumber,
    kTrue,
    kFalse,
    kNull,
    kEnd,    ///< Nothing follows.
    kError,  ///< The text is not JSON: see error(). Comes again and again.
  };

  explicit JsonPull(std::string_view text) : text_(text) {}

  Token next();
  /// Text of the current name, string or number, or the word or bracket as it stands.
  const std::string& text();
  /// What is wrong with the text itself; empty while nothing is.
  const std::string& error() const { return error_; }
  /// `message` with the place where the reader stands.
  std::string at_this_place(std::string_view message) const;

 private:
  Token fail(std::string_view message);
  Token unexpected(std::string_view expectation);
  Token read_value();
  Token read_number();
  Token read_word(std::string_view word, Token token);
  Token close(char bracket);
  bool read_string();
  bool read_escape();
  void skip_space();

  std::string_view text_;
  std::size_t at_ = 0;
  std::string value_;
  std::string error_;
  std::string scopes_;  ///< '{' and '[', outermost first.
  bool started_ = false;
  bool first_ = true;         ///< Nothing stands in the innermost scope yet.
  bool string_open_ = false;  ///< The current string's text was not read yet.
  bool value_ahead_ = false;  ///< `ahead_` was read together with its name.
  Token ahead_ = Token::kEnd;
  std::string ahead_text_;
};

}  // namespace cumulet::events
