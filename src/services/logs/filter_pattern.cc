#include "services/logs/filter_pattern.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <vector>

#include <simdjson.h>

#include "base/text.h"
#include "services/logs/delimited_pattern.h"

namespace cumulet::logs {

struct FilterPattern::Node {
  enum class Kind { kTerms, kAnd, kOr, kCompare };
  enum class Test { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual, kNull, kTrue, kFalse, kNotExists };

  Kind kind = Kind::kTerms;
  std::vector<std::string> required;
  std::vector<std::string> any;
  std::vector<std::string> excluded;
  std::vector<std::shared_ptr<const Node>> children;
  std::vector<std::string> path;  ///< Names and, for arrays, decimal indices.
  Test test = Test::kEqual;
  std::string text;
  std::optional<double> number;  ///< Set when the value is a number: then it compares as one.
};

namespace {

using Node = FilterPattern::Node;
using NodePtr = std::shared_ptr<const Node>;

constexpr std::size_t kPatternLimit = 1024;
constexpr int kDepthLimit = 32;

Error invalid_pattern(std::string why) {
  return Error("InvalidParameterException", 400, "Invalid filter pattern: " + std::move(why));
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<NodePtr> terms() {
    auto node = std::make_shared<Node>();
    while (skip_space(), at_ < text_.size()) {
      std::vector<std::string>* into = &node->required;
      if (text_[at_] == '-' || text_[at_] == '?') {
        into = text_[at_] == '-' ? &node->excluded : &node->any;
        ++at_;
      }
      std::optional<std::string> term = word(" \t");
      if (!term || term->empty()) return invalid_pattern("a term is empty or its quotation mark is not closed");
      into->push_back(std::move(*term));
    }
    return NodePtr(std::move(node));
  }

  /// The text is a selector and nothing else.
  bool whole_selector(std::vector<std::string>& path) { return selector(path) && at_ == text_.size(); }

  Result<NodePtr> json() {
    ++at_;  // '{'
    Result<NodePtr> root = any_of(0);
    if (!root.ok()) return root;
    skip_space();
    if (at_ + 1 != text_.size() || text_[at_] != '}') return invalid_pattern("expected '}' at its end");
    return root;
  }

 private:
  Result<NodePtr> any_of(int depth) { return list(depth, "||", Node::Kind::kOr); }

  Result<NodePtr> list(int depth, std::string_view op, Node::Kind kind) {
    if (depth > kDepthLimit) return invalid_pattern("it is nested too deeply");
    auto node = std::make_shared<Node>();
    node->kind = kind;
    while (true) {
      Result<NodePtr> child = kind == Node::Kind::kOr ? list(depth, "&&", Node::Kind::kAnd) : primary(depth);
      if (!child.ok()) return child;
      node->children.push_back(*child);
      if (!take(op)) break;
    }
    return node->children.size() == 1 ? node->children.front() : NodePtr(std::move(node));
  }

  Result<NodePtr> primary(int depth) {
    if (take("(")) {
      Result<NodePtr> inner = any_of(depth + 1);
      if (inner.ok() && !take(")")) return invalid_pattern("a parenthesis is not closed");
      return inner;
    }
    return comparison();
  }

  Result<NodePtr> comparison() {
    auto node = std::make_shared<Node>();
    node->kind = Node::Kind::kCompare;
    if (!take("$")) return invalid_pattern("a property selector starts with '$'");
    if (!selector(node->path)) return invalid_pattern("a property selector is not well formed");
    if (take_word("IS")) {
      if (take_word("NULL"))
        node->test = Node::Test::kNull;
      else if (take_word("TRUE"))
        node->test = Node::Test::kTrue;
      else if (take_word("FALSE"))
        node->test = Node::Test::kFalse;
      else
        return invalid_pattern("IS takes NULL, TRUE or FALSE");
      return NodePtr(std::move(node));
    }
    if (take_word("NOT")) {
      if (!take_word("EXISTS")) return invalid_pattern("NOT takes EXISTS");
      node->test = Node::Test::kNotExists;
      return NodePtr(std::move(node));
    }
    if (take("!="))
      node->test = Node::Test::kNotEqual;
    else if (take("<="))
      node->test = Node::Test::kLessEqual;
    else if (take(">="))
      node->test = Node::Test::kGreaterEqual;
    else if (take("<"))
      node->test = Node::Test::kLess;
    else if (take(">"))
      node->test = Node::Test::kGreater;
    else if (take("="))
      node->test = Node::Test::kEqual;
    else
      return invalid_pattern("a comparison is missing");
    return value(std::move(node));
  }

  Result<NodePtr> value(std::shared_ptr<Node> node) {
    skip_space();
    const bool quoted = at_ < text_.size() && text_[at_] == '"';
    std::optional<std::string> text = word(" \t)}&|");
    if (!text || (!quoted && text->empty())) return invalid_pattern("a comparison has no value");
    if (!quoted) {
      char* end = nullptr;
      const double number = std::strtod(text->c_str(), &end);
      if (*end == '\0' && std::isfinite(number)) node->number = number;
    }
    const bool ordered = node->test != Node::Test::kEqual && node->test != Node::Test::kNotEqual;
    if (ordered && !node->number) return invalid_pattern("< and > compare numbers");
    node->text = std::move(*text);
    return NodePtr(std::move(node));
  }

  bool selector(std::vector<std::string>& path) {
    while (at_ < text_.size() && (text_[at_] == '.' || text_[at_] == '[')) {
      const bool index = text_[at_++] == '[';
      const std::size_t begin = at_;
      while (at_ < text_.size() &&
             (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0 || text_[at_] == '_' || text_[at_] == '-')) {
        ++at_;
      }
      if (at_ == begin) return false;
      path.emplace_back(text_.substr(begin, at_ - begin));
      if (index && (at_ == text_.size() || text_[at_++] != ']')) return false;
    }
    return !path.empty();
  }

  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }

