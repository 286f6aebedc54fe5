#include "services/logs/filters.h"

#include <cmath>
#include <cstdlib>

#include "base/gzip.h"
#include "base/text.h"
#include "storage/row.h"
#include "wire/arn.h"
#include "wire/document.h"
#include "wire/json_writer.h"

namespace cumulet::logs {
namespace {

namespace api = wire::logs;

/// What goes to a subscriber at once, before it is compressed.
constexpr std::size_t kBytesAtOnce = 512u << 10;
constexpr std::size_t kEventsAtOnce = 10'000;

std::optional<double> number_of(const std::string& text) {
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0' || !std::isfinite(number)) return std::nullopt;
  return number;
}

events::MetricSample sample_of(const EventSource& source, const api::MetricTransformation& transformation) {
  events::MetricSample sample(source.account, source.region, transformation.metric_namespace,
                              transformation.metric_name);
  sample.unit = transformation.unit.value_or("None");
  return sample;
}

void apply_metric_filter(const EventSource& source, const api::MetricFilter& filter,
                         const std::vector<LogEvent>& events, std::vector<events::MetricSample>& samples) {
  const Result<FilterPattern> pattern = FilterPattern::parse(filter.filter_pattern.value_or(""));
  if (!pattern.ok() || !filter.metric_transformations) return;
  for (const api::MetricTransformation& transformation : *filter.metric_transformations) {
    bool any = false;
    for (const LogEvent& event : events) {
      if (!pattern->matches(event.message)) continue;
      const std::optional<std::string> text = pattern->value(event.message, transformation.metric_value);
      const std::optional<double> value = text ? number_of(*text) : std::nullopt;
      if (!value) continue;
      any = true;
      events::MetricSample sample = sample_of(source, transformation);
      sample.value = *value;
      sample.time = event.position.time / 1000;
      bool whole = true;
      for (const auto& [name, selector] : transformation.dimensions.value_or(std::map<std::string, std::string>())) {
        std::optional<std::string> dimension = pattern->value(event.message, selector);
        whole = whole && dimension && !dimension->empty();
        if (whole) sample.dimensions.emplace_back(name, std::move(*dimension));
      }
      if (whole) samples.push_back(std::move(sample));
    }
    if (any || !transformation.default_value || events.empty()) continue;
    events::MetricSample sample = sample_of(source, transformation);
    sample.value = *transformation.default_value;
    sample.time = events.back().position.time / 1000;
    samples.push_back(std::move(sample));
  }
}

/// One message to a subscriber, as JSON.
std::string data_message(const EventSource& source, const std::string& filter,
                         const std::vector<const LogEvent*>& events) {
  wire::JsonWriter json;
  json.begin_object().key("messageType").string("DATA_MESSAGE").key("owner").string(source.account);
  json.key("logGroup").string(source.group).key("logStream").string(source.stream);
  json.key("subscriptionFilters").begin_array().string(filter).end_array().key("logEvents").begin_array();
  for (const LogEvent* event : events) {
    json.begin_object().key("id").string(event_id(event->position));
    json.key("timestamp").integer(event->position.time).key("message").string(event->message).end_object();
  }
  json.end_array().end_object();
  return json.take();
}

void send(storage::Transaction& txn, const EventSource& source, const api::SubscriptionFilter& filter,
          const std::vector<const LogEvent*>& found, events::Outbox& outbox) {
  const std::string packed = gzip_compress(data_message(source, filter.filter_name.value_or(""), found));
  events::Event event;
  event.account = source.account;
  event.region = source.region;
  event.target_arn = filter.destination_arn.value_or("");
  event.source_arn = wire::make_arn("logs", source.region, source.account, "log-group:" + source.group + ":*");
  const std::optional<wire::Arn> target = wire::parse_arn(event.target_arn);
  if (target && target->service == "lambda") {
    event.payload = "{\"awslogs\":{\"data\":\"" + base64_encode(packed) + "\"}}";
  } else {
    event.payload = packed;
    const bool spread = filter.distribution == api::distribution::kRandom;
    event.attributes["@PartitionKey"] = spread ? event_id(found.front()->position) : source.stream;
  }
  outbox.record(txn, std::move(event));
}

void apply_subscription(storage::Transaction& txn, const EventSource& source, const api::SubscriptionFilter& filter,
                        const std::vector<LogEvent>& events, events::Outbox& outbox) {
  const Result<FilterPattern> pattern = FilterPattern::parse(filter.filter_pattern.value_or(""));
  if (!pattern.ok()) return;
  std::vector<const LogEvent*> found;
  std::size_t bytes = 0;
  for (const LogEvent& event : events) {
    if (!pattern->matches(event.message)) continue;
    if (!found.empty() && (bytes + event.message.size() > kBytesAtOnce || found.size() == kEventsAtOnce)) {
      send(txn, source, filter, found, outbox);
      found.clear();
      bytes = 0;
    }
    found.push_back(&event);
    bytes += event.message.size();
  }
  if (!found.empty()) send(txn, source, filter, found, outbox);
}

}  // namespace

std::string event_id(Position position) {
  const auto padded = [](std::string digits, std::size_t width) {
    return std::string(width - std::min(width, digits.size()), '0') + digits;
  };
  return padded(std::to_string(position.time), 28) + padded(std::to_string(position.sequence), 28);
}

Task<GroupFilters> find_filters(storage::Transaction& txn, Store store, std::string group) {
  GroupFilters filters;
  const std::optional<std::string> value = co_await txn.get(store.filters_key(group));
  if (!value) co_return filters;
  storage::RowReader row(*value);
  Result<api::DescribeMetricFiltersOutput> metrics = wire::read_output<api::DescribeMetricFilters>(row.text());
  Result<api::DescribeSubscriptionFiltersOutput> subscriptions =
      wire::read_output<api::DescribeSubscriptionFilters>(row.text());
  if (metrics.ok() && metrics->metric_filters) filters.metrics = std::move(*metrics->metric_filters);
  if (subscriptions.ok() && subscriptions->subscription_filters) {
    filters.subscriptions = std::move(*subscriptions->subscription_filters);
  }
  co_return filters;
}

void put_filters(storage::Transaction& txn, const Store& store, const std::string& group, const GroupFilters& filters) {
  if (filters.empty()) return txn.erase(store.filters_key(group));
  api::DescribeMetricFiltersOutput metrics;
  metrics.metric_filters = filters.metrics;
  api::DescribeSubscriptionFiltersOutput subscriptions;
  subscriptions.subscription_filters = filters.subscriptions;
  storage::RowWriter row;
  row.text(wire::output_document<api::DescribeMetricFilters>(metrics));
  row.text(wire::output_document<api::DescribeSubscriptionFilters>(subscriptions));
  txn.put(store.filters_key(group), std::move(row).bytes());
}

Task<std::vector<events::MetricSample>> apply_filters(storage::Transaction& txn, Store store, EventSource source,
                                                      const std::vector<LogEvent>& events, events::Outbox& outbox) {
  std::vector<events::MetricSample> samples;
  for (const LogEvent& event : events) extract_embedded(source, event, samples);
  const GroupFilters filters = co_await find_filters(txn, std::move(store), source.group);
  for (const api::MetricFilter& filter : filters.metrics) apply_metric_filter(source, filter, events, samples);
  for (const api::SubscriptionFilter& filter : filters.subscriptions) {
    apply_subscription(txn, source, filter, events, outbox);
  }
  co_return samples;
}

}  // namespace cumulet::logs
