#include "events/json_text.h"

#include <algorithm>

#include "base/text.h"
#include "events/json_pull.h"
#include "wire/json_writer.h"

namespace cumulet::events {
namespace {

/// The value that begins at `at` in compact JSON.
std::string_view value_at(std::string_view json, std::size_t at) {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = at; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
      if (c == '"' && depth == 0) return json.substr(at, i + 1 - at);
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      if (depth == 0) return json.substr(at, i - at);
      if (--depth == 0) return json.substr(at, i + 1 - at);
    } else if (c == ',' && depth == 0) {
      return json.substr(at, i - at);
    }
  }
  return json.substr(at);
}

std::vector<std::string_view> elements(std::string_view array) {
  std::vector<std::string_view> all;
  for (std::size_t at = 1; at < array.size() && array[at] != ']';) {
    all.push_back(value_at(array, at));
    at += all.back().size();
    if (at < array.size() && array[at] == ',') ++at;
  }
  return all;
}

std::optional<std::string_view> member(std::string_view object, std::string_view name) {
  std::optional<std::string_view> found;
  for (std::size_t at = 1; at < object.size() && object[at] == '"';) {
    const std::string_view key = value_at(object, at);
    const std::string_view value = value_at(object, at + key.size() + 1);
    if (json_string_value(key) == name) found = value;
    at += key.size() + 1 + value.size() + 1;
  }
  return found;
}

}  // namespace

std::optional<std::string> compact_json(std::string_view json) {
  using Token = JsonPull::Token;
  JsonPull in(json);
  wire::JsonWriter out(json.size());
  while (true) {
    switch (in.next()) {
      case Token::kObjectStart:
        out.begin_object();
        break;
      case Token::kObjectEnd:
        out.end_object();
        break;
      case Token::kArrayStart:
        out.begin_array();
        break;
      case Token::kArrayEnd:
        out.end_array();
        break;
      case Token::kName:
        out.key(in.text());
        break;
      case Token::kString:
        out.string(in.text());
        break;
      case Token::kNumber:
      case Token::kTrue:
      case Token::kFalse:
      case Token::kNull:
        out.raw(in.text());
        break;
      case Token::kEnd:
        return out.take();
      case Token::kError:
        return std::nullopt;
    }
  }
}

std::optional<std::string> json_string_value(std::string_view json) {
  if (json.size() < 2 || json.front() != '"') return std::nullopt;
  if (json.find('\\') == std::string_view::npos) return std::string(json.substr(1, json.size() - 2));
  JsonPull in(json);
  if (in.next() != JsonPull::Token::kString) return std::nullopt;
  std::string text = in.text();
  return in.error().empty() ? std::optional(std::move(text)) : std::nullopt;
}

std::optional<JsonPath> JsonPath::parse(std::string_view text) {
  if (!text.starts_with('$')) return std::nullopt;
  JsonPath path;
  for (std::size_t at = 1; at < text.size();) {
    if (text[at] == '.') {
      const std::size_t end = std::min(text.find_first_of(".[", at + 1), text.size());
      const std::string_view name = text.substr(at + 1, end - at - 1);
      if (name.empty()) return std::nullopt;
      path.steps_.emplace_back(name == "*" ? Step::Kind::kAll : Step::Kind::kName, std::string(name), 0);
      at = end;
      continue;
    }
    if (text[at] != '[') return std::nullopt;
    const bool quoted = at + 1 < text.size() && (text[at + 1] == '\'' || text[at + 1] == '"');
    const std::string close = quoted ? std::string(1, text[at + 1]) + "]" : "]";
    const std::size_t begin = at + (quoted ? 2 : 1);
    const std::size_t end = text.find(close, begin);
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view inside = text.substr(begin, end - begin);
    if (quoted) {
      path.steps_.emplace_back(Step::Kind::kName, std::string(inside), 0);
    } else if (inside == "*") {
      path.steps_.emplace_back(Step::Kind::kAll, "*", 0);
    } else {
      const std::optional<std::int64_t> index = parse_int(inside);
      if (!index || *index < 0) return std::nullopt;
      path.steps_.emplace_back(Step::Kind::kIndex, "", static_cast<std::size_t>(*index));
    }
    at = end + close.size();
  }
  return path;
}

std::optional<std::string> JsonPath::select(std::string_view json) const { return select(json, 0); }

std::optional<std::string> JsonPath::select(std::string_view json, std::size_t step) const {
  if (step == steps_.size()) return std::string(json);
  const Step& at = steps_[step];
  if (at.kind == Step::Kind::kName) {
    if (!json.starts_with('{')) return std::nullopt;
    const std::optional<std::string_view> value = member(json, at.name);
    return value ? select(*value, step + 1) : std::nullopt;
  }
  if (!json.starts_with('[')) return std::nullopt;
  const std::vector<std::string_view> all = elements(json);
  if (at.kind == Step::Kind::kIndex) {
    return at.index < all.size() ? select(all[at.index], step + 1) : std::nullopt;
  }
  wire::JsonWriter out;
  out.begin_array();
  for (const std::string_view element : all) {
    if (const std::optional<std::string> value = select(element, step + 1)) out.raw(*value);
  }
  return out.end_array().take();
}

}  // namespace cumulet::events
