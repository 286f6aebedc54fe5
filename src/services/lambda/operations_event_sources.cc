#include <algorithm>

#include "base/ids.h"
#include "base/text.h"
#include "services/lambda/event_source/mapping_rules.h"
#include "services/lambda/event_source/record_filter.h"
#include "services/lambda/lambda.h"
#include "services/lambda/tenancy.h"
#include "wire/generated/sqs.h"

namespace cumulet::lambda {
namespace {

namespace api = wire::lambda;
using storage::Transaction;

constexpr std::size_t kPage = 100;

Error not_there() {
  return user_error(api::errors::kResourceNotFoundException, "The resource you requested does not exist.");
}

Error exists_already(const MappingRow& row, const std::string& uuid) {
  const bool queue = source_kind(row.source()) == SourceKind::kQueue;
  const std::string start = queue ? "An event source mapping with SQS arn (\" " : "The event source arn (\" ";
  const std::string end = queue ? " \") already exists. Please update or delete the existing mapping with UUID "
                                : " \") provided mapping already exists. Please update or delete the existing mapping "
                                  "with UUID ";
  return user_error(api::errors::kResourceConflictException,
                    start + row.source() + " \") and function (\" " + row.function() + end + uuid);
}

/// As the API shows it.
api::EventSourceMappingConfiguration shown(const MappingRow& row, const std::optional<std::string>& result) {
  api::EventSourceMappingConfiguration output = row.configuration;
  if (source_kind(row.source()) != SourceKind::kQueue) {
    output.last_processing_result = result.value_or("No records processed");
  }
  return output;
}

MappingRow row_of(const wire::Call& call, const api::CreateEventSourceMappingRequest& input, const FunctionName& name,
                  Timestamp now) {
  MappingRow row;
  row.account = call.account();
  row.region = call.region;
  row.enabled = input.enabled.value_or(true);
  if (input.tags) row.tags = *input.tags;
  api::EventSourceMappingConfiguration& c = row.configuration;
  c.uuid = uuid();
  c.event_source_mapping_arn =
      "arn:aws:lambda:" + call.region + ":" + call.account() + ":event-source-mapping:" + *c.uuid;
  c.event_source_arn = input.event_source_arn;
  c.function_arn = name.qualified_arn();
  c.starting_position = input.starting_position;
  c.starting_position_timestamp = input.starting_position_timestamp;
  c.batch_size = input.batch_size;
  c.maximum_batching_window_in_seconds = input.maximum_batching_window_in_seconds;
  c.parallelization_factor = input.parallelization_factor;
  c.filter_criteria = input.filter_criteria;
  c.destination_config = input.destination_config;
  c.maximum_record_age_in_seconds = input.maximum_record_age_in_seconds;
  c.bisect_batch_on_function_error = input.bisect_batch_on_function_error;
  c.maximum_retry_attempts = input.maximum_retry_attempts;
  c.tumbling_window_in_seconds = input.tumbling_window_in_seconds;
  c.function_response_types = input.function_response_types;
  c.scaling_config = input.scaling_config;
  c.kms_key_arn = input.kms_key_arn;
  c.metrics_config = input.metrics_config;
  c.last_modified = now;
  c.state = "Creating";
  return row;
}

template <typename T>
void replace(std::optional<T>& value, const std::optional<T>& by) {
  if (by) value = by;
}

void change(MappingRow& row, const api::UpdateEventSourceMappingRequest& input, Timestamp now) {
  api::EventSourceMappingConfiguration& c = row.configuration;
  replace(c.batch_size, input.batch_size);
  replace(c.maximum_batching_window_in_seconds, input.maximum_batching_window_in_seconds);
  replace(c.parallelization_factor, input.parallelization_factor);
  replace(c.filter_criteria, input.filter_criteria);
  replace(c.destination_config, input.destination_config);
  replace(c.maximum_record_age_in_seconds, input.maximum_record_age_in_seconds);
  replace(c.bisect_batch_on_function_error, input.bisect_batch_on_function_error);
  replace(c.maximum_retry_attempts, input.maximum_retry_attempts);
  replace(c.tumbling_window_in_seconds, input.tumbling_window_in_seconds);
  replace(c.function_response_types, input.function_response_types);
  replace(c.scaling_config, input.scaling_config);
  replace(c.kms_key_arn, input.kms_key_arn);
  replace(c.metrics_config, input.metrics_config);
  const bool enabled = input.enabled.value_or(row.enabled);
  c.state = enabled == row.enabled ? "Updating" : enabled ? "Enabling" : "Disabling";
  row.enabled = enabled;
  c.last_modified = now;
  ++row.version;
}

}  // namespace

void Lambda::register_event_sources() {
  service_.on<api::CreateEventSourceMapping>([this](Call& c, const auto& in) { return create_mapping(c, in); });
  service_.on<api::GetEventSourceMapping>([this](Call& c, const auto& in) { return get_mapping(c, in); });
  service_.on<api::UpdateEventSourceMapping>([this](Call& c, const auto& in) { return update_mapping(c, in); });
  service_.on<api::DeleteEventSourceMapping>([this](Call& c, const auto& in) { return delete_mapping(c, in); });
  service_.on<api::ListEventSourceMappings>([this](Call& c, const auto& in) { return list_mappings_of(c, in); });
}

Task<FunctionName> Lambda::mapped_function(Call& call, std::string function_name) {
  const FunctionName name = co_await parse_function_name(function_name, call.account(), call.region, std::nullopt);
  const auto check = [&](Transaction& txn) -> Task<void> {
    const Store store(name.account, name.region);
    const std::optional<FunctionRow> function = co_await store.find_function(txn, name.name);
    if (!function) co_await fail(invalid("Function does not exist"));
    const std::optional<VersionRow> latest = co_await store.find_version(txn, name.name, 0);
    if (latest) co_await not_with_tenants(latest->configuration, "Event source mappings");
    if (!name.qualifier) co_return;
    const bool version = version_number(*name.qualifier).has_value();
    const Result<VersionRow> found = co_await attempt(require_version(txn, name));
    if (!found.ok())
      co_await fail(invalid(version ? "Function version does not exist" : "Function alias does not exist"));
  };
  co_await storage::transact(database_, check);
  co_return name;
}

Task<std::int32_t> Lambda::timeout_of(std::string function_arn) {
  const std::optional<FunctionName> name = parse_function_arn(function_arn);
  if (!name) co_return 3;
  const auto read = [&](Transaction& txn) -> Task<std::int32_t> {
    const VersionRow row = co_await require_version(txn, *name);
    co_return row.configuration.timeout.value_or(3);
  };
  co_return co_await storage::transact(database_, read);
}

Task<std::string> Lambda::role_of(const MappingRow& mapping) {
  const std::optional<FunctionName> name = parse_function_arn(mapping.function());
  if (!name) co_return std::string();
  const auto read = [&](Transaction& txn) -> Task<std::string> {
    const Result<VersionRow> row = co_await attempt(require_version(txn, *name));
    co_return row.ok() ? row->configuration.role.value_or("") : std::string();
  };
  co_return co_await storage::transact(database_, read);
}

/// That the source is there, and that a queue leaves the function its time.
Task<void> Lambda::check_source(const MappingRow& mapping, std::int32_t function_timeout) {
  const SourceKind kind = source_kind(mapping.source()).value_or(SourceKind::kQueue);
  if (kind != SourceKind::kQueue) {
    events::StreamSource* source = sources_.stream_source(kind);
    if (source == nullptr) co_await fail(invalid("Stream not found: " + mapping.source()));
    const auto shards = co_await attempt(source->shards(mapping.source()));
    if (!shards.ok() && shards.error().http_status() < 500) {
      co_await fail(invalid("Stream not found: " + mapping.source()));
    }
    co_return;
  }
  const std::vector<std::string_view> parts = split(mapping.source(), ':');
  const std::string account(parts[4]);
  ServiceCall made(account, std::string(parts[3]), clock_.now());
  wire::sqs::GetQueueAttributesRequest input;
  input.queue_url = "https://sqs." + std::string(parts[3]) + ".amazonaws.com/" + account + "/" + std::string(parts[5]);
  input.attribute_names.emplace().push_back("VisibilityTimeout");
  const Result<wire::sqs::GetQueueAttributesResult> queue =
      co_await attempt(options_.services->call<wire::sqs::GetQueueAttributes>("sqs", made.call, std::move(input)));
  if (!queue.ok()) {
    co_await fail(
        invalid("Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. SQS "
                "Error Message: The specified queue does not exist."));
  }
  if (!queue->attributes || !queue->attributes->contains("VisibilityTimeout")) co_return;
  const std::string visibility = queue->attributes->at("VisibilityTimeout");
  if (parse_int(visibility).value_or(0) < function_timeout) {
    co_await fail(invalid("Queue visibility timeout: " + visibility +
                          " seconds is less than Function timeout: " + std::to_string(function_timeout) + " seconds"));
  }
}

Task<Lambda::Mapping> Lambda::create_mapping(Call& call, const api::CreateEventSourceMappingRequest& input) {
  co_await check_given(input);
  const FunctionName name = co_await mapped_function(call, input.function_name);
  MappingRow row = row_of(call, input, name, clock_.now());
  co_await check_mapping(row.configuration);
  fill_defaults(row.configuration);
  const std::int32_t timeout = co_await timeout_of(row.function());
  co_await check_source(row, timeout);
  const auto create = [&](Transaction& txn) -> Task<void> {
    const std::optional<std::string> other = co_await find_mapping_between(txn, row.source(), row.function());
    if (other) co_await fail(exists_already(row, *other));
    put_mapping(txn, row);
    put_mapping_between(txn, row);
  };
  co_await storage::transact(database_, create);
  co_return shown(row, std::nullopt);
}

Task<Lambda::Mapping> Lambda::get_mapping(Call& call, const api::GetEventSourceMappingRequest& input) {
  const auto read = [&](Transaction& txn) -> Task<Mapping> {
    const std::optional<MappingRow> row = co_await find_mapping(txn, call.account(), call.region, input.uuid);
    if (!row) co_await fail(not_there());
    const std::optional<std::string> result = co_await find_result(txn, input.uuid);
    co_return shown(*row, result);
  };
  co_return co_await storage::transact(database_, read);
}

Task<Lambda::Mapping> Lambda::update_mapping(Call& call, const api::UpdateEventSourceMappingRequest& input) {
  std::optional<FunctionName> name;
  if (input.function_name) name = co_await mapped_function(call, *input.function_name);
  const auto update = [&](Transaction& txn) -> Task<Mapping> {
    std::optional<MappingRow> row = co_await find_mapping(txn, call.account(), call.region, input.uuid);
    if (!row) co_await fail(not_there());
    if (row->configuration.state == "Deleting") {
      co_await fail(user_error(api::errors::kResourceInUseException,
                               "Cannot update the event source mapping because it is in use."));
    }
    if (name && name->qualified_arn() != row->function()) {
      erase_mapping_between(txn, *row);
      row->configuration.function_arn = name->qualified_arn();
      const std::optional<std::string> other = co_await find_mapping_between(txn, row->source(), row->function());
      if (other) co_await fail(exists_already(*row, *other));
      put_mapping_between(txn, *row);
    }
    change(*row, input, clock_.now());
    co_await check_mapping(row->configuration);
    fill_defaults(row->configuration);
    put_mapping(txn, *row);
    const std::optional<std::string> result = co_await find_result(txn, input.uuid);
    co_return shown(*row, result);
  };
  co_return co_await storage::transact(database_, update);
}

Task<Lambda::Mapping> Lambda::delete_mapping(Call& call, const api::DeleteEventSourceMappingRequest& input) {
  const auto erase = [&](Transaction& txn) -> Task<Mapping> {
    std::optional<MappingRow> row = co_await find_mapping(txn, call.account(), call.region, input.uuid);
    if (!row) co_await fail(not_there());
    if (row->configuration.state == "Deleting") {
      co_await fail(user_error(api::errors::kResourceInUseException,
                               "Cannot delete the event source mapping because it is in use."));
    }
    row->configuration.state = "Deleting";
    ++row->version;
    put_mapping(txn, *row);
    // The pair is free for another mapping from now on.
    erase_mapping_between(txn, *row);
    const std::optional<std::string> result = co_await find_result(txn, input.uuid);
    co_return shown(*row, result);
  };
  co_return co_await storage::transact(database_, erase);
}

Task<api::ListEventSourceMappingsResponse> Lambda::list_mappings_of(Call& call,
                                                                    const api::ListEventSourceMappingsRequest& input) {
  std::optional<std::string> function;
  if (input.function_name) {
    const FunctionName name =
        co_await parse_function_name(*input.function_name, call.account(), call.region, std::nullopt);
    function = name.qualified_arn();
  }
  const std::size_t most = std::min(kPage, static_cast<std::size_t>(input.max_items.value_or(kPage)));
  const auto read = [&](Transaction& txn) -> Task<api::ListEventSourceMappingsResponse> {
    api::ListEventSourceMappingsResponse output;
    std::vector<Mapping>& found = output.event_source_mappings.emplace();
    std::string after = input.marker.value_or("");
    while (true) {
      const std::vector<MappingRow> rows = co_await list_mappings(txn, call.account(), call.region, after, kPage);
      for (const MappingRow& row : rows) {
        if (found.size() == most) {
          output.next_marker = after;
          co_return output;
        }
        after = row.uuid();
        if (input.event_source_arn && row.source() != *input.event_source_arn) continue;
        if (function && row.function() != *function) continue;
        const std::optional<std::string> result = co_await find_result(txn, row.uuid());
        found.push_back(shown(row, result));
      }
      if (rows.size() < kPage) break;
    }
    co_return output;
  };
  co_return co_await storage::transact(database_, read);
}

}  // namespace cumulet::lambda
