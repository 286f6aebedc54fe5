#include "services/s3/select/json_text.h"

#include <algorithm>

#include "base/text.h"

namespace cumulet::s3::select {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

unsigned four_digits(std::string_view text) {
  unsigned value = 0;
  for (const char c : text.substr(0, 4)) value = value * 16 + static_cast<unsigned>(hex_digit(c));
  return value;
}

/// \uXXXX, and the second half of a pair when it follows. `raw` begins behind the u.
std::size_t append_unicode(std::string_view raw, std::string& out) {
  unsigned code = four_digits(raw);
  std::size_t taken = 4;
  if (code >= 0xd800 && code < 0xdc00 && raw.size() >= 10 && raw[4] == '\\' && raw[5] == 'u') {
    const unsigned low = four_digits(raw.substr(6));
    if (low >= 0xdc00 && low < 0xe000) {
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
      taken = 10;
    }
  }
  append_utf8(out, code >= 0xd800 && code < 0xe000 ? 0xfffd : code);
  return taken;
}

}  // namespace

std::string json_unescape(std::string_view raw) {
  std::string out;
  out.reserve(raw.size());
  for (std::size_t at = 0; at < raw.size(); ++at) {
    if (raw[at] != '\\') {
      out += raw[at];
      continue;
    }
    constexpr std::string_view kLetters = "bfnrt";
    constexpr std::string_view kMeanings = "\b\f\n\r\t";
    const char c = raw[++at];
    const std::size_t letter = kLetters.find(c);
    if (c == 'u') {
      at += append_unicode(raw.substr(at + 1), out);
    } else {
      out += letter == std::string_view::npos ? c : kMeanings[letter];
    }
  }
  return out;
}

bool JsonText::fail(Outcome outcome) {
  outcome_ = outcome == Outcome::kIncomplete && at_end_ ? Outcome::kWrong : outcome;
  return false;
}

void JsonText::skip_space() {
  while (more() && is_space(text_[at_])) ++at_;
}

JsonText::Outcome JsonText::parse(std::string_view text, bool at_end, std::size_t& length) {
  text_ = text;
  at_ = 0;
  at_end_ = at_end;
  outcome_ = Outcome::kWhole;
  nodes_.clear();
  skip_space();
  if (!value(0)) return outcome_;
  // A number may go on in what comes next.
  if (at_ == text_.size() && !at_end && nodes_[0].type == Type::kNumber) return Outcome::kIncomplete;
  length = at_;
  return Outcome::kWhole;
}

bool JsonText::value(std::size_t depth) {
  if (!more()) return fail(Outcome::kIncomplete);
  if (depth > kMostDepth) return fail(Outcome::kWrong);
  const std::size_t index = nodes_.size();
  nodes_.emplace_back();
  nodes_[index].begin = static_cast<std::uint32_t>(at_);
  const char c = text_[at_];
  bool good = false;
  if (c == '"') {
    nodes_[index].type = Type::kString;
    good = string(nodes_[index].begin, nodes_[index].end, nodes_[index].escaped);
  } else {
    if (c == '{') {
      nodes_[index].type = Type::kStructure;
      good = structure(depth);
    } else if (c == '[') {
      nodes_[index].type = Type::kList;
      good = list(depth);
    } else if (c == 't' || c == 'f') {
      nodes_[index].type = Type::kBool;
      good = word(c == 't' ? "true" : "false");
    } else if (c == 'n') {
      good = word("null");
    } else {
      nodes_[index].type = Type::kNumber;
      good = number();
    }
    nodes_[index].end = static_cast<std::uint32_t>(at_);
  }
  nodes_[index].next = static_cast<std::uint32_t>(nodes_.size());
  return good;
}

bool JsonText::list(std::size_t depth) {
  ++at_;
  skip_space();
  if (more() && text_[at_] == ']') {
    ++at_;
    return true;
  }
  while (true) {
    skip_space();
    if (!value(depth + 1)) return false;
    skip_space();
    if (!more()) return fail(Outcome::kIncomplete);
    const char c = text_[at_++];
    if (c == ']') return true;
    if (c != ',') return fail(Outcome::kWrong);
  }
}

