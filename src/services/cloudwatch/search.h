#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "services/cloudwatch/series.h"

namespace cumulet::cloudwatch {

/// What SEARCH looks for: '{AWS/Lambda,FunctionName} MetricName="Errors" (checkout OR cart) NOT test'. A term without
/// quotes matches a part of a name, cut at capitals and signs; with quotes the whole of it.
/// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/search-expression-syntax.html
class Search {
 public:
  struct Term;

  /// Fails with ValidationError.
  static Result<Search> parse(std::string_view text);

  bool matches(const Series& series) const;
  /// The namespace that all found series have; empty when any may.
  const std::string& space() const { return space_; }

 private:
  std::string space_;
  std::vector<std::string> dimensions_;
  bool has_schema_ = false;
  std::shared_ptr<const Term> root_;  ///< Null: everything of the schema.
};

}  // namespace cumulet::cloudwatch
