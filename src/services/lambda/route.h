#pragma once

#include <memory>
#include <optional>
#include <string>

#include "services/lambda/lambda.h"
#include "storage/key.h"

namespace cumulet::lambda {

/// Where a function's name with a qualifier leads: to one version, or by an alias' weight to a second one.
struct Lambda::Route {
  std::shared_ptr<const compute::FunctionVersion> version;
  std::shared_ptr<const compute::FunctionVersion> other;
  double other_weight = 0;
  DurableTerms durable;
  DurableTerms other_durable;
  std::int64_t reserved = -1;
  bool stops_recursion = true;
  std::string arn;
  std::shared_ptr<const access::Policy> policy;  ///< Of the function or of its qualifier.
  std::shared_ptr<InvocationMetrics> metrics;
};

}  // namespace cumulet::lambda
