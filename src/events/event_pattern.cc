#include "events/event_pattern.h"

#include <algorithm>
#include <clocale>
#include <cwctype>
#include <set>

#include <arpa/inet.h>

#include "base/text.h"
#include "events/event_pattern_rules.h"

namespace cumulet::events {
namespace {

using Leaf = EventDocument::Leaf;

/// Comparisons that one match may take. Only patterns made for it come near.
constexpr std::size_t kStepLimit = 1 << 20;

bool any_of(const std::vector<std::string>& texts, const auto& holds) {
  return std::any_of(texts.begin(), texts.end(), holds);
}

std::uint32_t next_code_point(std::string_view text, std::size_t& at) {
  const auto lead = static_cast<unsigned char>(text[at++]);
  if (lead < 0x80) return lead;
  const int more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
  std::uint32_t code = lead & (0x3fu >> more);
  for (int i = 0; i < more && at < text.size(); ++i) {
    code = (code << 6) | (static_cast<unsigned char>(text[at++]) & 0x3f);
  }
  return code;
}

locale_t unicode() {
  static const locale_t locale = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  return locale;
}

bool in_range(const Matcher& range, const std::optional<std::int64_t>& number) {
  return number && (!range.low || *number >= *range.low) && (!range.high || *number <= *range.high);
}

bool in_range(const std::string& first, const std::string& last, const std::string& text) {
  const std::optional<std::string> address = address_bytes(text);
  return address && address->size() == first.size() && *address >= first && *address <= last;
}

}  // namespace

std::string fold_case(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::uint32_t code = next_code_point(text, at);
    if (code < 0x80) {
      out += static_cast<char>(code >= 'A' && code <= 'Z' ? code + 32 : code);
    } else {
      const locale_t locale = unicode();
      append_utf8(out, locale == nullptr ? code : ::towlower_l(::towupper_l(code, locale), locale));
    }
  }
  return out;
}

