#include "services/lambda/event_source/batch_response.h"

#include <algorithm>

#include <simdjson.h>

namespace cumulet::lambda {
namespace {

BatchFailures everything() {
  BatchFailures failures;
  failures.whole_batch = true;
  return failures;
}

}  // namespace

BatchFailures batch_failures(const std::string& answer, const std::vector<std::string>& items) {
  BatchFailures failures;
  if (answer.empty()) return failures;
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (parser.parse(answer).get(root) != simdjson::SUCCESS) return everything();
  if (root.is_null()) return failures;
  simdjson::dom::object object;
  if (root.get(object) != simdjson::SUCCESS) return everything();
  simdjson::dom::element list;
  if (object["batchItemFailures"].get(list) != simdjson::SUCCESS || list.is_null()) return failures;
  simdjson::dom::array array;
  if (list.get(array) != simdjson::SUCCESS) return everything();
  for (const simdjson::dom::element each : array) {
    std::string_view item;
    if (each["itemIdentifier"].get(item) != simdjson::SUCCESS) return everything();
    std::string name(item);
    if (std::find(items.begin(), items.end(), name) == items.end()) return everything();
    failures.items.insert(std::move(name));
  }
  return failures;
}

std::optional<std::string> window_state(const std::string& answer) {
  simdjson::dom::parser parser;
  simdjson::dom::element state;
  if (parser.parse(answer)["state"].get(state) != simdjson::SUCCESS) return std::nullopt;
  return simdjson::minify(state);
}

}  // namespace cumulet::lambda
