#include <charconv>

#include "base/text.h"
#include "services/cloudwatch/math.h"

namespace cumulet::cloudwatch {
namespace {

constexpr std::size_t kLongest = 2048;
constexpr std::size_t kDeepest = 64;

Error invalid_expression(std::string_view expression, std::string_view why) {
  return Error("ValidationError", 400, "Error in expression '" + std::string(expression) + "': " + std::string(why));
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

struct Token {
  enum class Kind { kEnd, kNumber, kText, kWord, kSign };
  Kind kind = Kind::kEnd;
  std::string text;
  double number = 0;
};

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<MathNode> parse() {
    MathNode root;
    if (!advance() || !expression(0, root, 0)) return invalid_expression(text_, problem_);
    if (token_.kind != Token::Kind::kEnd) return invalid_expression(text_, "Unexpected '" + token_.text + "'");
    return root;
  }

 private:
  bool wrong(std::string why) {
    if (problem_.empty()) problem_ = std::move(why);
    return false;
  }

  bool advance() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) {
      ++at_;
    }
    token_ = Token();
    if (at_ == text_.size()) return true;
    const char c = text_[at_];
    if (is_digit(c) || (c == '.' && at_ + 1 < text_.size() && is_digit(text_[at_ + 1]))) return number();
    if (is_letter(c)) return word();
    if (c == '"' || c == '\'') return quoted(c);
    return sign();
  }

  bool number() {
    token_.kind = Token::Kind::kNumber;
    const char* begin = text_.data() + at_;
    const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), token_.number);
    if (error != std::errc()) return wrong("Invalid number");
    token_.text.assign(begin, end);
    at_ += static_cast<std::size_t>(end - begin);
    return true;
  }

  bool word() {
    token_.kind = Token::Kind::kWord;
    while (at_ < text_.size() && (is_letter(text_[at_]) || is_digit(text_[at_]))) token_.text += text_[at_++];
    return true;
  }

  bool quoted(char quote) {
    token_.kind = Token::Kind::kText;
    for (++at_; at_ < text_.size() && text_[at_] != quote; ++at_) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size() && (text_[at_ + 1] == quote || text_[at_ + 1] == '\\')) ++at_;
      token_.text += text_[at_];
    }
    if (at_ == text_.size()) return wrong("A quote is not closed");
    ++at_;
    return true;
  }

  bool sign() {
    token_.kind = Token::Kind::kSign;
    for (const std::string_view two : {"==", "!=", "<=", ">=", "&&", "||"}) {
      if (text_.substr(at_, 2) == two) {
        token_.text = two;
        at_ += 2;
        return true;
      }
    }
    if (std::string_view("+-*/^<>(),![]").find(text_[at_]) == std::string_view::npos) {
      return wrong("Unexpected character '" + std::string(1, text_[at_]) + "'");
    }
    token_.text = std::string(1, text_[at_++]);
    return true;
  }

  /// How tightly the operator at hand binds; 0 when it is none. Its own name goes to `name`.
  int binding(std::string& name) const {
    name = token_.text;
    if (token_.kind == Token::Kind::kWord) name = to_upper(token_.text);
    if (token_.kind != Token::Kind::kSign && token_.kind != Token::Kind::kWord) return 0;
    if (name == "||" || name == "OR") return (name = "OR", 1);
    if (name == "&&" || name == "AND") return (name = "AND", 2);
    if (token_.kind == Token::Kind::kWord) return 0;
    if (name == "==" || name == "!=") return 3;
    if (name == "<" || name == ">" || name == "<=" || name == ">=") return 4;
    if (name == "+" || name == "-") return 5;
    if (name == "*" || name == "/") return 6;
    return name == "^" ? 8 : 0;
  }

  bool expression(int least, MathNode& out, std::size_t depth) {
    if (depth > kDeepest) return wrong("The expression is nested too deeply");
    if (!unary(out, depth)) return false;
    std::string name;
    for (int strength = binding(name); strength > least; strength = binding(name)) {
      MathNode node;
      node.kind = MathNode::Kind::kBinary;
      node.text = name;
      node.children.push_back(std::move(out));
      MathNode right;
      // Powers bind from the right.
      if (!advance() || !expression(name == "^" ? strength - 1 : strength, right, depth + 1)) return false;
      node.children.push_back(std::move(right));
      out = std::move(node);
      if (++operators_ > 512) return wrong("The expression has too many operators");
    }
    return true;
  }

  bool unary(MathNode& out, std::size_t depth) {
    if (token_.kind == Token::Kind::kSign && (token_.text == "-" || token_.text == "!" || token_.text == "+")) {
      out.kind = MathNode::Kind::kUnary;
      out.text = token_.text;
      MathNode inner;
      if (!advance() || !expression(7, inner, depth + 1)) return false;
      out.children.push_back(std::move(inner));
      return true;
    }
    return primary(out, depth);
  }

  bool primary(MathNode& out, std::size_t depth) {
    switch (token_.kind) {
      case Token::Kind::kNumber:
        out.kind = MathNode::Kind::kNumber;
        out.number = token_.number;
        return advance();
      case Token::Kind::kText:
        out.kind = MathNode::Kind::kText;
        out.text = token_.text;
        return advance();
      case Token::Kind::kWord:
        out.kind = MathNode::Kind::kName;
        out.text = token_.text;
        if (!advance()) return false;
        return is_sign("(") ? call(out, depth) : true;
      case Token::Kind::kSign:
        if (is_sign("[")) {
          out.kind = MathNode::Kind::kCall;
          out.text = "[]";
          return arguments("]", out, depth);
        }
        if (!is_sign("(")) return wrong("Unexpected '" + token_.text + "'");
        if (!advance() || !expression(0, out, depth + 1)) return false;
        if (!is_sign(")")) return wrong("A parenthesis is not closed");
        return advance();
      case Token::Kind::kEnd:
        break;
    }
    return wrong("Unexpected end of the expression");
  }

  bool call(MathNode& out, std::size_t depth) {
    out.kind = MathNode::Kind::kCall;
    out.text = to_upper(out.text);
    return arguments(")", out, depth);
  }

  /// From the opening bracket to the closing one.
  bool arguments(std::string_view close, MathNode& out, std::size_t depth) {
    if (!advance()) return false;
    if (is_sign(close)) return advance();
    while (true) {
      MathNode argument;
      if (!expression(0, argument, depth + 1)) return false;
      out.children.push_back(std::move(argument));
      if (is_sign(close)) return advance();
      if (!is_sign(",")) return wrong("A parenthesis is not closed");
      if (!advance()) return false;
    }
  }

  bool is_sign(std::string_view sign) const { return token_.kind == Token::Kind::kSign && token_.text == sign; }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t operators_ = 0;
  Token token_;
  std::string problem_;
};

}  // namespace

Result<MathNode> parse_math(std::string_view text) {
  if (text.size() > kLongest)
    return invalid_expression(text.substr(0, 64), "The expression is longer than 2048 characters");
  return Parser(text).parse();
}

void collect_names(const MathNode& node, std::vector<std::string>& names) {
  if (node.kind == MathNode::Kind::kName) names.push_back(node.text);
  for (const MathNode& child : node.children) collect_names(child, names);
}

}  // namespace cumulet::cloudwatch
