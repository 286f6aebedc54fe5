#pragma once

#include <string>

#include "base/result.h"

namespace cumulet::cloudformation {

/// A package with one file: what `Code: {ZipFile: source text}` in a template stands for.
Result<std::string> zip_of(const std::string& file_name, const std::string& text);

}  // namespace cumulet::cloudformation
