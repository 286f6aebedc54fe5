#include "services/s3/select/lexer.h"

#include <algorithm>

#include "base/text.h"
#include "services/s3/select/errors.h"

namespace cumulet::s3::select {
namespace {

// https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-select-sql-reference-keyword-list.html, sorted.
constexpr std::string_view kReserved =
    "absolute action add all allocate alter and any are as asc assertion at authorization avg bag begin "
    "between bit bit_length blob bool boolean both by cascade cascaded case cast catalog char char_length "
    "character character_length check clob close coalesce collate collation column commit connect connection "
    "constraint constraints continue convert corresponding count create cross current current_date "
    "current_time current_timestamp current_user cursor date day deallocate dec decimal declare default "
    "deferrable deferred delete desc describe descriptor diagnostics disconnect distinct domain double drop "
    "else end escape except exception exec execute exists external extract false fetch first float for "
    "foreign found from full get global go goto grant group having hour identity immediate in indicator "
    "initially inner input insensitive insert int integer intersect interval into is isolation join key "
    "language last leading left level like limit list local lower match max min minute missing module month "
    "names national natural nchar next no not null nullif numeric octet_length of on only open option or "
    "order outer output overlaps pad partial pivot position precision prepare preserve primary prior "
    "privileges procedure public read real references relative restrict revoke right rollback rows schema "
    "scroll second section select session session_user set sexp size smallint some space sql sqlcode "
    "sqlerror sqlstate string struct substring sum symbol system_user table temporary then time timestamp "
    "timezone_hour timezone_minute to trailing transaction translate translation trim true tuple union "
    "unique unknown unpivot update upper usage user using value values varchar varying view when whenever "
    "where with work write year zone";

bool is_reserved(std::string_view word) {
  static const std::vector<std::string_view> kWords = split(kReserved, ' ');
  return std::binary_search(kWords.begin(), kWords.end(), word);
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool starts_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$'; }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  Result<std::vector<Token>> run() {
    while (skip_space()) {
      Result<Token> token = next();
      if (!token.ok()) return std::move(token).error();
      tokens_.push_back(std::move(*token));
    }
    if (at_ > text_.size()) return select_error("LexerInvalidLiteral");  // A comment that does not end.
    tokens_.emplace_back();
    return std::move(tokens_);
  }

 private:
  char here(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }

  /// Whether something follows.
  bool skip_space() {
    while (at_ < text_.size()) {
      if (is_space(text_[at_])) {
        ++at_;
      } else if (text_.substr(at_, 2) == "--") {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (text_.substr(at_, 2) == "/*") {
        const std::size_t end = text_.find("*/", at_ + 2);
        at_ = end == std::string_view::npos ? text_.size() + 1 : end + 2;
      } else {
        return true;
      }
    }
    return false;
  }

  Result<Token> next() {
    const char c = here();
    if (starts_name(c)) return word();
    if (is_digit(c) || (c == '.' && is_digit(here(1)) && !follows_name())) return number();
    if (c == '\'') return quoted(Token::Kind::kText, c);
    if (c == '"') return quoted(Token::Kind::kQuotedName, c);
    if (c == '`') return quoted(Token::Kind::kIon, c);
    return symbol();
  }

  /// "s.1" is a path that is wrong, and no name before a number.
  bool follows_name() const {
    if (tokens_.empty()) return false;
    const Token& last = tokens_.back();
    return last.kind == Token::Kind::kName || last.kind == Token::Kind::kQuotedName || last.is_symbol("]");
  }

  Token word() {
    const std::size_t begin = at_;
    while (starts_name(here()) || is_digit(here())) ++at_;
    std::string word(text_.substr(begin, at_ - begin));
    const std::string lower = to_lower(word);
    if (is_reserved(lower)) {
      return Token(Token::Kind::kKeyword, lower);
    }
    return Token(Token::Kind::kName, std::move(word));
  }

  Result<Token> number() {
    const std::size_t begin = at_;
    while (is_digit(here())) ++at_;
    if (here() == '.') ++at_;
    while (is_digit(here())) ++at_;
    if (here() == 'e' || here() == 'E') {
      const std::size_t sign = here(1) == '+' || here(1) == '-' ? 1 : 0;
      if (!is_digit(here(1 + sign))) return select_error("LexerInvalidLiteral");
      at_ += 1 + sign;
      while (is_digit(here())) ++at_;
    }
    if (starts_name(here())) return select_error("LexerInvalidLiteral");
    return Token(Token::Kind::kNumber, std::string(text_.substr(begin, at_ - begin)));
  }

  /// A quote is written twice inside.
  Result<Token> quoted(Token::Kind kind, char quote) {
    std::string inside;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == quote) {
        if (here(1) != quote) {
          ++at_;
          return Token(kind, std::move(inside));
        }
        ++at_;
      }
      inside += text_[at_];
    }
    return select_error("LexerInvalidLiteral");
  }

  Result<Token> symbol() {
    constexpr std::string_view kTwo[] = {"<=", ">=", "<>", "!=", "||"};
    for (const std::string_view two : kTwo) {
      if (text_.substr(at_, 2) != two) continue;
      at_ += 2;
      return Token(Token::Kind::kOperator, two == "!=" ? "<>" : std::string(two));
    }
    const char c = text_[at_];
    if (c == '!' || c == '|') return select_error("LexerInvalidOperator");
    const bool is_operator = std::string_view("+-*/%=<>").find(c) != std::string_view::npos;
    if (!is_operator && std::string_view("()[],.;{}:?@").find(c) == std::string_view::npos) {
      return select_error("LexerInvalidChar");
    }
    ++at_;
    return Token(is_operator ? Token::Kind::kOperator : Token::Kind::kSymbol, std::string(1, c));
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<Token> tokens_;
};

}  // namespace

Result<std::vector<Token>> tokens_of(std::string_view expression) {
  if (!is_utf8(expression)) return select_error("LexerInvalidChar");
  return Lexer(expression).run();
}

}  // namespace cumulet::s3::select
