#include "services/cloudwatch/search.h"

#include <algorithm>

#include "base/text.h"

namespace cumulet::cloudwatch {

struct Search::Term {
  enum class Kind { kMatch, kAnd, kOr, kNot };
  Kind kind = Kind::kMatch;
  std::string property;  ///< Of a match: MetricName, Namespace or a dimension; empty means any of them.
  std::string text;
  bool exact = false;
  std::vector<std::shared_ptr<const Term>> children;
};

namespace {

using Term = Search::Term;
using TermPtr = std::shared_ptr<const Term>;

constexpr std::size_t kLongest = 1024;
constexpr std::size_t kDeepest = 32;

Error invalid_search(std::string why) {
  return Error("ValidationError", 400, "Invalid search expression: " + std::move(why));
}

bool is_capital(char c) { return c >= 'A' && c <= 'Z'; }
bool is_word_char(char c) {
  return is_capital(c) || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80;
}

/// "CPUUtilization of i-12ab" -> cpu, utilization, of, i, 12ab, with the whole words besides.
std::vector<std::string> parts_of(std::string_view text) {
  std::vector<std::string> parts;
  std::string word;
  std::string part;
  const auto end_part = [&] {
    if (!part.empty()) parts.push_back(to_lower(part));
    part.clear();
  };
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i == text.size() || !is_word_char(text[i])) {
      if (!word.empty() && word != part) parts.push_back(to_lower(word));
      end_part();
      word.clear();
      continue;
    }
    const bool new_part =
        is_capital(text[i]) && !part.empty() &&
        (!is_capital(part.back()) || (i + 1 < text.size() && text[i + 1] >= 'a' && text[i + 1] <= 'z'));
    if (new_part) end_part();
    part += text[i];
    word += text[i];
  }
  return parts;
}

/// All parts of the wanted text stand in the name.
bool holds(std::string_view name, const Term& term) {
  if (term.exact) return name == term.text;
  const std::vector<std::string> parts = parts_of(name);
  for (const std::string& wanted : parts_of(term.text)) {
    if (std::find(parts.begin(), parts.end(), wanted) == parts.end()) return false;
  }
  return true;
}

