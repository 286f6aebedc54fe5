#include <cmath>
#include <cstdlib>
#include <map>
#include <optional>
#include <set>

#include <yaml.h>

#include "base/text.h"
#include "services/cloudformation/parse_limits.h"
#include "services/cloudformation/value.h"

namespace cumulet::cloudformation {
namespace {

/// One event of libyaml; frees what it holds.
class Event {
 public:
  Event() = default;
  ~Event() {
    if (filled_) yaml_event_delete(&event_);
  }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  bool read(yaml_parser_t& parser) {
    filled_ = yaml_parser_parse(&parser, &event_) != 0;
    return filled_;
  }
  const yaml_event_t& operator*() const { return event_; }
  const yaml_event_t* operator->() const { return &event_; }

 private:
  yaml_event_t event_{};
  bool filled_ = false;
};

std::string text_of(const yaml_char_t* text) {
  return text == nullptr ? std::string() : std::string(reinterpret_cast<const char*>(text));
}

bool is_number(std::string_view text) {
  if (text.empty()) return false;
  std::size_t at = text.front() == '-' || text.front() == '+' ? 1 : 0;
  std::size_t digits = 0;
  const auto take_digits = [&] {
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') {
      ++at;
      ++digits;
    }
  };
  take_digits();
  if (at < text.size() && text[at] == '.') {
    ++at;
    take_digits();
  }
  if (digits == 0) return false;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
    const std::size_t before = digits;
    take_digits();
    if (digits == before) return false;
  }
  return at == text.size();
}

