#pragma once

#include <string_view>

#include "base/result.h"
#include "services/s3/select/expression.h"

namespace cumulet::s3::select {

constexpr std::size_t kExpressionLimit = 256 * 1024;

/// The statement of an expression. Fails with ExpressionTooLong and the errors whose codes begin with Lexer and Parse,
/// UnsupportedFunction, UnsupportedSqlStructure and MaxOperatorsExceeded (too deep).
Result<Statement> parse_statement(std::string_view expression);

}  // namespace cumulet::s3::select
