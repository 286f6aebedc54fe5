#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace cumulet::events {

/// A number as event patterns compare it: within ±5e9, in steps of 10^-6. Nothing outside of that.
std::optional<std::int64_t> comparable_number(const std::string& text);

/// An event, taken apart once for all the patterns that are matched with it: its leaves by path. An array's elements
/// are leaves (or objects) of the array's own path. The steps of a path are split at dots, so {"a.b": 1} and
/// {"a": {"b": 1}} have the same path. Immutable. Uses memory in proportion to the event's text.
class EventDocument {
 public:
  enum class Kind { kString, kNumber, kTrue, kFalse, kNull };

  struct Leaf {
    Leaf(Kind k, std::string t, std::uint32_t s) : kind(k), text(std::move(t)), scope(s) {}
    Kind kind;
    std::string text;  ///< A number's text as it was written.
    std::optional<std::int64_t> number;
    std::uint32_t scope;
  };

  /// The elements of arrays in which a leaf lies: one element here, the others up the chain. 0 is no array.
  struct Scope {
    Scope(std::uint32_t o, std::uint32_t a, std::uint32_t i) : outer(o), array(a), index(i) {}
    std::uint32_t outer;
    std::uint32_t array;
    std::uint32_t index;
  };

  /// Nothing unless the text is one JSON object.
  static std::optional<EventDocument> parse(std::string_view json);

  /// Null when the event has no such leaf.
  const std::vector<Leaf>* find(const std::vector<std::string>& path) const;
  const Scope& scope(std::uint32_t id) const { return scopes_[id]; }

 private:
  class Builder;

  struct Step {
    Step(std::uint32_t f, std::string_view n) : from(f), name(n) {}
    std::uint32_t from;
    std::string_view name;
    friend bool operator==(const Step&, const Step&) = default;
  };
  struct Hash {
    std::size_t operator()(const Step& step) const {
      return std::hash<std::string_view>()(step.name) ^ (step.from * 0x9e3779b97f4a7c15ULL);
    }
  };

  EventDocument() = default;

  std::vector<std::vector<Leaf>> paths_;
  std::vector<Scope> scopes_;
  std::vector<std::unique_ptr<std::string>> names_;  ///< What the steps' names point to.
  std::unordered_map<Step, std::uint32_t, Hash> steps_;
};

}  // namespace cumulet::events