  bool take(std::string_view token) {
    skip_space();
    if (!text_.substr(at_).starts_with(token)) return false;
    at_ += token.size();
    return true;
  }

  bool take_word(std::string_view token) {
    skip_space();
    if (!iequals(text_.substr(at_, token.size()), token)) return false;
    at_ += token.size();
    return true;
  }

  /// A quoted text, or what stands before one of `stops`. Nullopt when a quotation mark is not closed.
  std::optional<std::string> word(std::string_view stops) {
    std::string out;
    if (at_ < text_.size() && text_[at_] == '"') {
      for (++at_; at_ < text_.size(); ++at_) {
        if (text_[at_] == '"') {
          ++at_;
          return out;
        }
        if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
        out += text_[at_];
      }
      return std::nullopt;
    }
    while (at_ < text_.size() && stops.find(text_[at_]) == std::string_view::npos) out += text_[at_++];
    return out;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

bool contains(std::string_view message, const std::string& term) {
  return message.find(term) != std::string_view::npos;
}

bool matches_terms(const Node& node, std::string_view message) {
  const auto in_message = [message](const std::string& term) { return contains(message, term); };
  return std::all_of(node.required.begin(), node.required.end(), in_message) &&
         std::none_of(node.excluded.begin(), node.excluded.end(), in_message) &&
         (node.any.empty() || std::any_of(node.any.begin(), node.any.end(), in_message));
}

std::optional<simdjson::dom::element> select(simdjson::dom::element at, const std::vector<std::string>& path) {
  for (const std::string& name : path) {
    simdjson::dom::element next;
    if (at.is_array()) {
      const std::optional<std::int64_t> index = parse_int(name);
      if (!index || *index < 0 || at.get_array().value_unsafe().at(static_cast<std::size_t>(*index)).get(next)) {
        return std::nullopt;
      }
    } else if (at.at_key(name).get(next)) {
      return std::nullopt;
    }
    at = next;
  }
  return at;
}

bool compare_numbers(Node::Test test, double left, double right) {
  switch (test) {
    case Node::Test::kEqual:
      return left == right;
    case Node::Test::kNotEqual:
      return left != right;
    case Node::Test::kLess:
      return left < right;
    case Node::Test::kLessEqual:
      return left <= right;
    case Node::Test::kGreater:
      return left > right;
    default:
      return left >= right;
  }
}

bool matches_compare(const Node& node, simdjson::dom::element document) {
  const std::optional<simdjson::dom::element> found = select(document, node.path);
  if (node.test == Node::Test::kNotExists) return !found;
  if (!found) return false;
  if (node.test == Node::Test::kNull) return found->is_null();
  bool truth = false;
  if (node.test == Node::Test::kTrue) return !found->get(truth) && truth;
  if (node.test == Node::Test::kFalse) return !found->get(truth) && !truth;
  double number = 0;
  if (node.number && !found->get(number)) return compare_numbers(node.test, number, *node.number);
  std::string_view text;
  if (found->get(text)) return false;
  if (node.test == Node::Test::kEqual) return glob(node.text, text);
  return node.test == Node::Test::kNotEqual && !glob(node.text, text);
}

bool matches_json(const Node& node, simdjson::dom::element document) {
  const auto child = [document](const NodePtr& c) { return matches_json(*c, document); };
  switch (node.kind) {
    case Node::Kind::kAnd:
      return std::all_of(node.children.begin(), node.children.end(), child);
    case Node::Kind::kOr:
      return std::any_of(node.children.begin(), node.children.end(), child);
    default:
      return matches_compare(node, document);
  }
}

}  // namespace

FilterPattern::FilterPattern() : root_(std::make_shared<Node>()) {}

Result<FilterPattern> FilterPattern::parse(std::string_view text) {
  if (text.size() > kPatternLimit) return invalid_pattern("it is longer than 1024 characters");
  const std::string_view pattern = trim(text);
  if (pattern.empty()) return FilterPattern();
  if (pattern.front() == '[') {
    std::string problem;
    std::optional<DelimitedPattern> delimited = DelimitedPattern::parse(pattern, problem);
    if (!delimited) return invalid_pattern(std::move(problem));
    FilterPattern result;
    result.delimited_ = std::make_shared<const DelimitedPattern>(std::move(*delimited));
    return result;
  }
  Parser parser(pattern);
  Result<NodePtr> root = pattern.front() == '{' ? parser.json() : parser.terms();
  if (!root.ok()) return std::move(root).error();
  return FilterPattern(*root);
}

bool FilterPattern::matches(std::string_view message) const {
  if (delimited_ != nullptr) return delimited_->matches(message);
  if (root_->kind == Node::Kind::kTerms) return matches_terms(*root_, message);
  thread_local simdjson::dom::parser parser;
  simdjson::dom::element document;
  if (parser.parse(message.data(), message.size()).get(document)) return false;
  return matches_json(*root_, document);
}

std::optional<std::string> FilterPattern::value(std::string_view message, std::string_view selector) const {
  if (selector.empty() || selector.front() != '$') return std::string(selector);
  if (delimited_ != nullptr) return delimited_->value(message, selector.substr(1));
  std::vector<std::string> path;
  if (!Parser(selector.substr(1)).whole_selector(path)) return std::nullopt;
  thread_local simdjson::dom::parser parser;
  simdjson::dom::element document;
  if (parser.parse(message.data(), message.size()).get(document)) return std::nullopt;
  const std::optional<simdjson::dom::element> found = select(document, path);
  if (!found) return std::nullopt;
  std::string_view text;
  if (!found->get(text)) return std::string(text);
  if (found->is_object() || found->is_array() || found->is_null()) return std::nullopt;
  return simdjson::minify(*found);
}

std::map<std::string, std::string> FilterPattern::extracted(std::string_view message) const {
  std::map<std::string, std::string> result;
  if (delimited_ != nullptr) {
    for (auto& [name, value] : delimited_->values(message)) result[name] = std::move(value);
    return result;
  }
  if (root_->kind == Node::Kind::kTerms) return result;
  std::vector<const Node*> todo{root_.get()};
  while (!todo.empty()) {
    const Node* node = todo.back();
    todo.pop_back();
    for (const NodePtr& child : node->children) todo.push_back(child.get());
    if (node->kind != Node::Kind::kCompare) continue;
    std::string selector = "$";
    for (const std::string& name : node->path) selector += "." + name;
    if (std::optional<std::string> found = value(message, selector)) result[selector] = std::move(*found);
  }
  return result;
}

}  // namespace cumulet::logs
