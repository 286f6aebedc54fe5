#pragma once

#include <memory>
#include <string_view>

#include "base/result.h"
#include "services/dynamodb/expression_ast.h"

namespace cumulet::dynamodb {

constexpr std::size_t kMaxExpressionBytes = 4096;
constexpr std::size_t kMaxExpressionOperators = 300;
constexpr std::size_t kMaxPathSteps = 32;
constexpr std::size_t kMaxInOperands = 100;
/// How deep parentheses and NOT may nest before the parser refuses: it recurses. More than 300 operators can need.
constexpr int kMaxExpressionDepth = 320;

/// Parses an expression of that kind. Everything that can be told without the values of the placeholders is checked:
/// syntax, reserved words, function names and places, limits; the rest is checked when it is bound
/// (expression_binding.h). Fails with ValidationException and DynamoDB's message ("Invalid FilterExpression: Syntax
/// error; …").
Result<Expression> parse_expression(ExpressionKind kind, std::string_view text);

/// The same, with the expressions parsed last on this thread at hand.
Result<std::shared_ptr<const Expression>> parse_expression_cached(ExpressionKind kind, std::string_view text);

}  // namespace cumulet::dynamodb
