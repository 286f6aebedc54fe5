#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace cumulet::dynamodb {

enum class TokenKind : std::uint8_t {
  kEnd,
  kName,      ///< attribute name, keyword or function name
  kNameRef,   ///< #name
  kValueRef,  ///< :value
  kInteger,
  kSymbol,   ///< ( ) [ ] , . + - = < > <= >= <>
  kUnknown,  ///< a character that no expression contains
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::size_t begin = 0;  ///< Offset into the expression.
  std::string_view text;  ///< Into the expression; empty at the end.

  bool is(std::string_view symbol) const { return kind == TokenKind::kSymbol && text == symbol; }
  /// Keywords count in any case.
  bool is_keyword(std::string_view upper) const;
};

/// Cuts an expression into tokens, ended by kEnd. Never fails: what it does not know becomes kUnknown, for the parser
/// to complain about.
std::vector<Token> tokenize(std::string_view expression);

}  // namespace cumulet::dynamodb
