#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "events/event_document.h"

namespace cumulet::events {

/// An EventBridge event pattern: what a JSON event must look like. Exact values, "prefix", "suffix",
/// "equals-ignore-case", "wildcard", "anything-but", "numeric", "cidr", "exists" and "$or".
/// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
///
/// Where an event has arrays of objects, all fields of a match come from the same element of each array. Matching takes
/// bounded time, whatever the pattern and the event. Immutable, thread-safe, cheap to copy.
class EventPattern {
 public:
  struct Rules;

  /// Fails with InvalidEventPatternException and EventBridge's words. How long a pattern may be, the caller decides.
  static Result<EventPattern> parse(std::string_view json);

  bool matches(const EventDocument& event) const;
  /// False also when the text is no JSON object.
  bool matches(std::string_view event_json) const;

 private:
  friend class EventPatternIndex;
  explicit EventPattern(std::shared_ptr<const Rules> rules) : rules_(std::move(rules)) {}
  std::shared_ptr<const Rules> rules_;
};

/// Many patterns, matched at once: an event is compared only with those that share a value with it, and with those that
/// name no exact value at all. Immutable, thread-safe.
class EventPatternIndex {
 public:
  explicit EventPatternIndex(std::vector<EventPattern> patterns);
  ~EventPatternIndex();
  EventPatternIndex(EventPatternIndex&&) noexcept;
  EventPatternIndex& operator=(EventPatternIndex&&) noexcept;

  /// The places, ascending, of the patterns that match.
  std::vector<std::size_t> matches(const EventDocument& event) const;

 private:
  struct Impl;
  std::unique_ptr<const Impl> impl_;
};

}  // namespace cumulet::events
