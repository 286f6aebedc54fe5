#include "wire/pattern.h"

#include <cctype>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <unordered_map>

#include <re2/re2.h>

namespace cumulet::wire {
namespace {

constexpr int kMaxRepeat = 1000;  // RE2's own.

/// {n,m}: RE2 counts to 1000. Larger bounds are left to the length constraint that stands beside such a pattern.
std::string repeat(std::string_view body) {
  const std::size_t comma = body.find(',');
  const auto number = [](std::string_view text) {
    int value = 0;
    for (const char c : text) {
      if (std::isdigit(static_cast<unsigned char>(c)) == 0) return -1;
      value = std::min(value * 10 + (c - '0'), 1'000'000);
    }
    return text.empty() ? -1 : value;
  };
  const int low = number(body.substr(0, comma));
  const int high = comma == std::string_view::npos ? low : number(body.substr(comma + 1));
  if (low < 0 || std::max(low, high) <= kMaxRepeat) return "{" + std::string(body) + "}";
  return low > kMaxRepeat ? "+" : low == 0 ? "*" : "{" + std::to_string(low) + ",}";
}

/// Java's \uXXXX is RE2's \x{XXXX}.
std::string to_re2(std::string_view pattern) {
  std::string out;
  bool in_class = false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\\' && i + 1 < pattern.size()) {
      if (pattern[i + 1] == 'u' && i + 5 < pattern.size()) {
        out += "\\x{" + std::string(pattern.substr(i + 2, 4)) + "}";
        i += 5;
      } else {
        out += c;
        out += pattern[++i];
      }
    } else if (c == '{' && !in_class && pattern.find('}', i) != std::string_view::npos) {
      const std::size_t end = pattern.find('}', i);
      out += repeat(pattern.substr(i + 1, end - i - 1));
      i = end;
    } else {
      if (c == '[') in_class = true;
      if (c == ']') in_class = false;
      out += c;
    }
  }
  return out;
}

class PatternCache {
 public:
  /// Null when RE2 does not know the pattern.
  const RE2* get(const char* pattern) {
    {
      std::shared_lock lock(mutex_);
      const auto found = compiled_.find(pattern);
      if (found != compiled_.end()) return found->second.get();
    }
    RE2::Options options;
    options.set_log_errors(false);
    auto fresh = std::make_unique<RE2>(to_re2(pattern), options);
    if (!fresh->ok()) fresh.reset();
    std::unique_lock lock(mutex_);
    return compiled_.try_emplace(pattern, std::move(fresh)).first->second.get();
  }

 private:
  std::shared_mutex mutex_;
  std::unordered_map<const char*, std::unique_ptr<RE2>> compiled_;
};

}  // namespace

bool matches_pattern(const char* pattern, std::string_view text) {
  static PatternCache cache;
  const RE2* compiled = cache.get(pattern);
  return compiled == nullptr || RE2::FullMatch(re2::StringPiece(text.data(), text.size()), *compiled);
}

}  // namespace cumulet::wire
