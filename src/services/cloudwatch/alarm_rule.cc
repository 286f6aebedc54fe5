#include "services/cloudwatch/alarm_rule.h"

#include <algorithm>

namespace cumulet::cloudwatch {

struct AlarmRule::Node {
  enum class Kind { kTrue, kFalse, kState, kNot, kAnd, kOr };
  Kind kind = Kind::kTrue;
  std::string state;
  std::string alarm;
  std::vector<std::shared_ptr<const Node>> children;
};

namespace {

using Node = AlarmRule::Node;
using NodePtr = std::shared_ptr<const Node>;

constexpr std::size_t kLongest = 10'240;
constexpr std::size_t kDeepest = 64;
constexpr std::size_t kMostElements = 500;
constexpr std::size_t kMostNamed = 100;

class Parser {
 public:
  Parser(std::string_view text, std::vector<std::string>& alarms) : text_(text), alarms_(alarms) {}

  NodePtr parse() {
    NodePtr root = any(0);
    skip_spaces();
    return at_ == text_.size() ? root : nullptr;
  }
  std::size_t elements() const { return elements_; }

 private:
  NodePtr any(std::size_t depth) { return chain(Node::Kind::kOr, "OR", depth); }
  NodePtr all(std::size_t depth) { return chain(Node::Kind::kAnd, "AND", depth); }

  NodePtr chain(Node::Kind kind, std::string_view word, std::size_t depth) {
    std::vector<NodePtr> children;
    do {
      NodePtr child = kind == Node::Kind::kOr ? all(depth) : element(depth);
      if (child == nullptr) return nullptr;
      children.push_back(std::move(child));
    } while (take_word(word));
    if (children.size() == 1) return children.front();
    auto node = std::make_shared<Node>();
    node->kind = kind;
    node->children = std::move(children);
    return node;
  }

  NodePtr element(std::size_t depth) {
    if (depth > kDeepest || ++elements_ > kMostElements) return nullptr;
    if (take_word("NOT")) {
      NodePtr inner = element(depth + 1);
      if (inner == nullptr) return nullptr;
      auto node = std::make_shared<Node>();
      node->kind = Node::Kind::kNot;
      node->children.push_back(std::move(inner));
      return node;
    }
    if (take('(')) {
      NodePtr inner = any(depth + 1);
      return inner != nullptr && take(')') ? inner : nullptr;
    }
    auto node = std::make_shared<Node>();
    if (take_word("TRUE")) return node;
    node->kind = Node::Kind::kFalse;
    if (take_word("FALSE")) return node;
    node->kind = Node::Kind::kState;
    for (const std::string_view state : {"ALARM", "OK", "INSUFFICIENT_DATA"}) {
      if (take_word(state)) {
        node->state = state;
        return take('(') && alarm(node->alarm) && take(')') ? NodePtr(node) : nullptr;
      }
    }
    return nullptr;
  }

  bool alarm(std::string& out) {
    skip_spaces();
    if (at_ == text_.size()) return false;
    const char quote = text_[at_];
    if (quote == '"' || quote == '\'') {
      const std::size_t end = text_.find(quote, at_ + 1);
      if (end == std::string_view::npos) return false;
      out = text_.substr(at_ + 1, end - at_ - 1);
      at_ = end + 1;
    } else {
      const std::size_t end = std::min(text_.find_first_of("() \t\r\n\"'", at_), text_.size());
      out = text_.substr(at_, end - at_);
      at_ = end;
    }
    constexpr std::string_view kAlarm = ":alarm:";
    const std::size_t name = out.starts_with("arn:") ? out.find(kAlarm) : std::string::npos;
    if (name != std::string::npos) out.erase(0, name + kAlarm.size());
    if (out.empty() || out.size() > 255) return false;
    if (std::find(alarms_.begin(), alarms_.end(), out) == alarms_.end()) alarms_.push_back(out);
    return alarms_.size() <= kMostNamed;
  }

  void skip_spaces() { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }

  bool take(char c) {
    skip_spaces();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  bool take_word(std::string_view word) {
    skip_spaces();
    if (text_.substr(at_, word.size()) != word) return false;
    const std::size_t end = at_ + word.size();
    if (end < text_.size() && std::string_view(" \t\r\n()").find(text_[end]) == std::string_view::npos) return false;
    at_ = end;
    return true;
  }

  std::string_view text_;
  std::vector<std::string>& alarms_;
  std::size_t at_ = 0;
  std::size_t elements_ = 0;
};

bool holds_node(const Node& node, const std::function<std::string(const std::string&)>& state_of) {
  const auto child = [&state_of](const NodePtr& c) { return holds_node(*c, state_of); };
  switch (node.kind) {
    case Node::Kind::kTrue:
      return true;
    case Node::Kind::kFalse:
      return false;
    case Node::Kind::kState:
      return state_of(node.alarm) == node.state;
    case Node::Kind::kNot:
      return !child(node.children.front());
    case Node::Kind::kAnd:
      return std::all_of(node.children.begin(), node.children.end(), child);
    case Node::Kind::kOr:
      break;
  }
  return std::any_of(node.children.begin(), node.children.end(), child);
}

}  // namespace

Result<AlarmRule> AlarmRule::parse(std::string_view text) {
  AlarmRule rule;
  if (text.size() <= kLongest) rule.root_ = Parser(text, rule.alarms_).parse();
  if (rule.root_ == nullptr) {
    return Error("ValidationError", 400,
                 "AlarmRule is not valid: it must be an expression of ALARM(), OK(), "
                 "INSUFFICIENT_DATA(), TRUE, FALSE, AND, OR and NOT over at most 100 alarms");
  }
  return rule;
}

bool AlarmRule::holds(const std::function<std::string(const std::string& name)>& state_of) const {
  return holds_node(*root_, state_of);
}

}  // namespace cumulet::cloudwatch