bool matches_term(const Term& term, const Series& series) {
  const auto child = [&series](const TermPtr& c) { return matches_term(*c, series); };
  switch (term.kind) {
    case Term::Kind::kAnd:
      return std::all_of(term.children.begin(), term.children.end(), child);
    case Term::Kind::kOr:
      return std::any_of(term.children.begin(), term.children.end(), child);
    case Term::Kind::kNot:
      return !child(term.children.front());
    case Term::Kind::kMatch:
      break;
  }
  if (term.property == "MetricName") return holds(series.name, term);
  if (term.property == "Namespace") return holds(series.space, term);
  if (!term.property.empty()) {
    const auto found = series.dimensions.find(term.property);
    return found != series.dimensions.end() && holds(found->second, term);
  }
  if (holds(series.name, term) || holds(series.space, term)) return true;
  return std::any_of(series.dimensions.begin(), series.dimensions.end(),
                     [&term](const auto& entry) { return holds(entry.first, term) || holds(entry.second, term); });
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  /// {Namespace, Dimension, …}
  bool schema(std::vector<std::string>& names) {
    ++at_;
    while (true) {
      skip_spaces();
      std::string name;
      if (at_ < text_.size() && text_[at_] == '"') {
        if (!quoted(name)) return false;
      } else {
        while (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '}') name += text_[at_++];
        name = std::string(trim(name));
      }
      skip_spaces();
      if (name.empty() || at_ == text_.size()) return false;
      names.push_back(std::move(name));
      const char next = text_[at_++];
      if (next == '}') return true;
      if (next != ',') return false;
    }
  }

  bool starts_schema() {
    skip_spaces();
    return at_ < text_.size() && text_[at_] == '{';
  }
  bool at_end() {
    skip_spaces();
    return at_ == text_.size();
  }

  TermPtr any(std::size_t depth) {
    std::vector<TermPtr> children;
    do {
      TermPtr one = all(depth);
      if (one == nullptr) return nullptr;
      children.push_back(std::move(one));
    } while (take_word("OR"));
    return joined(Term::Kind::kOr, std::move(children));
  }

 private:
  static TermPtr joined(Term::Kind kind, std::vector<TermPtr> children) {
    if (children.size() == 1) return children.front();
    auto term = std::make_shared<Term>();
    term->kind = kind;
    term->children = std::move(children);
    return term;
  }

  TermPtr all(std::size_t depth) {
    std::vector<TermPtr> children;
    while (!at_end() && text_[at_] != ')' && !sees_word("OR")) {
      if (take_word("AND") && children.empty()) return nullptr;
      TermPtr one = one_term(depth);
      if (one == nullptr) return nullptr;
      children.push_back(std::move(one));
    }
    return children.empty() ? nullptr : joined(Term::Kind::kAnd, std::move(children));
  }

  TermPtr one_term(std::size_t depth) {
    if (depth > kDeepest || at_end()) return nullptr;
    if (take_word("NOT") || (text_[at_] == '-' && ++at_ > 0)) {
      TermPtr inner = one_term(depth + 1);
      return inner == nullptr ? nullptr : joined_not(std::move(inner));
    }
    if (text_[at_] == '(') {
      ++at_;
      TermPtr inner = any(depth + 1);
      if (inner == nullptr || at_end() || text_[at_] != ')') return nullptr;
      ++at_;
      return inner;
    }
    return match();
  }

  static TermPtr joined_not(TermPtr inner) {
    auto term = std::make_shared<Term>();
    term->kind = Term::Kind::kNot;
    term->children.push_back(std::move(inner));
    return term;
  }

  TermPtr match() {
    auto term = std::make_shared<Term>();
    if (!word(*term)) return nullptr;
    if (at_ == text_.size() || text_[at_] != '=') return term;
    ++at_;
    term->property = std::exchange(term->text, std::string());
    term->exact = false;
    if (at_ < text_.size() && text_[at_] == '(') {
      // Dimension=(a OR b): the property goes to each of the terms inside.
      return nullptr;
    }
    return word(*term) ? TermPtr(term) : nullptr;
  }

  bool word(Term& term) {
    if (at_ < text_.size() && text_[at_] == '"') {
      term.exact = true;
      return quoted(term.text);
    }
    while (at_ < text_.size() && std::string_view(" \t()=\"").find(text_[at_]) == std::string_view::npos) {
      term.text += text_[at_++];
    }
    return !term.text.empty();
  }

  bool quoted(std::string& out) {
    for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      out += text_[at_];
    }
    return at_++ < text_.size();
  }

  bool sees_word(std::string_view word) {
    skip_spaces();
    if (text_.substr(at_, word.size()) != word) return false;
    const std::size_t end = at_ + word.size();
    return end == text_.size() || text_[end] == ' ' || text_[end] == '(' || text_[end] == '\t';
  }

  bool take_word(std::string_view word) {
    if (!sees_word(word)) return false;
    at_ += word.size();
    skip_spaces();
    return true;
  }

  void skip_spaces() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

Result<Search> Search::parse(std::string_view text) {
  if (text.size() > kLongest) return invalid_search("it is longer than 1024 characters");
  Parser parser(text);
  Search search;
  if (parser.starts_schema()) {
    std::vector<std::string> names;
    if (!parser.schema(names)) return invalid_search("the schema is not valid");
    search.has_schema_ = true;
    search.space_ = names.front();
    search.dimensions_.assign(names.begin() + 1, names.end());
    std::sort(search.dimensions_.begin(), search.dimensions_.end());
  }
  if (parser.at_end()) return search.has_schema_ ? Result<Search>(search) : invalid_search("it is empty");
  search.root_ = parser.any(0);
  if (search.root_ == nullptr || !parser.at_end()) return invalid_search(std::string(text));
  return search;
}

bool Search::matches(const Series& series) const {
  if (has_schema_) {
    if (series.space != space_ || series.dimensions.size() != dimensions_.size()) return false;
    const auto same = [](const auto& entry, const std::string& name) { return entry.first == name; };
    if (!std::equal(series.dimensions.begin(), series.dimensions.end(), dimensions_.begin(), same)) return false;
  }
  return root_ == nullptr || matches_term(*root_, series);
}

}  // namespace cumulet::cloudwatch
