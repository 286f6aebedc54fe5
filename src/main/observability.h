#pragma once

#include <functional>
#include <string>
#include <vector>

#include <signal.h>

#include "base/clock.h"
#include "pipeline/pipeline.h"
#include "storage/database.h"

namespace cumulet {

constexpr int kResetSignal = SIGUSR1;

/// Adds the endpoints of our own: /metrics (Prometheus), /_localstack/health (which tools wait for) and, in `--dev`,
/// POST /_cumulet/clock (body {"advance_seconds": N}), which moves the clock and calls `clock_moved`, and POST
/// /_cumulet/reset (LocalStack's /_localstack/state/reset, too), which asks for an empty cloud by sending this process
/// kResetSignal.
void add_observability(pipeline::Pipeline& pipeline, storage::Database& database, SystemClock& clock,
                       std::vector<std::string> services, bool dev, std::function<void()> clock_moved);

/// The version of this build.
std::string version();

}  // namespace cumulet
