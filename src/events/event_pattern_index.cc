#include <algorithm>
#include <map>
#include <unordered_map>

#include "events/event_pattern_rules.h"

namespace cumulet::events {
namespace {

struct Entry {
  Entry(std::size_t p, const Conjunction* f) : pattern(p), fields(f) {}
  std::size_t pattern;
  const Conjunction* fields;
};

struct Anchor {
  std::vector<std::string> path;
  std::unordered_map<std::string, std::vector<Entry>> by_value;
};

}  // namespace

struct EventPatternIndex::Impl {
  using Popularity = std::map<std::string, std::unordered_map<std::string, std::size_t>>;

  explicit Impl(std::vector<EventPattern> p) : patterns(std::move(p)) {
    const Popularity popularity = count_values();
    std::map<std::string, Anchor> by_name;
    for (std::size_t i = 0; i < patterns.size(); ++i) {
      for (const Conjunction& fields : patterns[i].rules_->any) {
        const FieldPattern* anchor = best_anchor(fields, popularity);
        if (!anchor) {
          others.emplace_back(i, &fields);
          continue;
        }
        Anchor& at = by_name[anchor->name];
        at.path = anchor->path;
        for (const std::string& value : anchor->exact) at.by_value[value].emplace_back(i, &fields);
      }
    }
    for (auto& [name, anchor] : by_name) anchors.push_back(std::move(anchor));
  }

  Popularity count_values() const {
    Popularity counts;
    for (const EventPattern& pattern : patterns) {
      for (const Conjunction& fields : pattern.rules_->any) {
        for (const auto& field : fields) {
          if (!field->only_exact()) continue;
          for (const std::string& value : field->exact) ++counts[field->name][value];
        }
      }
    }
    return counts;
  }

  /// The field whose values the fewest other patterns ask for.
  static const FieldPattern* best_anchor(const Conjunction& fields, const Popularity& popularity) {
    const FieldPattern* best = nullptr;
    std::size_t fewest = 0;
    for (const auto& field : fields) {
      if (!field->only_exact()) continue;
      std::size_t count = 0;
      for (const std::string& value : field->exact) count += popularity.at(field->name).at(value);
      if (best && count >= fewest) continue;
      best = field.get();
      fewest = count;
    }
    return best;
  }

  const std::vector<EventPattern> patterns;
  std::vector<Anchor> anchors;
  std::vector<Entry> others;
};

EventPatternIndex::EventPatternIndex(std::vector<EventPattern> patterns)
    : impl_(std::make_unique<const Impl>(std::move(patterns))) {}
EventPatternIndex::~EventPatternIndex() = default;
EventPatternIndex::EventPatternIndex(EventPatternIndex&&) noexcept = default;
EventPatternIndex& EventPatternIndex::operator=(EventPatternIndex&&) noexcept = default;

std::vector<std::size_t> EventPatternIndex::matches(const EventDocument& event) const {
  std::vector<bool> matched(impl_->patterns.size());
  std::vector<std::size_t> result;
  const auto look_at = [&](const std::vector<Entry>& entries) {
    for (const Entry& entry : entries) {
      if (matched[entry.pattern] || !events::matches(*entry.fields, event)) continue;
      matched[entry.pattern] = true;
      result.push_back(entry.pattern);
    }
  };
  for (const Anchor& anchor : impl_->anchors) {
    const std::vector<EventDocument::Leaf>* leaves = event.find(anchor.path);
    if (!leaves) continue;
    for (const EventDocument::Leaf& leaf : *leaves) {
      if (leaf.kind != EventDocument::Kind::kString) continue;
      const auto found = anchor.by_value.find(leaf.text);
      if (found != anchor.by_value.end()) look_at(found->second);
    }
  }
  look_at(impl_->others);
  std::sort(result.begin(), result.end());
  return result;
}

}  // namespace cumulet::events
