#include "services/dynamodb/expression_lexer.h"

#include "base/text.h"

namespace cumulet::dynamodb {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_part(char c) { return is_letter(c) || is_digit(c) || c == '_'; }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

std::size_t end_of_run(std::string_view text, std::size_t from, bool (*belongs)(char)) {
  while (from < text.size() && belongs(text[from])) ++from;
  return from;
}

Token next_token(std::string_view text, std::size_t at) {
  const auto token = [&](TokenKind kind, std::size_t end) { return Token{kind, at, text.substr(at, end - at)}; };
  const char c = text[at];
  if (is_letter(c)) return token(TokenKind::kName, end_of_run(text, at, is_name_part));
  if (is_digit(c)) return token(TokenKind::kInteger, end_of_run(text, at, is_digit));
  if (c == '#' || c == ':') {
    const std::size_t end = end_of_run(text, at + 1, is_name_part);
    if (end == at + 1) return token(TokenKind::kUnknown, end);
    return token(c == '#' ? TokenKind::kNameRef : TokenKind::kValueRef, end);
  }
  if (c == '<' || c == '>') {
    const char second = at + 1 < text.size() ? text[at + 1] : '\0';
    const bool two = second == '=' || (c == '<' && second == '>');
    return token(TokenKind::kSymbol, at + (two ? 2 : 1));
  }
  constexpr std::string_view kSymbols = "()[],.+-=";
  return token(kSymbols.find(c) != std::string_view::npos ? TokenKind::kSymbol : TokenKind::kUnknown, at + 1);
}

}  // namespace

bool Token::is_keyword(std::string_view upper) const { return kind == TokenKind::kName && iequals(text, upper); }

std::vector<Token> tokenize(std::string_view expression) {
  std::vector<Token> tokens;
  tokens.reserve(expression.size() / 4 + 2);
  std::size_t at = end_of_run(expression, 0, is_space);
  while (at < expression.size()) {
    tokens.push_back(next_token(expression, at));
    at = end_of_run(expression, at + tokens.back().text.size(), is_space);
  }
  tokens.push_back(Token{TokenKind::kEnd, expression.size(), {}});
  return tokens;
}

}  // namespace cumulet::dynamodb
