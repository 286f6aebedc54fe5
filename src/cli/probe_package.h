#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/trial.h"

namespace cumulet::cli {

/// A part of a package that was not read: a folder at its top, or a file there.
struct UnreadPart {
  std::string name;
  std::size_t files = 0;
  std::uint64_t bytes = 0;  ///< Unpacked.
};

/// What a package weighs, and what it costs: measured against a copy that has only what is read.
struct PackageWeight {
  std::size_t files = 0;
  std::size_t files_read = 0;
  std::uint64_t bytes = 0;  ///< Unpacked.
  std::uint64_t bytes_read = 0;
  std::vector<UnreadPart> unread;  ///< The largest first.
  double start_ms = 0;             ///< The fastest start …
  double lean_start_ms = 0;        ///< … and that of the lean copy.
  double deploy_ms = 0;            ///< The fastest CreateFunction, with the upload …
  double lean_deploy_ms = 0;       ///< … and that of the lean copy.
};

/// Nothing when so little is unread that it cannot matter, or when the function does not start without it. `read`: the
/// names of the files that are needed. The event (JSON), if there is one, must succeed with the lean copy as well.
Result<std::optional<PackageWeight>> probe_package(const Session& session,
                                                   const wire::lambda::GetFunctionResponse& function,
                                                   const std::string& package, const std::vector<std::string>& read,
                                                   const std::optional<std::string>& event);

}  // namespace cumulet::cli
