#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "services/cloudwatch/read.h"

/// Metric math: parsed once, evaluated over values that were read before.
/// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
namespace cumulet::cloudwatch {

/// A node of an expression.
struct MathNode {
  enum class Kind { kNumber, kText, kName, kUnary, kBinary, kCall };
  Kind kind = Kind::kNumber;
  double number = 0;
  std::string text;  ///< kText, kName; the operator ("+", "<=", "AND", "!"); the function, in capitals.
  std::vector<MathNode> children;
};

/// Fails with ValidationError. Nesting and length are limited.
Result<MathNode> parse_math(std::string_view text);

/// The ids that an expression names, METRICS() not counted.
void collect_names(const MathNode& node, std::vector<std::string>& names);

/// One time series of a value.
struct MathSeries {
  std::string label;
  std::int64_t period = 60;
  Points points;
};

/// A number, or time series; a single one unless it came from METRICS or SEARCH.
struct MathValue {
  bool scalar = false;
  double number = 0;
  bool array = false;
  std::vector<MathSeries> series;

  static MathValue of(double number);
  static MathValue of(MathSeries series);
};

/// What evaluation knows of its surroundings.
class MathContext {
 public:
  virtual ~MathContext() = default;
  /// Null when there is no such id.
  virtual const MathValue* find(const std::string& id) const = 0;
  /// METRICS(): the metrics of the request whose ids contain `part`.
  virtual MathValue metrics(const std::string& part) const = 0;
  /// SEARCH: what was found before for this call's text.
  virtual const MathValue* search(const MathNode& call) const = 0;
  virtual Range range(std::int64_t period) const = 0;
};

/// Fails with ValidationError.
Result<MathValue> evaluate(const MathNode& node, const MathContext& context);

/// A function of metric math over evaluated arguments; `node` is its call.
Result<MathValue> call_function(const MathNode& node, std::vector<MathValue> arguments, const MathContext& context);

Error invalid_math(std::string why);  ///< ValidationError

}  // namespace cumulet::cloudwatch
