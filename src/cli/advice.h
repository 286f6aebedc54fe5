#pragma once

#include <string>
#include <vector>

#include "cli/history.h"
#include "cli/probe.h"
#include "cli/probe_package.h"

/// What to change, each with what was measured. Nothing is advised that was not.
namespace cumulet::cli {

using Advice = std::vector<std::string>;

void advise_imports(const ColdStart& start, Advice& advice);
void advise_package(const PackageWeight& weight, Advice& advice);
void advise_handler(const HandlerCalls& calls, Advice& advice);
void advise_first_calls(const History& history, Advice& advice);
void advise_recursion(const Recursion& recursion, Advice& advice);
void advise_memory(const History& history, std::int32_t memory_size, Advice& advice);

}  // namespace cumulet::cli
