#include <map>

#include <simdjson.h>

#include "services/cloudformation/parse_limits.h"
#include "services/cloudformation/value.h"

namespace cumulet::cloudformation {
namespace {

Value value_of(simdjson::dom::element element) {
  switch (element.type()) {
    case simdjson::dom::element_type::ARRAY: {
      std::vector<Value> items;
      const simdjson::dom::array array = element.get_array();
      for (const simdjson::dom::element item : array) items.push_back(value_of(item));
      return Value::list(std::move(items));
    }
    case simdjson::dom::element_type::OBJECT: {
      Value object = Value::object();
      std::map<std::string_view, std::size_t> places;  // Of a name that comes twice the last one counts.
      const simdjson::dom::object members = element.get_object();
      for (const auto& [name, member] : members) {
        const auto [place, fresh] = places.try_emplace(name, object.members().size());
        if (fresh) {
          object.members().emplace_back(std::string(name), value_of(member));
        } else {
          object.members()[place->second].second = value_of(member);
        }
      }
      return object;
    }
    case simdjson::dom::element_type::STRING:
      return Value::string(std::string(element.get_string().value_unsafe()));
    case simdjson::dom::element_type::BOOL:
      return Value::boolean(element.get_bool().value_unsafe());
    case simdjson::dom::element_type::NULL_VALUE:
      return Value();
    default:
      return Value::number(simdjson::minify(element));
  }
}

}  // namespace

Result<Value> parse_json_document(std::string_view text) {
  if (text.size() > kDocumentLimit) return too_large();
  simdjson::dom::parser parser;
  if (parser.allocate(text.size() + 1, kDepthLimit) != simdjson::SUCCESS) return too_large();
  simdjson::dom::element root;
  const auto failed = parser.parse(text.data(), text.size()).get(root);
  if (failed) return format_error(std::string("JSON not well-formed. ") + simdjson::error_message(failed));
  return value_of(root);
}

Result<Value> parse_document(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n\xef\xbb\xbf");
  if (first == std::string_view::npos) return format_error("Template body is empty");
  // A JSON template may still be YAML in flow style (with tags or comments), so YAML has the second word.
  if (text[first] == '{' || text[first] == '[') {
    Result<Value> json = parse_json_document(text);
    if (json.ok()) return json;
    Result<Value> yaml = parse_yaml_document(text);
    return yaml.ok() ? std::move(yaml) : std::move(json);
  }
  return parse_yaml_document(text);
}

}  // namespace cumulet::cloudformation
