#include <algorithm>

#include "services/logs/logs.h"
#include "wire/arn.h"

namespace cumulet::logs {
namespace {

namespace api = wire::logs;

constexpr std::size_t kMostMetricFilters = 100;
constexpr std::size_t kMostSubscriptions = 2;
constexpr std::size_t kGroupsAtOnce = 50;

template <typename Filter>
auto find_named(std::vector<Filter>& filters, const std::string& name) {
  return std::find_if(filters.begin(), filters.end(), [&name](const Filter& f) { return f.filter_name == name; });
}

/// Puts the filter in its place among the others, which are in the order of their names.
template <typename Filter>
void put_named(std::vector<Filter>& filters, Filter filter) {
  const auto at = std::lower_bound(filters.begin(), filters.end(), filter,
                                   [](const Filter& a, const Filter& b) { return a.filter_name < b.filter_name; });
  if (at != filters.end() && at->filter_name == filter.filter_name) {
    *at = std::move(filter);
  } else {
    filters.insert(at, std::move(filter));
  }
}

Result<void> check_transformation(const api::MetricTransformation& transformation) {
  if (transformation.metric_namespace.starts_with("AWS/")) {
    return invalid("The metric namespace must not start with AWS/.");
  }
  const bool dimensions = transformation.dimensions && !transformation.dimensions->empty();
  if (dimensions && transformation.default_value) {
    return invalid("Invalid metric transformation: dimensions and default value are mutually exclusive.");
  }
  if (dimensions && transformation.dimensions->size() > 3) {
    return invalid("Invalid metric transformation: at most 3 dimensions are allowed.");
  }
  return {};
}

Result<void> check_destination(const api::PutSubscriptionFilterInput& input) {
  const std::optional<wire::Arn> arn = wire::parse_arn(input.destination_arn);
  if (!arn) return invalid("destinationArn is not an ARN.");
  if (arn->service != "lambda" && arn->service != "kinesis" && arn->service != "firehose") {
    return invalid("destinationArn for vendor " + arn->service +
                   " cannot be used with this server: it takes functions, data streams and delivery streams.");
  }
  if (arn->service != "lambda" && !input.role_arn) {
    return invalid("destinationArn for vendor " + arn->service + " cannot be used without roleArn");
  }
  return {};
}

}  // namespace

void Logs::register_filters() {
  service_.on<api::PutMetricFilter>([this](Call& c, const auto& in) { return put_metric_filter(c, in); });
  service_.on<api::DeleteMetricFilter>([this](Call& c, const auto& in) { return delete_metric_filter(c, in); });
  service_.on<api::DescribeMetricFilters>([this](Call& c, const auto& in) { return describe_metric_filters(c, in); });
  service_.on<api::TestMetricFilter>([this](Call& c, const auto& in) { return test_metric_filter(c, in); });
  service_.on<api::PutSubscriptionFilter>([this](Call& c, const auto& in) { return put_subscription_filter(c, in); });
  service_.on<api::DeleteSubscriptionFilter>(
      [this](Call& c, const auto& in) { return delete_subscription_filter(c, in); });
  service_.on<api::DescribeSubscriptionFilters>(
      [this](Call& c, const auto& in) { return describe_subscription_filters(c, in); });
}

Task<api::PutMetricFilterOutput> Logs::put_metric_filter(Call& call, const api::PutMetricFilterInput& input) {
  co_await FilterPattern::parse(input.filter_pattern);
  for (const api::MetricTransformation& transformation : input.metric_transformations) {
    co_await check_transformation(transformation);
  }
  const Store store(call.account(), call.region);
  const auto put = [&](storage::Transaction& txn) -> Task<void> {
    co_await require_group(store, txn, input.log_group_name);
    GroupFilters filters = co_await find_filters(txn, store, input.log_group_name);
    api::MetricFilter filter;
    filter.filter_name = input.filter_name;
    filter.filter_pattern = input.filter_pattern;
    filter.metric_transformations = input.metric_transformations;
    filter.log_group_name = input.log_group_name;
    filter.creation_time = clock_.now_millis();
    put_named(filters.metrics, std::move(filter));
    if (filters.metrics.size() > kMostMetricFilters) {
      co_await fail(api::errors::kLimitExceededException, "Resource limit exceeded.");
    }
    put_filters(txn, store, input.log_group_name, filters);
  };
  co_await storage::transact(database_, put);
  co_return api::PutMetricFilterOutput();
}

Task<api::DeleteMetricFilterOutput> Logs::delete_metric_filter(Call& call, const api::DeleteMetricFilterInput& input) {
  const Store store(call.account(), call.region);
  const auto erase = [&](storage::Transaction& txn) -> Task<void> {
    co_await require_group(store, txn, input.log_group_name);
    GroupFilters filters = co_await find_filters(txn, store, input.log_group_name);
    const auto found = find_named(filters.metrics, input.filter_name);
    if (found == filters.metrics.end()) {
      co_await fail(api::errors::kResourceNotFoundException, "The specified metric filter does not exist.");
    }
    filters.metrics.erase(found);
    put_filters(txn, store, input.log_group_name, filters);
  };
  co_await storage::transact(database_, erase);
  co_return api::DeleteMetricFilterOutput();
}

Task<std::vector<std::string>> Logs::names_of_groups(Store store, std::string after) {
  const auto page = [&](storage::Transaction& txn) { return store.list_groups(txn, "", after, kGroupsAtOnce); };
  const std::vector<LogGroup> groups = co_await storage::transact(database_, page);
  std::vector<std::string> names;
  for (const LogGroup& group : groups) names.push_back(group.name);
  co_return names;
}

/// Without a group those of all groups, one group after the other: a page ends with a group.
Task<api::DescribeMetricFiltersOutput> Logs::describe_metric_filters(Call& call,
                                                                     const api::DescribeMetricFiltersInput& input) {
  if (input.metric_name.has_value() != input.metric_namespace.has_value()) {
    co_return invalid("metricName and metricNamespace must be given together.");
  }
  const Store store(call.account(), call.region);
  const auto limit = static_cast<std::size_t>(input.limit.value_or(50));
  api::DescribeMetricFiltersOutput output;
  output.metric_filters.emplace();
  std::string after = input.log_group_name ? std::string() : input.next_token.value_or("");
  while (true) {
    std::vector<std::string> names;
    if (input.log_group_name) {
      names.push_back(*input.log_group_name);
    } else {
      names = co_await names_of_groups(store, after);
    }
    for (const std::string& name : names) {
      const auto read = [&](storage::Transaction& txn) -> Task<GroupFilters> {
        co_await require_group(store, txn, name);
        co_return co_await find_filters(txn, store, name);
      };
      const GroupFilters filters = co_await storage::transact(database_, read);
      for (const api::MetricFilter& filter : filters.metrics) {
        const std::string own = filter.filter_name.value_or("");
        if (!own.starts_with(input.filter_name_prefix.value_or(""))) continue;
        if (input.log_group_name && input.next_token && own <= *input.next_token) continue;
        const auto& all = *filter.metric_transformations;
        const bool named = !input.metric_name || std::any_of(all.begin(), all.end(), [&input](const auto& t) {
          return t.metric_name == *input.metric_name && t.metric_namespace == *input.metric_namespace;
        });
        if (!named) continue;
        if (input.log_group_name && output.metric_filters->size() == limit) {
          output.next_token = output.metric_filters->back().filter_name;
          co_return output;
        }
        output.metric_filters->push_back(filter);
      }
      after = name;
      if (!input.log_group_name && output.metric_filters->size() >= limit) {
        output.next_token = after;
        co_return output;
      }
    }
    if (input.log_group_name || names.empty()) co_return output;
  }
}

Task<api::TestMetricFilterOutput> Logs::test_metric_filter(Call&, const api::TestMetricFilterInput& input) {
  const FilterPattern pattern = co_await FilterPattern::parse(input.filter_pattern);
  api::TestMetricFilterOutput output;
  output.matches.emplace();
  for (std::size_t i = 0; i < input.log_event_messages.size(); ++i) {
    const std::string& message = input.log_event_messages[i];
    if (!pattern.matches(message)) continue;
    api::MetricFilterMatchRecord& record = output.matches->emplace_back();
    record.event_number = static_cast<std::int64_t>(i) + 1;
    record.event_message = message;
    record.extracted_values = pattern.extracted(message);
  }
  co_return output;
}

Task<api::PutSubscriptionFilterOutput> Logs::put_subscription_filter(Call& call,
                                                                     const api::PutSubscriptionFilterInput& input) {
  co_await FilterPattern::parse(input.filter_pattern);
  co_await check_destination(input);
  const Store store(call.account(), call.region);
  const auto put = [&](storage::Transaction& txn) -> Task<void> {
    co_await require_group(store, txn, input.log_group_name);
    GroupFilters filters = co_await find_filters(txn, store, input.log_group_name);
    api::SubscriptionFilter filter;
    filter.filter_name = input.filter_name;
    filter.log_group_name = input.log_group_name;
    filter.filter_pattern = input.filter_pattern;
    filter.destination_arn = input.destination_arn;
    filter.role_arn = input.role_arn;
    filter.distribution = input.distribution.value_or(std::string(api::distribution::kByLogStream));
    filter.creation_time = clock_.now_millis();
    put_named(filters.subscriptions, std::move(filter));
    if (filters.subscriptions.size() > kMostSubscriptions) {
      co_await fail(api::errors::kLimitExceededException, "Resource limit exceeded.");
    }
    put_filters(txn, store, input.log_group_name, filters);
  };
  co_await storage::transact(database_, put);
  co_return api::PutSubscriptionFilterOutput();
}

Task<api::DeleteSubscriptionFilterOutput> Logs::delete_subscription_filter(
    Call& call, const api::DeleteSubscriptionFilterInput& input) {
  const Store store(call.account(), call.region);
  const auto erase = [&](storage::Transaction& txn) -> Task<void> {
    co_await require_group(store, txn, input.log_group_name);
    GroupFilters filters = co_await find_filters(txn, store, input.log_group_name);
    const auto found = find_named(filters.subscriptions, input.filter_name);
    if (found == filters.subscriptions.end()) {
      co_await fail(api::errors::kResourceNotFoundException, "The specified subscription filter does not exist.");
    }
    filters.subscriptions.erase(found);
    put_filters(txn, store, input.log_group_name, filters);
  };
  co_await storage::transact(database_, erase);
  co_return api::DeleteSubscriptionFilterOutput();
}

Task<api::DescribeSubscriptionFiltersOutput> Logs::describe_subscription_filters(
    Call& call, const api::DescribeSubscriptionFiltersInput& input) {
  const Store store(call.account(), call.region);
  const auto read = [&](storage::Transaction& txn) -> Task<GroupFilters> {
    co_await require_group(store, txn, input.log_group_name);
    co_return co_await find_filters(txn, store, input.log_group_name);
  };
  const GroupFilters filters = co_await storage::transact(database_, read);
  api::DescribeSubscriptionFiltersOutput output;
  output.subscription_filters.emplace();
  for (const api::SubscriptionFilter& filter : filters.subscriptions) {
    if (filter.filter_name.value_or("").starts_with(input.filter_name_prefix.value_or(""))) {
      output.subscription_filters->push_back(filter);
    }
  }
  co_return output;
}

}  // namespace cumulet::logs
