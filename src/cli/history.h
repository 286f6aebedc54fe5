#pragma once

#include <vector>

#include "cli/trial.h"

namespace cumulet::cli {

/// What a function's log says of its past invocations.
struct History {
  std::vector<double> init_ms;     ///< Of cold starts.
  std::vector<double> handler_ms;  ///< Of cold starts.
  std::vector<double> warm_ms;     ///< Of all others.
  double most_used_mb = 0;         ///< Of all.
  std::size_t invocations() const { return init_ms.size() + warm_ms.size(); }
};
Result<History> read_history(const Session& session, const wire::lambda::FunctionConfiguration& function);

/// What its metrics say of the events that it had caused itself.
struct Recursion {
  double invocations = 0;  ///< All …
  double duration_ms = 0;
  double repeated = 0;  ///< … and those by an event that came from the function itself.
  double repeated_ms = 0;
  double stopped = 0;  ///< What was not even run.
};
Result<Recursion> read_recursion(const Session& session, const std::string& function);

double median(std::vector<double> values);

}  // namespace cumulet::cli
