#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/session.h"
#include "wire/generated/lambda.h"

namespace cumulet::cli {

/// A REPORT line of a function's log.
struct ReportLine {
  double duration_ms = 0;
  std::optional<double> init_ms;  ///< Of a cold start.
  double memory_mb = 0;
  double most_used_mb = 0;
};
std::optional<ReportLine> read_report(const std::string& text);

/// A module that was imported while the function initialised.
struct ImportedModule {
  std::string name;
  std::string by;  ///< The module that imported it.
  double ms = 0;   ///< With all that it imported.
  int depth = 0;   ///< 0: the handler's own module.
};

/// One cold start that was measured from outside and inside.
struct ColdStart {
  double whole_ms = 0;  ///< As the caller sees it.
  double init_ms = 0;
  double imports_ms = 0;  ///< Of the initialisation.
  double handler_ms = 0;  ///< Here of a handler that only answers.
  std::vector<ImportedModule> modules;
};

/// Starts a copy of the function some times, anew each time, and gives the fastest start. The copy has the function's
/// code, role and configuration, but its handler is not called, only its module imported. It is deleted afterwards.
Result<ColdStart> probe_imports(const Session& session, const wire::lambda::GetFunctionResponse& function);

}  // namespace cumulet::cli
