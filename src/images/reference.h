#pragma once

#include <optional>
#include <string>
#include <string_view>

/// Container images: their names, their parts, where they come from, and their file systems unpacked.
namespace cumulet::images {

/// HOST/REPOSITORY:TAG, HOST/REPOSITORY@sha256:…, or both (then the digest counts).
struct Reference {
  std::string registry;    ///< Host, perhaps with a port.
  std::string repository;  ///< a/b/c
  std::string tag;         ///< "latest" when neither tag nor digest were given.
  std::string digest;      ///< "sha256:" and 64 digits, or empty.

  /// What a registry is asked for.
  const std::string& target() const { return digest.empty() ? tag : digest; }
  /// The same image by its digest.
  std::string with_digest(const std::string& wanted) const { return registry + "/" + repository + "@" + wanted; }
};

/// Nullopt when it is not the name of an image in a registry: a host must be there.
std::optional<Reference> parse_reference(std::string_view text);

/// "sha256:" and 64 lower-case hexadecimal digits.
bool is_digest(std::string_view text);
bool is_repository(std::string_view text);
bool is_tag(std::string_view text);

/// localhost, a name below it, or a loopback address, whatever the port.
bool is_loopback(std::string_view registry);

}  // namespace cumulet::images
