#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace cumulet::cli {

/// What its language's own interpreter says of a source file that cannot be parsed (Python, JavaScript, Ruby); nothing
/// when the file is fine, of another kind, or the interpreter is not here.
std::optional<std::string> syntax_problem(const std::filesystem::path& file);

}  // namespace cumulet::cli
