#include "services/lambda/event_source/record_filter.h"

#include <algorithm>
#include <string>

#include <simdjson.h>

#include "base/text.h"
#include "services/lambda/lambda.h"
#include "wire/json_writer.h"

namespace cumulet::lambda {
namespace {

constexpr std::size_t kPatternLimit = 4096;

/// The object with one member's text replaced by the JSON that it holds.
std::string with_member(simdjson::dom::object object, std::string_view member, bool base64) {
  wire::JsonWriter json;
  json.begin_object();
  for (const auto& [key, value] : object) {
    json.key(key);
    std::string_view text;
    if (key != member || value.get_string().get(text) != simdjson::SUCCESS) {
      json.raw(simdjson::minify(value));
      continue;
    }
    std::string data(text);
    if (base64) data = base64_decode(text).value_or(std::string(text));
    if (!json_problem(data)) {
      json.raw(data);
    } else {
      json.string(is_utf8(data) ? data : std::string(text));
    }
  }
  json.end_object();
  return json.take();
}

}  // namespace

Result<RecordFilter> RecordFilter::parse(const std::optional<wire::lambda::FilterCriteria>& criteria) {
  RecordFilter filter;
  if (!criteria || !criteria->filters) return filter;
  for (const wire::lambda::Filter& each : *criteria->filters) {
    const std::string pattern = each.pattern.value_or("");
    Result<events::EventPattern> parsed = events::EventPattern::parse(pattern);
    if (pattern.size() > kPatternLimit || !parsed.ok()) {
      return user_error(wire::lambda::errors::kInvalidParameterValueException, "Invalid filter pattern definition.");
    }
    filter.patterns_.push_back(std::move(*parsed));
  }
  return filter;
}

bool RecordFilter::passes(std::string_view record) const {
  if (patterns_.empty()) return true;
  const std::optional<events::EventDocument> document = events::EventDocument::parse(record);
  if (!document) return false;
  return std::any_of(patterns_.begin(), patterns_.end(),
                     [&](const events::EventPattern& pattern) { return pattern.matches(*document); });
}

std::string filterable_message(std::string_view record) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (parser.parse(simdjson::padded_string(record)).get(object) != simdjson::SUCCESS) return std::string(record);
  return with_member(object, "body", false);
}

std::string filterable_kinesis(std::string_view record) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (parser.parse(simdjson::padded_string(record))["kinesis"].get(object) != simdjson::SUCCESS) {
    return std::string(record);
  }
  return with_member(object, "data", true);
}

}  // namespace cumulet::lambda
