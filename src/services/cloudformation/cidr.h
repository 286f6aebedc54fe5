#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace cumulet::cloudformation {

/// The first `count` IPv4 blocks of 2^`bits` addresses inside `block` ("10.0.0.0/16"); nullopt when they do not fit.
std::optional<std::vector<std::string>> cidr_blocks(const std::string& block, std::int64_t count, std::int64_t bits);

}  // namespace cumulet::cloudformation
