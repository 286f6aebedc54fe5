#include "services/logs/delimited_pattern.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/text.h"

namespace cumulet::logs {
namespace {

constexpr std::size_t kMostFields = 100;
constexpr std::size_t kMostWords = 10'000;

std::optional<double> number_of(std::string_view text) {
  const std::string copy(text);
  char* end = nullptr;
  const double number = std::strtod(copy.c_str(), &end);
  if (copy.empty() || *end != '\0' || !std::isfinite(number)) return std::nullopt;
  return number;
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  std::size_t at = 0;
  while (at < line.size() && words.size() < kMostWords) {
    if (line[at] == ' ' || line[at] == '\t' || line[at] == '\n' || line[at] == '\r') {
      ++at;
      continue;
    }
    const char close = line[at] == '"' ? '"' : line[at] == '[' ? ']' : '\0';
    const std::size_t end = close == '\0' ? std::string_view::npos : line.find(close, at + 1);
    if (end != std::string_view::npos) {
      words.push_back(line.substr(at + 1, end - at - 1));
      at = end + 1;
      continue;
    }
    const std::size_t stop = std::min(line.find_first_of(" \t\r\n", at), line.size());
    words.push_back(line.substr(at, stop - at));
    at = stop;
  }
  return words;
}

/// Cuts at a separator outside of quotation marks.
std::vector<std::string_view> cut(std::string_view text, std::string_view separator) {
  std::vector<std::string_view> parts;
  bool quoted = false;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '"') quoted = !quoted;
    if (quoted || text.substr(at, separator.size()) != separator) continue;
    parts.push_back(text.substr(begin, at - begin));
    at += separator.size() - 1;
    begin = at + 1;
  }
  parts.push_back(text.substr(begin));
  return parts;
}

bool is_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '$' || c == '.';
  });
}

}  // namespace

bool glob(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
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

bool DelimitedPattern::Condition::holds(std::string_view value) const {
  const std::optional<double> given = number ? number_of(value) : std::nullopt;
  if (op == "=") return given ? *given == *number : glob(text, value);
  if (op == "!=") return given ? *given != *number : !glob(text, value);
  if (!given) return false;
  if (op == "<") return *given < *number;
  if (op == ">") return *given > *number;
  return op == "<=" ? *given <= *number : *given >= *number;
}

bool DelimitedPattern::Field::holds(std::string_view value) const {
  if (any_of.empty()) return true;
  return std::any_of(any_of.begin(), any_of.end(), [value](const std::vector<Condition>& group) {
    return std::all_of(group.begin(), group.end(), [value](const Condition& c) { return c.holds(value); });
  });
}

bool DelimitedPattern::parse_condition(std::string_view text, Field& field, Condition& condition,
                                       std::string& problem) {
  const std::size_t at = text.find_first_of("=!<>");
  const std::string_view name = trim(text.substr(0, at));
  if (!is_name(name) || (!field.name.empty() && field.name != name)) {
    problem = "a field's name is not valid or not the same in all of its conditions";
    return false;
  }
  field.name = std::string(name);
  if (at == std::string_view::npos) return true;
  const bool two = at + 1 < text.size() && text[at + 1] == '=' && text[at] != '=';
  condition.op = std::string(text.substr(at, two ? 2 : 1));
  std::string_view value = trim(text.substr(at + condition.op.size()));
  const bool quoted = value.size() >= 2 && value.front() == '"' && value.back() == '"';
  if (quoted) value = value.substr(1, value.size() - 2);
  condition.text = std::string(value);
  if (!quoted) condition.number = number_of(value);
  const bool ordered = condition.op.front() == '<' || condition.op.front() == '>';
  if (condition.op == "!" || (!quoted && value.empty()) || (ordered && !condition.number)) {
    problem = "a condition is not well formed";
    return false;
  }
  return true;
}

bool DelimitedPattern::parse_field(std::string_view text, Field& field, std::string& problem) {
  text = trim(text);
  if (text == "...") {
    field.ellipsis = true;
    return true;
  }
  for (const std::string_view alternative : cut(text, "||")) {
    std::vector<Condition> group;
    for (const std::string_view part : cut(alternative, "&&")) {
      Condition condition;
      if (!parse_condition(trim(part), field, condition, problem)) return false;
      if (!condition.op.empty()) group.push_back(std::move(condition));
    }
    if (!group.empty()) field.any_of.push_back(std::move(group));
  }
  return true;
}

std::optional<DelimitedPattern> DelimitedPattern::parse(std::string_view text, std::string& problem) {
  if (text.size() < 2 || text.front() != '[' || text.back() != ']') {
    problem = "expected ']' at its end";
    return std::nullopt;
  }
  DelimitedPattern pattern;
  for (const std::string_view part : cut(text.substr(1, text.size() - 2), ",")) {
    if (!parse_field(part, pattern.fields_.emplace_back(), problem)) return std::nullopt;
  }
  const auto ellipses =
      std::count_if(pattern.fields_.begin(), pattern.fields_.end(), [](const Field& field) { return field.ellipsis; });
  if (ellipses > 1 || pattern.fields_.size() > kMostFields) {
    problem = "it has more than one \"...\" or more than 100 fields";
    return std::nullopt;
  }
  return pattern;
}

std::optional<std::vector<std::string_view>> DelimitedPattern::assign(std::string_view message) const {
  const std::vector<std::string_view> words = words_of(message);
  const bool open = std::any_of(fields_.begin(), fields_.end(), [](const Field& field) { return field.ellipsis; });
  const std::size_t named = fields_.size() - (open ? 1 : 0);
  if (open ? words.size() < named : words.size() != named) return std::nullopt;
  std::vector<std::string_view> assigned;
  std::size_t at = 0;
  for (const Field& field : fields_) {
    if (field.ellipsis) {
      at += words.size() - named;
      assigned.emplace_back();
    } else {
      assigned.push_back(words[at++]);
    }
  }
  return assigned;
}

bool DelimitedPattern::matches(std::string_view message) const {
  const std::optional<std::vector<std::string_view>> words = assign(message);
  if (!words) return false;
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    if (!fields_[i].ellipsis && !fields_[i].holds((*words)[i])) return false;
  }
  return true;
}

std::optional<std::string> DelimitedPattern::value(std::string_view message, std::string_view name) const {
  const std::optional<std::vector<std::string_view>> words = assign(message);
  if (!words) return std::nullopt;
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    if (!fields_[i].ellipsis && fields_[i].name == name) return std::string((*words)[i]);
  }
  return std::nullopt;
}

std::vector<std::pair<std::string, std::string>> DelimitedPattern::values(std::string_view message) const {
  std::vector<std::pair<std::string, std::string>> result;
  const std::optional<std::vector<std::string_view>> words = assign(message);
  if (!words) return result;
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    if (!fields_[i].ellipsis) result.emplace_back("$" + fields_[i].name, std::string((*words)[i]));
  }
  return result;
}

}  // namespace cumulet::logs
