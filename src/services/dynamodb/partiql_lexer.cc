#include "services/dynamodb/partiql_lexer.h"

#include <array>
#include <utility>

#include "base/text.h"
#include "services/dynamodb/errors.h"

namespace cumulet::dynamodb::partiql {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  Result<std::vector<Token>> run() {
    while (true) {
      skip_space();
      if (at_ >= text_.size()) break;
      Result<Token> token = next();
      if (!token) return std::move(token).error();
      tokens_.push_back(std::move(*token));
    }
    Token end;
    end.begin = text_.size();
    tokens_.push_back(std::move(end));
    return std::move(tokens_);
  }

 private:
  char at(std::size_t place) const { return place < text_.size() ? text_[place] : '\0'; }

  void skip_space() {
    while (at_ < text_.size()) {
      if (is_space(text_[at_])) {
        ++at_;
      } else if (text_[at_] == '-' && at(at_ + 1) == '-') {
        while (at_ < text_.size() && text_[at_] != '\n') ++at_;
      } else {
        return;
      }
    }
  }

  Token token(TokenKind kind, std::size_t end) {
    Token made;
    made.kind = kind;
    made.begin = at_;
    made.text = std::string(text_.substr(at_, end - at_));
    at_ = end;
    return made;
  }

  Result<Token> next() {
    const char c = text_[at_];
    if (c == '"' || c == '\'') return quoted(c);
    if (is_letter(c)) {
      std::size_t end = at_;
      while (is_letter(at(end)) || is_digit(at(end))) ++end;
      return token(TokenKind::kWord, end);
    }
    if (is_digit(c) || (c == '.' && is_digit(at(at_ + 1)))) return number();
    if (c == '?') return token(TokenKind::kParameter, at_ + 1);
    constexpr std::array<std::string_view, 6> kPairs = {"<<", ">>", "<=", ">=", "<>", "!="};
    for (const std::string_view pair : kPairs) {
      if (text_.substr(at_, 2) == pair) return token(TokenKind::kSymbol, at_ + 2);
    }
    constexpr std::string_view kSymbols = "()[]{},.:=<>+-*;";
    if (kSymbols.find(c) != std::string_view::npos) return token(TokenKind::kSymbol, at_ + 1);
    return malformed("Unexpected character at position " + std::to_string(at_));
  }

  Token number() {
    std::size_t end = at_;
    while (is_digit(at(end))) ++end;
    if (at(end) == '.') {
      ++end;
      while (is_digit(at(end))) ++end;
    }
    if (at(end) == 'e' || at(end) == 'E') {
      const std::size_t sign = at(end + 1) == '+' || at(end + 1) == '-' ? 2 : 1;
      if (is_digit(at(end + sign))) {
        end += sign;
        while (is_digit(at(end))) ++end;
      }
    }
    return token(TokenKind::kNumber, end);
  }

  /// A doubled quote stands for one.
  Result<Token> quoted(char quote) {
    Token made;
    made.kind = quote == '"' ? TokenKind::kName : TokenKind::kString;
    made.begin = at_;
    for (std::size_t end = at_ + 1; end < text_.size(); ++end) {
      if (text_[end] != quote) {
        made.text += text_[end];
      } else if (at(end + 1) == quote) {
        made.text += quote;
        ++end;
      } else {
        at_ = end + 1;
        return made;
      }
    }
    return malformed("A quote at position " + std::to_string(at_) + " is not closed");
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<Token> tokens_;
};

}  // namespace

bool Token::is_keyword(std::string_view upper) const { return kind == TokenKind::kWord && iequals(text, upper); }

Result<std::vector<Token>> tokenize(std::string_view statement) { return Lexer(statement).run(); }

Error malformed(const std::string& what) {
  return invalid("Statement wasn't well formed, can't be processed: " + what);
}

}  // namespace cumulet::dynamodb::partiql
