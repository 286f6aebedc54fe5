#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace cumulet::dynamodb::partiql {

enum class TokenKind : std::uint8_t {
  kWord,       ///< A keyword, a function or a name.
  kName,       ///< A name in double quotes.
  kString,     ///< A text in single quotes.
  kNumber,     ///< Digits, with a point and an exponent possibly.
  kParameter,  ///< A question mark.
  kSymbol,
  kEnd,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string text;       ///< Without quotes.
  std::size_t begin = 0;  ///< Place in the statement.

  bool is(std::string_view symbol) const { return kind == TokenKind::kSymbol && text == symbol; }
  /// Keywords have no case.
  bool is_keyword(std::string_view upper) const;
};

/// The last token is kEnd. Fails with ValidationException on what is no token.
Result<std::vector<Token>> tokenize(std::string_view statement);

/// "Statement wasn't well formed, can't be processed: …"
Error malformed(const std::string& what);

}  // namespace cumulet::dynamodb::partiql
