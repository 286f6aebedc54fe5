#pragma once

#include <string>
#include <vector>

#include "services/lambda/durable/executions.h"

namespace cumulet::lambda::durable {

/// Operations for a replay, and where to go on.
struct Executions::Page {
  std::vector<wire::lambda::Operation> operations;
  std::uint64_t next = 0;  ///< 0: that was all.
};

/// One invocation of an execution's function.
struct Executions::Invocation {
  FunctionName function;
  std::string invoked_arn;
  std::string request_id;
  std::string payload;
  std::string trace;
  Timestamp started;
};

}  // namespace cumulet::lambda::durable
