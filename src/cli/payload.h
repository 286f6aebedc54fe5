#pragma once

#include <string>

#include "cli/command.h"

namespace cumulet::cli {

/// The event that --payload gives: JSON, '@FILE', or '-' for stdin; without it {}. It is not checked.
Result<std::string> read_payload(const Arguments& arguments);

}  // namespace cumulet::cli
