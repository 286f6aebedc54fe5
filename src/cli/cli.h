#pragma once

#include <string>
#include <vector>

namespace cumulet::cli {

/// Runs one command of the `cumulet` program other than `serve`, and gives the exit status: 0 when it did its work, 1
/// when it failed, 2 when the arguments are wrong. Everything but `env` and `doctor` is a client of the HTTP API like
/// any other.
int run(const std::vector<std::string>& arguments, const std::string& version);

}  // namespace cumulet::cli
