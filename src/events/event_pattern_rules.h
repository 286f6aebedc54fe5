#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "events/event_pattern.h"

/// What a pattern means, for its parser, its matcher and the index.
namespace cumulet::events {

/// One value of a field's list.
struct Matcher {
  enum class Kind {
    kWord,     ///< true, false or null.
    kAddress,  ///< A text that is an IP address: any writing of the same one.
    kNumber,   ///< text, or the same number
    kPrefix,
    kSuffix,
    kPrefixIgnoreCase,
    kSuffixIgnoreCase,
    kEqualsIgnoreCase,
    kWildcard,
    kAnythingBut,        ///< texts or numbers
    kAnythingButPrefix,  ///< and the following: texts
    kAnythingButSuffix,
    kAnythingButIgnoreCase,
    kAnythingButWildcard,
    kNumeric,  ///< low and high
    kCidr,     ///< texts: the first and the last address
    kExists,
    kAbsent,
  };

  explicit Matcher(Kind k) : kind(k) {}
  Matcher(Kind k, std::string t) : kind(k) { texts.push_back(std::move(t)); }

  bool matches(const EventDocument::Leaf& leaf) const;

  Kind kind;
  std::vector<std::string> texts;  ///< Folded where case is ignored.
  std::vector<std::int64_t> numbers;
  std::optional<std::int64_t> low;
  std::optional<std::int64_t> high;
};

/// A field and what it may be.
struct FieldPattern {
  std::string name;                ///< The path's steps joined with dots.
  std::vector<std::string> path;   ///< Split at dots.
  std::vector<std::string> exact;  ///< Texts, sorted.
  std::vector<Matcher> matchers;

  bool matches(const EventDocument::Leaf& leaf) const;
  bool may_be_absent() const;
  bool only_exact() const { return matchers.empty(); }
};

/// Fields that must all match, by name.
using Conjunction = std::vector<std::shared_ptr<const FieldPattern>>;

/// Any of the conjunctions ("$or" is multiplied out).
struct EventPattern::Rules {
  std::vector<Conjunction> any;
};

bool matches(const Conjunction& fields, const EventDocument& event);

/// Lower case of every letter that has one.
std::string fold_case(std::string_view text);
/// '*' is any run of characters; '\' makes the next character stand for itself.
bool wildcard_matches(std::string_view pattern, std::string_view text);
/// The address's 4 or 16 bytes; nothing for any other text.
std::optional<std::string> address_bytes(std::string_view text);

}  // namespace cumulet::events
