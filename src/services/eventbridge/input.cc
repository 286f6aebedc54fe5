#include "services/eventbridge/input.h"

#include <algorithm>

#include "base/text.h"
#include "events/json_text.h"
#include "services/eventbridge/names.h"
#include "wire/json_writer.h"

namespace cumulet::eventbridge {
namespace {

namespace api = wire::events;
using cumulet::events::JsonPath;

constexpr std::string_view kEventWithoutDetail = "aws.events.event";
constexpr std::string_view kEvent = "aws.events.event.json";

std::string in_quotes(std::string_view text) { return "\"" + json_escape(text) + "\""; }

bool is_variable(std::string_view name) {
  return !name.empty() && name.size() <= 256 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.';
  });
}

/// A value between quotation marks: a string's text, anything else without its own quotation marks.
std::string inside_quotes(const std::string& json) {
  if (const std::optional<std::string> text = events::json_string_value(json)) return json_escape(*text);
  std::string plain = json;
  std::erase(plain, '"');
  return plain;
}

std::string without_detail(const std::string& envelope) {
  wire::JsonWriter out;
  out.begin_object();
  for (const std::string_view name :
       {"version", "id", "detail-type", "source", "account", "time", "region", "resources"}) {
    const std::optional<JsonPath> path = JsonPath::parse("$." + std::string(name));
    if (const std::optional<std::string> value = path->select(envelope)) out.key(name).raw(*value);
  }
  return out.end_object().take();
}

std::map<std::string, std::string> variables(const api::InputTransformer& transformer, const std::string& envelope,
                                             const RuleContext& context) {
  std::map<std::string, std::string> values;
  if (transformer.input_paths_map) {
    for (const auto& [name, text] : *transformer.input_paths_map) {
      const std::optional<JsonPath> path = JsonPath::parse(text);
      if (!path) continue;
      if (std::optional<std::string> value = path->select(envelope)) values[name] = std::move(*value);
    }
  }
  values["aws.events.rule-arn"] = in_quotes(context.rule_arn);
  values["aws.events.rule-name"] = in_quotes(context.rule_name);
  values["aws.events.event.ingestion-time"] = in_quotes(context.ingestion_time);
  values[std::string(kEvent)] = envelope;
  if (transformer.input_template.find("<aws.events.event>") != std::string::npos) {
    values[std::string(kEventWithoutDetail)] = without_detail(envelope);
  }
  return values;
}

}  // namespace

std::string fill_template(std::string_view text, const std::map<std::string, std::string>& values) {
  std::string out;
  out.reserve(text.size());
  bool in_quotes = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '\\' && at + 1 < text.size()) {
      const char escaped = text[++at];
      // "\<" and "\>" are the brackets themselves; other escapes are JSON's.
      if (escaped != '<' && escaped != '>') out += c;
      out += escaped;
      continue;
    }
    if (c == '"') in_quotes = !in_quotes;
    const std::size_t end = c == '<' ? text.find('>', at + 1) : std::string_view::npos;
    const std::string_view name =
        end == std::string_view::npos ? std::string_view() : text.substr(at + 1, end - at - 1);
    if (!is_variable(name)) {
      out += c;
      continue;
    }
    const auto value = values.find(std::string(name));
    if (value == values.end()) {
      if (!in_quotes) out += "\"\"";
    } else {
      out += in_quotes ? inside_quotes(value->second) : value->second;
    }
    at = end;
  }
  return out;
}

Result<void> check_input(const api::Target& target) {
  const int given = (target.input ? 1 : 0) + (target.input_path ? 1 : 0) + (target.input_transformer ? 1 : 0);
  if (given > 1) {
    return invalid("Only one of Input, InputPath, or InputTransformer must be provided for target " + target.id + ".");
  }
  if (target.input && !events::compact_json(*target.input)) {
    return invalid("JSON syntax error in input for target " + target.id + ".");
  }
  if (target.input_path && !target.input_path->empty() && !JsonPath::parse(*target.input_path)) {
    return invalid("Invalid InputPath for target " + target.id + ".");
  }
  if (!target.input_transformer || !target.input_transformer->input_paths_map) return {};
  for (const auto& [name, path] : *target.input_transformer->input_paths_map) {
    if (!is_variable(name) || to_lower(name).starts_with("aws")) {
      return invalid("Invalid InputPathsMap key '" + name + "' for target " + target.id + ".");
    }
    if (!JsonPath::parse(path)) return invalid("Invalid InputTransformer for target " + target.id + ".");
  }
  return {};
}

std::string input_for(const api::Target& target, const std::string& envelope, const RuleContext& context) {
  if (target.input) return *target.input;
  if (target.input_path && !target.input_path->empty()) {
    const std::optional<JsonPath> path = JsonPath::parse(*target.input_path);
    return path ? path->select(envelope).value_or("null") : "null";
  }
  if (!target.input_transformer) return envelope;
  const std::string filled =
      fill_template(target.input_transformer->input_template, variables(*target.input_transformer, envelope, context));
  return events::compact_json(filled).value_or(filled);
}

}  // namespace cumulet::eventbridge
