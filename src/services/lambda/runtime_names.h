#pragma once

#include <optional>
#include <string>

namespace cumulet::lambda {

/// What Lambda says of a runtime that it does not know; nullopt if it is one of its documented ones. The model's list
/// is not checked as others are: files in runtimes/ may add names (see compute/catalogue.h).
std::optional<std::string> undocumented_runtime(const std::string& runtime);

}  // namespace cumulet::lambda
