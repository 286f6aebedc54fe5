#include "base/text.h"
#include "events/json_text.h"
#include "services/eventbridge/eventbridge.h"
#include "services/eventbridge/input.h"
#include "wire/arn.h"
#include "wire/json_writer.h"

namespace cumulet::eventbridge {
namespace {

namespace api = wire::events;
using cumulet::events::JsonPath;

/// "$.detail.key" stands for text of the event, anything else for itself.
std::string text_of(const std::string& value, const std::string& envelope) {
  const std::optional<JsonPath> path = value.starts_with("$.") ? JsonPath::parse(value) : std::nullopt;
  if (!path) return value;
  const std::optional<std::string> found = path->select(envelope);
  if (!found) return "";
  return events::json_string_value(*found).value_or(*found);
}

void add_http_parameters(const api::HttpParameters& parameters, const std::string& envelope, events::Event& event) {
  if (parameters.path_parameter_values) {
    wire::JsonWriter json;
    json.begin_array();
    for (const std::string& value : *parameters.path_parameter_values) json.string(text_of(value, envelope));
    event.attributes["@PathParameters"] = json.end_array().take();
  }
  if (parameters.header_parameters) {
    for (const auto& [name, value] : *parameters.header_parameters) {
      event.attributes["@Header." + name] = text_of(value, envelope);
    }
  }
  if (parameters.query_string_parameters) {
    for (const auto& [name, value] : *parameters.query_string_parameters) {
      event.attributes["@Query." + name] = text_of(value, envelope);
    }
  }
}

/// What the target's service wants to know besides the payload.
void add_parameters(const api::Target& target, const std::string& service, const BusEvent& from, events::Event& event) {
  if (service == "sqs") {
    if (target.sqs_parameters && target.sqs_parameters->message_group_id) {
      event.attributes["@MessageGroupId"] = *target.sqs_parameters->message_group_id;
      event.attributes["@MessageDeduplicationId"] = from.id;
    }
    if (!from.trace_header.empty()) event.attributes["@AWSTraceHeader"] = from.trace_header;
  } else if (service == "lambda") {
    if (!from.trace_header.empty()) event.attributes["@TraceHeader"] = from.trace_header;
  } else if (service == "kinesis") {
    std::string key = from.id;
    if (target.kinesis_parameters) key = text_of(target.kinesis_parameters->partition_key_path, from.envelope);
    if (key.empty()) key = from.id;
    event.attributes["@PartitionKey"] = key;
  } else if (service == "events") {
    event.attributes["@Hops"] = std::to_string(from.hops + 1);
    if (target.http_parameters) add_http_parameters(*target.http_parameters, from.envelope, event);
  }
}

events::RetryRules retry_rules(const api::Target& target, const std::string& rule_arn) {
  events::RetryRules rules;
  if (target.retry_policy) {
    rules.max_age_seconds = target.retry_policy->maximum_event_age_in_seconds.value_or(86400);
    rules.max_retries = target.retry_policy->maximum_retry_attempts.value_or(185);
  }
  if (target.dead_letter_config) rules.dead_letter_arn = target.dead_letter_config->arn.value_or("");
  rules.dead_letter_attributes["RULE_ARN"] = rule_arn;
  return rules;
}

}  // namespace

Task<void> EventBridge::publish(storage::Transaction& txn, Store store, std::string bus, BusEvent event) {
  const std::shared_ptr<const CompiledBus> compiled = co_await buses_.get(txn, store, bus);
  const bool idle = compiled->rules.empty() && compiled->archives.empty();
  if (idle) co_return;
  const std::optional<events::EventDocument> document = events::EventDocument::parse(event.envelope);
  if (!document) co_return;
  if (event.archive) {
    const Archived archived(event.ingested.time_since_epoch().count(), event.id, event.envelope);
    for (const std::size_t i : compiled->archive_index.matches(*document)) {
      store.put_archived(txn, compiled->archives[i], archived);
    }
  }
  for (const std::size_t i : compiled->rule_index.matches(*document)) {
    const CompiledBus::Rule& rule = compiled->rules[i];
    if (!event.only.empty() && !event.only.contains(rule.arn)) continue;
    count(store, bus, rule.name, "MatchedEvents");
    count(store, bus, rule.name, "TriggeredRules");
    for (const api::Target& target : rule.targets) record_target(txn, store, bus, rule, target, event);
  }
}

void EventBridge::record_target(storage::Transaction& txn, const Store& store, const std::string& bus,
                                const CompiledBus::Rule& rule, const api::Target& target, const BusEvent& from) {
  const std::optional<wire::Arn> arn = wire::parse_arn(target.arn);
  if (!arn) return;
  RuleContext context;
  context.rule_arn = rule.arn;
  context.rule_name = rule.name;
  context.ingestion_time = iso8601(from.ingested, true);
  events::Event event;
  event.account = store.account();
  event.region = store.region();
  event.target_arn = target.arn;
  event.source_arn = rule.arn;
  event.payload = input_for(target, from.envelope, context);
  add_parameters(target, arn->service, from, event);
  const bool has_letters = target.dead_letter_config && target.dead_letter_config->arn;
  if (arn->service == "lambda" && !has_letters) {
    // Its queue is the outbox itself: nothing stands between, and there is nothing to retry.
    outbox_.record(txn, std::move(event));
    count(store, bus, rule.name, "Invocations");
    return;
  }
  const std::string lane = make_arn(store, "lane/" + bus + "/" + rule.name + "/" + target.id);
  outbox_.record(txn, events::directed(lane, std::move(event), retry_rules(target, rule.arn)));
}

}  // namespace cumulet::eventbridge
