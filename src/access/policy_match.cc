#include "access/policy_match.h"

#include <optional>
#include <utility>

#include "base/text.h"

namespace cumulet::access {
namespace {

/// A pattern's characters; wildcards are values that no byte has.
using Glyphs = std::vector<int>;
constexpr int kAny = -1;
constexpr int kOne = -2;

void append_literal(Glyphs& out, std::string_view text) {
  for (const char c : text) out.push_back(static_cast<unsigned char>(c));
}

/// The value of a policy variable: "aws:username", with a default as in "aws:username, 'nobody'".
std::optional<std::string> variable(std::string_view name, const Context& context) {
  std::optional<std::string> otherwise;
  if (const std::size_t comma = name.find(','); comma != std::string_view::npos) {
    std::string_view text = trim(name.substr(comma + 1));
    if (text.size() >= 2 && text.front() == '\'' && text.back() == '\'')
      otherwise = std::string(text.substr(1, text.size() - 2));
    name = trim(name.substr(0, comma));
  }
  const auto found = context.find(to_lower(name));
  if (found == context.end() || found->second.size() != 1) return otherwise;
  return found->second.front();
}

/// Nullopt when a variable has no value.
std::optional<Glyphs> glyphs_of(std::string_view pattern, const Context* context) {
  Glyphs out;
  out.reserve(pattern.size());
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (context && pattern[i] == '$' && i + 1 < pattern.size() && pattern[i + 1] == '{') {
      const std::size_t end = pattern.find('}', i + 2);
      if (end != std::string_view::npos) {
        const std::string_view name = pattern.substr(i + 2, end - i - 2);
        if (name == "*" || name == "?" || name == "$") {
          append_literal(out, name);
        } else {
          const std::optional<std::string> value = variable(name, *context);
          if (!value) return std::nullopt;
          append_literal(out, *value);
        }
        i = end;
        continue;
      }
    }
    if (pattern[i] == '*') {
      out.push_back(kAny);
    } else if (pattern[i] == '?') {
      out.push_back(kOne);
    } else {
      out.push_back(static_cast<unsigned char>(pattern[i]));
    }
  }
  return out;
}

int folded(int glyph) { return glyph >= 'A' && glyph <= 'Z' ? glyph - 'A' + 'a' : glyph; }

/// Time is the product of the lengths at worst: on a mismatch only the last '*' is tried again.
bool matches_glyphs(const Glyphs& pattern, std::string_view text, bool fold_case) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = pattern.size();
  std::size_t star_text = 0;
  const auto equal = [&](int glyph, char c) {
    const int byte = static_cast<unsigned char>(c);
    return glyph == kOne || glyph == byte || (fold_case && glyph >= 0 && folded(glyph) == folded(byte));
  };
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == kAny) {
      star = p++;
      star_text = t;
    } else if (p < pattern.size() && equal(pattern[p], text[t])) {
      ++p;
      ++t;
    } else if (star < pattern.size()) {
      p = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == kAny) ++p;
  return p == pattern.size();
}

/// The first five parts of an ARN and the rest; fewer when there are fewer colons.
std::vector<std::string_view> arn_parts(std::string_view text) {
  std::vector<std::string_view> parts;
  while (parts.size() < 5) {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) break;
    parts.push_back(text.substr(0, colon));
    text.remove_prefix(colon + 1);
  }
  parts.push_back(text);
  return parts;
}

}  // namespace

bool matches_pattern(std::string_view pattern, std::string_view text, const Context* context, bool fold_case) {
  const std::optional<Glyphs> glyphs = glyphs_of(pattern, context);
  return glyphs && matches_glyphs(*glyphs, text, fold_case);
}

bool matches_arn(std::string_view pattern, std::string_view arn, const Context* context) {
  const std::vector<std::string_view> wanted = arn_parts(pattern);
  const std::vector<std::string_view> given = arn_parts(arn);
  if (wanted.size() != 6 || given.size() != 6) return matches_pattern(pattern, arn, context);
  for (std::size_t i = 0; i < 6; ++i) {
    if (!matches_pattern(wanted[i], given[i], context)) return false;
  }
  return true;
}

}  // namespace cumulet::access
