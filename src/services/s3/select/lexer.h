#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace cumulet::s3::select {

/// What a SQL expression consists of.
struct Token {
  enum class Kind {
    kEnd,
    kKeyword,     ///< A reserved word, in lower case.
    kName,        ///< As it is written; its case does not count.
    kQuotedName,  ///< "name": its case counts.
    kText,        ///< 'text', without its quotes.
    kNumber,
    kIon,       ///< `literal`.
    kOperator,  ///< + - * / % = <> != < <= > >= ||
    kSymbol,    ///< ( ) [ ] , . ; and what else stands for itself
  };

  Token() = default;
  Token(Kind k, std::string t) : kind(k), text(std::move(t)) {}
  bool is(Kind wanted, std::string_view what) const { return kind == wanted && text == what; }
  bool is_symbol(std::string_view symbol) const { return is(Kind::kSymbol, symbol); }
  bool is_operator(std::string_view symbol) const { return is(Kind::kOperator, symbol); }
  bool is_keyword(std::string_view word) const { return is(Kind::kKeyword, word); }

  Kind kind = Kind::kEnd;
  std::string text;
};

/// The last token is kEnd. Fails with LexerInvalidChar, LexerInvalidLiteral or LexerInvalidOperator.
Result<std::vector<Token>> tokens_of(std::string_view expression);

}  // namespace cumulet::s3::select
