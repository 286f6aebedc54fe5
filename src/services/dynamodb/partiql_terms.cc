#include "services/dynamodb/partiql_terms.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "services/dynamodb/errors.h"

namespace cumulet::dynamodb::partiql {
namespace {

constexpr int kMaxDepth = 64;

Error parameter_mismatch() { return invalid("Number of parameters in request and statement don't match."); }

}  // namespace

Reader::Nesting::Nesting(Reader& reader) : reader_(reader) {
  if (++reader_.depth_ > kMaxDepth) reader_.fail(malformed("The statement is nested too deeply"));
}

bool Reader::accept(std::string_view symbol) {
  if (failed() || !current().is(symbol)) return false;
  advance();
  return true;
}

bool Reader::accept_keyword(std::string_view upper) {
  if (failed() || !current().is_keyword(upper)) return false;
  advance();
  return true;
}

void Reader::expect(std::string_view symbol) {
  if (!accept(symbol)) fail_here("Expected '" + std::string(symbol) + "'");
}

void Reader::expect_keyword(std::string_view upper) {
  if (!accept_keyword(upper)) fail_here("Expected " + std::string(upper));
}

void Reader::fail(Error error) {
  if (failed()) return;
  failure_ = std::move(error);
  at_ = tokens_.size() - 1;
}

void Reader::fail_here(const std::string& what) {
  if (failed()) return;
  const bool end = current().kind == TokenKind::kEnd;
  fail(malformed(what + (end ? ", but the statement ends" : ", but found '" + current().text + "'")));
}

Result<void> Reader::finish() {
  accept(";");
  if (!failed() && current().kind != TokenKind::kEnd) fail_here("Expected the end of the statement");
  if (!failed() && used_ < (parameters_ ? parameters_->size() : 0)) fail(parameter_mismatch());
  if (failed()) return *failure_;
  return {};
}

bool Reader::at_value() const {
  const Token& token = current();
  switch (token.kind) {
    case TokenKind::kString:
    case TokenKind::kNumber:
    case TokenKind::kParameter:
      return true;
    case TokenKind::kWord:
      return token.is_keyword("TRUE") || token.is_keyword("FALSE") || token.is_keyword("NULL");
    case TokenKind::kSymbol:
      return token.is("[") || token.is("{") || token.is("<<") || token.is("-") || token.is("+");
    default:
      return false;
  }
}

AttributeValue Reader::read_parameter() {
  advance();
  if (!parameters_ || used_ >= parameters_->size()) {
    fail(parameter_mismatch());
    return {};
  }
  AttributeValue value = (*parameters_)[used_++];
  if (Result<void> done = normalise(value); !done) fail(std::move(done).error());
  return value;
}

AttributeValue Reader::read_number(bool negative) {
  if (current().kind != TokenKind::kNumber) {
    fail_here("Expected a number");
    return {};
  }
  AttributeValue value = AttributeValue::number((negative ? "-" : "") + current().text);
  advance();
  if (Result<void> done = normalise(value); !done) fail(std::move(done).error());
  return value;
}

AttributeValue Reader::read_list(std::string_view end) {
  AttributeValue::List list;
  if (accept(end)) return AttributeValue::list(std::move(list));
  do {
    list.push_back(read_value());
  } while (accept(","));
  expect(end);
  return AttributeValue::list(std::move(list));
}

AttributeValue Reader::read_set() {
  const AttributeValue list = read_list(">>");
  if (failed()) return {};
  AttributeValue::Set members;
  for (const AttributeValue& member : list.list()) {
    if (!member.is_scalar() || member.type() != list.list().front().type()) {
      fail(invalid("A set must hold strings, numbers or binaries, all of one type"));
      return {};
    }
    members.push_back(member.text());
  }
  const Type type = list.list().empty() ? Type::kString : list.list().front().type();
  AttributeValue set = type == Type::kNumber   ? AttributeValue::number_set(std::move(members))
                       : type == Type::kBinary ? AttributeValue::binary_set(std::move(members))
                                               : AttributeValue::string_set(std::move(members));
  if (Result<void> done = normalise(set); !done) fail(std::move(done).error());
  return set;
}

AttributeValue Reader::read_map() {
  AttributeValue::Map map;
  if (accept("}")) return AttributeValue::map(std::move(map));
  do {
    if (current().kind != TokenKind::kString && current().kind != TokenKind::kName) {
      fail_here("Expected the name of an attribute in quotes");
      return {};
    }
    std::string name = current().text;
    advance();
    expect(":");
    AttributeValue value = read_value();
    if (failed()) return {};
    if (!map.emplace(name, std::move(value)).second) {
      fail(invalid("Duplicate attribute name: " + name));
      return {};
    }
  } while (accept(","));
  expect("}");
  return AttributeValue::map(std::move(map));
}

AttributeValue Reader::read_value() {
  const Nesting nesting(*this);
  if (failed()) return {};
  if (current().kind == TokenKind::kParameter) return read_parameter();
  if (current().kind == TokenKind::kNumber) return read_number(false);
  if (current().kind == TokenKind::kString) {
    AttributeValue value = AttributeValue::string(current().text);
    advance();
    return value;
  }
  if (accept("-")) return read_number(true);
  if (accept("+")) return read_number(false);
  if (accept("[")) return read_list("]");
  if (accept("{")) return read_map();
  if (accept("<<")) return read_set();
  if (accept_keyword("TRUE")) return AttributeValue::boolean(true);
  if (accept_keyword("FALSE")) return AttributeValue::boolean(false);
  if (accept_keyword("NULL")) return AttributeValue::null();
  fail_here("Expected a value");
  return {};
}

PathSteps Reader::read_path() {
  PathSteps steps;
  const auto name = [this, &steps] {
    if (current().kind != TokenKind::kWord && current().kind != TokenKind::kName) {
      fail_here("Expected the name of an attribute");
      return;
    }
    PathStep step;
    step.name = current().text;
    steps.push_back(std::move(step));
    advance();
  };
  name();
  while (!failed()) {
    if (accept(".")) {
      name();
      continue;
    }
    if (!accept("[")) break;
    PathStep step;
    if (current().kind == TokenKind::kString) {
      step.name = current().text;
    } else {
      const std::optional<std::int64_t> index =
          current().kind == TokenKind::kNumber ? parse_int(current().text) : std::nullopt;
      if (!index || *index > 0x7fffffff) {
        fail_here("Expected an index");
        break;
      }
      step.kind = PathStep::Kind::kIndex;
      step.number = static_cast<std::uint32_t>(*index);
    }
    advance();
    steps.push_back(std::move(step));
    expect("]");
    if (steps.size() > static_cast<std::size_t>(kMaxNesting)) fail(malformed("The path has too many steps"));
  }
  return steps;
}

std::string Reader::read_name(const std::string& what) {
  if (failed()) return {};
  if (current().kind != TokenKind::kWord && current().kind != TokenKind::kName) {
    fail_here("Expected the name of " + what);
    return {};
  }
  std::string name = current().text;
  advance();
  return name;
}

}  // namespace cumulet::dynamodb::partiql
