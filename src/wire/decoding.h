#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "wire/schema.h"

namespace cumulet::wire {

/// The way from an input to a value inside it, on the stack of whoever walks.
struct Path {
  enum class Step { kMember, kElement, kEntry };
  const Path* up = nullptr;
  Step step = Step::kMember;
  std::string_view name{};  ///< Of the member, or the map's key.
  std::size_t index = 0;    ///< Of the list's element, from 0.
};

/// As validation messages spell it: "attributeDefinitions.1.member.attributeName".
std::string to_string(const Path* path);

/// What decoding found besides the input itself.
struct Findings {
  /// No more are kept: AWS reports ten at once, and whoever sends a million nulls shall not make us write a million
  /// paths.
  static constexpr std::size_t kMaxMissing = 16;
  void add_missing(const Path& path) {
    if (missing.size() < kMaxMissing) missing.push_back(to_string(&path));
  }

  std::vector<std::string> missing;  ///< Paths of required members that are not there.
  std::optional<Error> late;         ///< Reported only when validation finds nothing.
  /// Something that the protocol cannot take, in AWS's words; what has been decoded is to be thrown away.
  std::optional<Error> fatal;
};

/// The address of a member's value inside a structure, put there first if it is optional.
inline void* make_member(const Member& member, void* structure) {
  void* at = static_cast<char*>(structure) + member.offset;
  return member.holder == nullptr ? at : member.holder->make(at);
}

/// The address of a member's value; null when it is absent.
inline const void* get_member(const Member& member, const void* structure) {
  const void* at = static_cast<const char*>(structure) + member.offset;
  return member.holder == nullptr ? at : member.holder->get(at);
}

/// How many elements of a list are worth decoding: one more than allowed is enough for the error.
inline std::size_t wanted_elements(const Shape& list) {
  return list.has_max && list.max < 1e6 ? static_cast<std::size_t>(list.max) + 1 : static_cast<std::size_t>(-1);
}

}  // namespace cumulet::wire
