#pragma once

#include <string>
#include <vector>

#include "cli/trial.h"

namespace cumulet::cli {

/// A module that was imported.
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
  std::vector<std::string> files;  ///< Of the package, that were read.
};

/// Starts it some times, anew each time, and gives the fastest start. The handler is not called.
Result<ColdStart> probe_start(Trial& trial);

/// Something that the handler does anew in each call, and how long it takes if that is kept from the first call on.
struct RepeatedWork {
  std::string kind;  ///< function, client, file
  std::string what;
  double kept_ms = 0;  ///< The fastest call with it kept.
};

/// The handler, called in one environment with one event.
struct HandlerCalls {
  int calls = 0;
  double first_ms = 0;
  std::vector<ImportedModule> imports;  ///< By the first call.
  double warm_ms = 0;                   ///< The fastest of the later ones.
  std::vector<RepeatedWork> repeated;
};

/// Calls the handler with this event (JSON), up to `kCallsAtMost` times. Fails when the handler does.
inline constexpr int kCallsAtMost = 33;
Result<HandlerCalls> probe_handler(const Trial& trial, const std::string& event);

/// How long one call took.
Result<double> call_handler(const Trial& trial, const std::string& event);

/// What has been read of the package until now.
Result<std::vector<std::string>> files_read(const Trial& trial);

}  // namespace cumulet::cli