/// A number as JSON writes it; nullopt for what JSON has no form for (then it stays text: "007", "1.", "+1").
std::optional<std::string> json_number(const std::string& text) {
  if (!is_number(text) || text.front() == '+') return std::nullopt;
  const std::string_view digits = std::string_view(text).substr(text.front() == '-' ? 1 : 0);
  if (digits.front() == '.' || (digits.size() > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9')) {
    return std::nullopt;
  }
  const std::size_t dot = digits.find('.');
  if (dot != std::string_view::npos && (dot + 1 == digits.size() || digits[dot + 1] < '0' || digits[dot + 1] > '9')) {
    return std::nullopt;
  }
  // Documents are stored as JSON, whose readers refuse what fits no number.
  constexpr std::size_t kDigits = 18;
  const bool whole = digits.find_first_of(".eE") == std::string_view::npos;
  if (whole ? digits.size() > kDigits : !std::isfinite(std::strtod(text.c_str(), nullptr))) return std::nullopt;
  return text;
}

Value plain_scalar(const std::string& text) {
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") return Value();
  // YAML 1.1's words, as CloudFormation reads them.
  static const std::set<std::string> kTrue{"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"};
  static const std::set<std::string> kFalse{"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"};
  if (kTrue.contains(text)) return Value::boolean(true);
  if (kFalse.contains(text)) return Value::boolean(false);
  if (std::optional<std::string> number = json_number(text)) return Value::number(std::move(*number));
  return Value::string(text);
}

class Reader {
 public:
  explicit Reader(std::string_view text) {
    yaml_parser_initialize(&parser_);
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()), text.size());
  }
  ~Reader() { yaml_parser_delete(&parser_); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  Result<Value> document() {
    for (const yaml_event_type_t expected : {YAML_STREAM_START_EVENT, YAML_DOCUMENT_START_EVENT}) {
      Event event;
      if (!event.read(parser_)) return broken();
      if (event->type != expected) return format_error("the document is empty");
    }
    Result<Value> root = next(0);
    if (!root.ok()) return root;
    Event end;
    Event after;
    if (!end.read(parser_) || !after.read(parser_)) return broken();
    if (after->type != YAML_STREAM_END_EVENT) return format_error("more than one document");
    return root;
  }

 private:
  Error broken() const {
    return format_error("YAML not well-formed. (line " + std::to_string(parser_.problem_mark.line + 1) + ", column " +
                        std::to_string(parser_.problem_mark.column + 1) + ")" +
                        (parser_.problem != nullptr ? std::string(": ") + parser_.problem : std::string()));
  }

  Error at(const Event& event, const std::string& why) const {
    return format_error(why + " (line " + std::to_string(event->start_mark.line + 1) + ", column " +
                        std::to_string(event->start_mark.column + 1) + ")");
  }

  Result<Value> next(std::size_t depth) {
    Event event;
    if (!event.read(parser_)) return broken();
    return node(event, depth);
  }

  Result<Value> node(const Event& event, std::size_t depth) {
    if (depth > kDepthLimit || ++nodes_ > kNodeLimit) return too_large();
    std::string anchor;
    std::string tag;
    Result<Value> value = Value();
    switch (event->type) {
      case YAML_SCALAR_EVENT: {
        anchor = text_of(event->data.scalar.anchor);
        tag = text_of(event->data.scalar.tag);
        const std::string text(reinterpret_cast<const char*>(event->data.scalar.value), event->data.scalar.length);
        const bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && (tag.empty() || tag.front() == '!');
        value = plain && tag.empty() ? plain_scalar(text) : Value::string(text);
        break;
      }
      case YAML_SEQUENCE_START_EVENT:
        anchor = text_of(event->data.sequence_start.anchor);
        tag = text_of(event->data.sequence_start.tag);
        value = sequence(depth);
        break;
      case YAML_MAPPING_START_EVENT:
        anchor = text_of(event->data.mapping_start.anchor);
        tag = text_of(event->data.mapping_start.tag);
        value = mapping(depth);
        break;
      case YAML_ALIAS_EVENT:
        return alias(event);
      default:
        return at(event, "unexpected content");
    }
    if (!value.ok()) return value;
    if (!tag.empty() && tag.front() == '!' && tag != "!") value = tagged(event, tag, std::move(*value));
    if (value.ok() && !anchor.empty()) anchors_[anchor] = *value;
    return value;
  }

  Result<Value> alias(const Event& event) {
    const auto found = anchors_.find(text_of(event->data.alias.anchor));
    if (found == anchors_.end()) return at(event, "an alias has no anchor");
    nodes_ += count(found->second);
    if (nodes_ > kNodeLimit) return too_large();
    return found->second;
  }

  static std::size_t count(const Value& value) {
    std::size_t nodes = 1;
    for (const Value& item : value.items()) nodes += count(item);
    for (const auto& [name, member] : value.members()) nodes += count(member);
    return nodes;
  }

  Result<Value> sequence(std::size_t depth) {
    std::vector<Value> items;
    while (true) {
      Event event;
      if (!event.read(parser_)) return broken();
      if (event->type == YAML_SEQUENCE_END_EVENT) return Value::list(std::move(items));
      Result<Value> item = node(event, depth + 1);
      if (!item.ok()) return item;
      items.push_back(std::move(*item));
    }
  }

  Result<Value> mapping(std::size_t depth) {
    Value object = Value::object();
    std::set<std::string> keys;  // Finding each key among all before it would take quadratic time.
    while (true) {
      Event event;
      if (!event.read(parser_)) return broken();
      if (event->type == YAML_MAPPING_END_EVENT) return object;
      if (event->type != YAML_SCALAR_EVENT) return at(event, "a key must be text");
      const std::string key(reinterpret_cast<const char*>(event->data.scalar.value), event->data.scalar.length);
      if (!keys.insert(key).second) return at(event, "duplicate key '" + key + "'");
      Result<Value> value = next(depth + 1);
      if (!value.ok()) return value;
      object.members().emplace_back(key, std::move(*value));
    }
  }

  /// !Ref x is {"Ref": x}; !GetAtt a.b is {"Fn::GetAtt": ["a", "b"]}; !Name x is {"Fn::Name": x}.
  Result<Value> tagged(const Event& event, const std::string& tag, Value value) {
    static const std::set<std::string> kFunctions{
        "And",  "Base64", "Cidr", "Equals", "FindInMap", "ForEach", "GetAtt", "GetAZs",       "If",       "ImportValue",
        "Join", "Length", "Not",  "Or",     "Select",    "Split",   "Sub",    "ToJsonString", "Transform"};
    const std::string name = tag.substr(1);
    if (name == "Ref" || name == "Condition") return Value::object({{name, std::move(value)}});
    if (!kFunctions.contains(name)) return at(event, "unknown tag " + tag);
    if (name == "GetAtt" && value.is_string()) {
      const std::size_t dot = value.text().find('.');
      if (dot == std::string::npos) return at(event, "!GetAtt wants Resource.Attribute");
      value = Value::list({Value::string(value.text().substr(0, dot)), Value::string(value.text().substr(dot + 1))});
    }
    return Value::object({{"Fn::" + name, std::move(value)}});
  }

  yaml_parser_t parser_{};
  std::map<std::string, Value> anchors_;
  std::size_t nodes_ = 0;
};

}  // namespace

Result<Value> parse_yaml_document(std::string_view text) {
  if (text.size() > kDocumentLimit) return too_large();
  return Reader(text).document();
}

}  // namespace cumulet::cloudformation
