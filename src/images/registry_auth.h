#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace cumulet::images {

/// What a registry's 401 asks for (WWW-Authenticate).
struct Challenge {
  bool bearer = false;  ///< Else basic.
  std::string realm;
  std::string service;
  std::string scope;
};
/// Nullopt when it asks for nothing we have.
std::optional<Challenge> parse_challenge(std::string_view header);

/// The token in a token server's answer; empty: there is none.
std::string parse_token(std::string_view json);

/// Names and passwords of registries by host, from a file as `docker login` writes it ("auths"). Fails when it is there
/// and not readable as such.
Result<std::map<std::string, std::string>> read_registry_logins(const std::filesystem::path& file);

}  // namespace cumulet::images