bool wildcard_matches(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
      continue;
    }
    const std::size_t literal = p < pattern.size() && pattern[p] == '\\' ? p + 1 : p;
    if (literal < pattern.size() && pattern[literal] == text[t]) {
      p = literal + 1;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::optional<std::string> address_bytes(std::string_view text) {
  if (text.size() < 2 || text.size() > 45) return std::nullopt;
  const std::string copy(text);
  unsigned char bytes[16];
  if (copy.find(':') != std::string::npos) {
    if (::inet_pton(AF_INET6, copy.c_str(), bytes) != 1) return std::nullopt;
    return std::string(reinterpret_cast<const char*>(bytes), 16);
  }
  if (::inet_pton(AF_INET, copy.c_str(), bytes) != 1) return std::nullopt;
  return std::string(reinterpret_cast<const char*>(bytes), 4);
}

bool Matcher::matches(const Leaf& leaf) const {
  const bool is_text = leaf.kind == EventDocument::Kind::kString;
  const std::string_view text = leaf.text;
  switch (kind) {
    case Kind::kWord:
      return !is_text && text == texts.front();
    case Kind::kAddress:
      return is_text && (text == texts.front() || in_range(texts.back(), texts.back(), leaf.text));
    case Kind::kNumber:
      if (leaf.kind != EventDocument::Kind::kNumber) return false;
      return text == texts.front() || (leaf.number && !numbers.empty() && *leaf.number == numbers.front());
    case Kind::kPrefix:
      return is_text && text.starts_with(texts.front());
    case Kind::kSuffix:
      return is_text && text.ends_with(texts.front());
    case Kind::kPrefixIgnoreCase:
      return is_text && fold_case(text).starts_with(texts.front());
    case Kind::kSuffixIgnoreCase:
      return is_text && fold_case(text).ends_with(texts.front());
    case Kind::kEqualsIgnoreCase:
      return is_text && fold_case(text) == texts.front();
    case Kind::kWildcard:
      return is_text && wildcard_matches(texts.front(), text);
    case Kind::kAnythingBut:
      if (is_text) return !std::binary_search(texts.begin(), texts.end(), leaf.text);
      return !leaf.number || !std::binary_search(numbers.begin(), numbers.end(), *leaf.number);
    case Kind::kAnythingButPrefix:
      return !is_text || !any_of(texts, [text](const std::string& prefix) { return text.starts_with(prefix); });
    case Kind::kAnythingButSuffix:
      return !is_text || !any_of(texts, [text](const std::string& suffix) { return text.ends_with(suffix); });
    case Kind::kAnythingButIgnoreCase:
      return !is_text || !any_of(texts, [folded = fold_case(text)](const std::string& t) { return t == folded; });
    case Kind::kAnythingButWildcard:
      return !is_text || !any_of(texts, [text](const std::string& w) { return wildcard_matches(w, text); });
    case Kind::kNumeric:
      return in_range(*this, leaf.number);
    case Kind::kCidr:
      return is_text && in_range(texts.front(), texts.back(), leaf.text);
    case Kind::kExists:
      return true;
    case Kind::kAbsent:
      return false;
  }
  return false;
}

bool FieldPattern::matches(const Leaf& leaf) const {
  if (leaf.kind == EventDocument::Kind::kString && std::binary_search(exact.begin(), exact.end(), leaf.text)) {
    return true;
  }
  return std::any_of(matchers.begin(), matchers.end(), [&leaf](const Matcher& m) { return m.matches(leaf); });
}

bool FieldPattern::may_be_absent() const {
  return std::any_of(matchers.begin(), matchers.end(),
                     [](const Matcher& m) { return m.kind == Matcher::Kind::kAbsent; });
}

namespace {

/// Looks for one leaf a field such that all leaves agree on the element of each array they lie in. A field for which
/// there is none sends the search back to the last field that stood in its way, so fields of unrelated arrays are not
/// tried against each other.
class Search {
 public:
  Search(const Conjunction& fields, const EventDocument& event) : fields_(fields), event_(event) {}

  bool run() {
    for (const auto& field : fields_) {
      const std::vector<Leaf>* leaves = event_.find(field->path);
      std::set<std::uint32_t> scopes;
      if (leaves) {
        for (const Leaf& leaf : *leaves) {
          if (!scopes.contains(leaf.scope) && field->matches(leaf)) scopes.insert(leaf.scope);
        }
      }
      if (scopes.empty() && !field->may_be_absent()) return false;
      leaves_.push_back(leaves);
      candidates_.emplace_back(scopes.begin(), scopes.end());
    }
    std::set<std::size_t> conflicts;
    return field_matches(0, conflicts);
  }

 private:
  struct Chosen {
    Chosen(std::uint32_t a, std::uint32_t i, std::size_t f) : array(a), index(i), field(f) {}
    std::uint32_t array;
    std::uint32_t index;
    std::size_t field;
  };

  /// Without a match, `conflicts` gets the earlier fields whose choices are to blame.
  bool field_matches(std::size_t field, std::set<std::size_t>& conflicts) {
    if (field == fields_.size()) return true;
    for (const std::uint32_t scope : candidates_[field]) {
      if (++steps_ > kStepLimit) return false;
      const std::size_t mark = chosen_.size();
      if (choose(scope, field, conflicts)) {
        std::set<std::size_t> later;
        if (field_matches(field + 1, later)) return true;
        if (!blame(field, later, conflicts)) {
          chosen_.erase(chosen_.begin() + static_cast<std::ptrdiff_t>(mark), chosen_.end());
          return false;
        }
      }
      chosen_.erase(chosen_.begin() + static_cast<std::ptrdiff_t>(mark), chosen_.end());
    }
    if (fields_[field]->may_be_absent()) {
      if (is_absent(field)) {
        std::set<std::size_t> later;
        if (field_matches(field + 1, later)) return true;
        blame(field, later, conflicts);
      }
      for (std::size_t earlier = 0; earlier < field; ++earlier) conflicts.insert(earlier);
    }
    return false;
  }

  /// False when another choice for `field` would not help: then the whole blame lies with earlier ones.
  static bool blame(std::size_t field, std::set<std::size_t>& later, std::set<std::size_t>& conflicts) {
    const bool ours = later.erase(field) > 0;
    if (!ours) conflicts.clear();
    conflicts.insert(later.begin(), later.end());
    return ours;
  }

  const Chosen* chosen_in(std::uint32_t array) const {
    const auto found =
        std::find_if(chosen_.begin(), chosen_.end(), [array](const Chosen& c) { return c.array == array; });
    return found == chosen_.end() ? nullptr : &*found;
  }

  bool choose(std::uint32_t scope, std::size_t field, std::set<std::size_t>& conflicts) {
    for (; scope != 0; scope = event_.scope(scope).outer) {
      ++steps_;
      const EventDocument::Scope& element = event_.scope(scope);
      const Chosen* before = chosen_in(element.array);
      if (before && before->index != element.index) {
        conflicts.insert(before->field);
        return false;
      }
      if (!before) chosen_.emplace_back(element.array, element.index, field);
    }
    return true;
  }

  bool consistent(std::uint32_t scope) const {
    for (; scope != 0; scope = event_.scope(scope).outer) {
      const Chosen* before = chosen_in(event_.scope(scope).array);
      if (before && before->index != event_.scope(scope).index) return false;
    }
    return true;
  }

  bool is_absent(std::size_t field) {
    if (!leaves_[field]) return true;
    steps_ += leaves_[field]->size();
    return std::none_of(leaves_[field]->begin(), leaves_[field]->end(),
                        [this](const Leaf& leaf) { return consistent(leaf.scope); });
  }

  const Conjunction& fields_;
  const EventDocument& event_;
  std::vector<const std::vector<Leaf>*> leaves_;
  std::vector<std::vector<std::uint32_t>> candidates_;  ///< By field: scopes that hold a matching leaf.
  std::vector<Chosen> chosen_;
  std::size_t steps_ = 0;
};

}  // namespace

bool matches(const Conjunction& fields, const EventDocument& event) { return Search(fields, event).run(); }

bool EventPattern::matches(const EventDocument& event) const {
  return std::any_of(rules_->any.begin(), rules_->any.end(),
                     [&event](const Conjunction& fields) { return events::matches(fields, event); });
}

bool EventPattern::matches(std::string_view event_json) const {
  const std::optional<EventDocument> event = EventDocument::parse(event_json);
  return event && matches(*event);
}

}  // namespace cumulet::events