bool JsonText::structure(std::size_t depth) {
  ++at_;
  skip_space();
  if (more() && text_[at_] == '}') {
    ++at_;
    return true;
  }
  while (true) {
    if (!member(depth)) return false;
    skip_space();
    if (!more()) return fail(Outcome::kIncomplete);
    const char c = text_[at_++];
    if (c == '}') return true;
    if (c != ',') return fail(Outcome::kWrong);
  }
}

bool JsonText::member(std::size_t depth) {
  skip_space();
  if (!more()) return fail(Outcome::kIncomplete);
  if (text_[at_] != '"') return fail(Outcome::kWrong);
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  bool escaped = false;
  if (!string(begin, end, escaped)) return false;
  skip_space();
  if (!more()) return fail(Outcome::kIncomplete);
  if (text_[at_++] != ':') return fail(Outcome::kWrong);
  skip_space();
  const std::size_t index = nodes_.size();
  if (!value(depth + 1)) return false;
  nodes_[index].key_begin = begin;
  nodes_[index].key_end = end;
  nodes_[index].key_escaped = escaped;
  return true;
}

bool JsonText::string(std::uint32_t& begin, std::uint32_t& end, bool& escaped) {
  begin = static_cast<std::uint32_t>(++at_);
  while (more()) {
    const char c = text_[at_];
    if (c == '"') {
      end = static_cast<std::uint32_t>(at_++);
      return true;
    }
    if (static_cast<unsigned char>(c) < 0x20) return fail(Outcome::kWrong);
    ++at_;
    if (c != '\\') continue;
    escaped = true;
    if (!escape()) return false;
  }
  return fail(Outcome::kIncomplete);
}

bool JsonText::escape() {
  if (!more()) return fail(Outcome::kIncomplete);
  const char c = text_[at_++];
  if (c != 'u') return std::string_view("\"\\/bfnrt").find(c) != std::string_view::npos || fail(Outcome::kWrong);
  for (int i = 0; i < 4; ++i) {
    if (!more()) return fail(Outcome::kIncomplete);
    if (hex_digit(text_[at_++]) < 0) return fail(Outcome::kWrong);
  }
  return true;
}

bool JsonText::number() {
  const auto digits = [this] {
    const std::size_t begin = at_;
    while (more() && is_digit(text_[at_])) ++at_;
    return at_ > begin;
  };
  const auto wrong = [this] { return fail(more() ? Outcome::kWrong : Outcome::kIncomplete); };
  if (text_[at_] == '-') ++at_;
  if (more() && text_[at_] == '0') {
    ++at_;
  } else if (!digits()) {
    return wrong();
  }
  if (more() && text_[at_] == '.') {
    ++at_;
    if (!digits()) return wrong();
  }
  if (more() && (text_[at_] == 'e' || text_[at_] == 'E')) {
    ++at_;
    if (more() && (text_[at_] == '+' || text_[at_] == '-')) ++at_;
    if (!digits()) return wrong();
  }
  return true;
}

bool JsonText::word(std::string_view literal) {
  const std::string_view here = text_.substr(at_, literal.size());
  if (here != literal.substr(0, here.size())) return fail(Outcome::kWrong);
  if (here.size() < literal.size()) return fail(Outcome::kIncomplete);
  at_ += literal.size();
  return true;
}

std::string JsonText::compact(std::uint32_t index) const {
  std::string out;
  append_compact(index, out);
  return out;
}

void JsonText::append_compact(std::uint32_t index, std::string& out) const {
  const Node& top = nodes_[index];
  if (top.type == Type::kString) {
    out += '"';
    out += raw(top);
    out += '"';
    return;
  }
  if (top.type != Type::kList && top.type != Type::kStructure) {
    out += raw(top);
    return;
  }
  const bool list = top.type == Type::kList;
  out += list ? '[' : '{';
  for (std::uint32_t child = index + 1; child < top.next; child = nodes_[child].next) {
    if (child != index + 1) out += ',';
    if (!list) {
      out += '"';
      out += raw_key(nodes_[child]);
      out += "\":";
    }
    append_compact(child, out);
  }
  out += list ? ']' : '}';
}

}  // namespace cumulet::s3::select
