#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "services/s3/select/like.h"
#include "services/s3/select/value.h"

/// What the parser makes of a SQL expression.
namespace cumulet::s3::select {

/// One step into a list or a structure.
struct PathStep {
  enum class Kind { kName, kQuotedName, kIndex, kAllElements, kAllAttributes };
  PathStep(Kind k, std::string n) : kind(k), name(std::move(n)) {}
  explicit PathStep(std::size_t i) : kind(Kind::kIndex), index(i) {}
  /// Whether a name in the data is meant.
  bool names(std::string_view other) const;

  Kind kind;
  std::string name;
  std::size_t index = 0;
};
using Path = std::vector<PathStep>;

enum class Operation {
  kConstant,
  kReference,  ///< `path`, below the record.
  kAnd,
  kOr,
  kNot,
  kNegate,
  kCalculate,  ///< `symbol`: + - * / %
  kConcatenate,
  kEqual,
  kNotEqual,
  kLess,
  kLessOrEqual,
  kGreater,
  kGreaterOrEqual,
  kBetween,  ///< value, low, high
  kIn,       ///< value, candidates...
  kLike,     ///< text, pattern, escape?
  kIsNull,
  kIsMissing,
  kIsType,     ///< `type`
  kCase,       ///< when, then, when, then, ..., else?
  kCaseValue,  ///< value, then as above
  kCast,       ///< `type`
  kAggregate,  ///< `aggregate`, `slot`; without an operand it is COUNT(*)
  kCoalesce,
  kNullIf,
  kCharLength,
  kLower,
  kUpper,
  kSubstring,
  kTrim,  ///< text, characters?; `trim`
  kToString,
  kToTimestamp,
  kDateAdd,
  kDateDiff,
  kExtract,
  kUtcNow,
};

enum class Type { kBool, kInteger, kFloat, kDecimal, kString, kTimestamp };
enum class Aggregate { kCount, kSum, kAverage, kMinimum, kMaximum };
enum class Trim { kBoth, kLeading, kTrailing };

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

struct Expression {
  explicit Expression(Operation o) : operation(o) {}

  Operation operation;
  bool negated = false;  ///< NOT BETWEEN, IS NOT NULL, and so on.
  char symbol = 0;
  Type type = Type::kString;
  Aggregate aggregate = Aggregate::kCount;
  Trim trim = Trim::kBoth;
  Moment::Part part = Moment::Part::kYear;
  std::size_t slot = 0;
  std::size_t column = 0;  ///< Of a reference into CSV: 1 is the first; 0 the record itself.
  std::size_t depth = 1;   ///< Of the tree from here on.
  std::vector<ExpressionPtr> operands;
  Path path;
  std::string text;  ///< What a constant text refers to.
  Value constant;
  std::optional<LikePattern> pattern;  ///< Of a LIKE whose pattern is constant.
};

/// One entry of the SELECT list.
struct Projection {
  ExpressionPtr expression;  ///< Null: all columns (* or alias.*).
  std::string name;          ///< In JSON output.
};

struct Statement {
  std::vector<Projection> projections;
  Path from;                      ///< Below S3Object[*].
  std::optional<PathStep> alias;  ///< A name.
  ExpressionPtr where;            ///< May be null.
  std::optional<std::uint64_t> limit;
  std::vector<Expression*> aggregates;  ///< By slot.
};

}  // namespace cumulet::s3::select
