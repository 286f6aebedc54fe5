#include <algorithm>
#include <array>

#include "services/logs/logs.h"

namespace cumulet::logs {
namespace {

namespace api = wire::logs;

constexpr std::size_t kTagLimit = 50;
constexpr std::array<std::int32_t, 23> kRetentionDays{1,   3,   5,   7,    14,   30,   60,   90,   120,  150,  180, 365,
                                                      400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653, 0};

std::string group_arn(const wire::Call& call, const std::string& name) {
  return "arn:aws:logs:" + call.region + ":" + call.account() + ":log-group:" + name;
}

/// The group that a resource ARN names ("arn:aws:logs:…:log-group:NAME" with or without ":*").
Result<std::string> group_of_arn(const std::string& arn) {
  constexpr std::string_view kKind = ":log-group:";
  const std::size_t at = arn.find(kKind);
  if (!arn.starts_with("arn:") || at == std::string::npos) return invalid("Invalid resource ARN: " + arn);
  std::string name = arn.substr(at + kKind.size());
  if (name.ends_with(":*")) name.resize(name.size() - 2);
  if (name.empty()) return invalid("Invalid resource ARN: " + arn);
  return name;
}

}  // namespace

Error invalid(std::string message) { return Error(api::errors::kInvalidParameterException, std::move(message)); }

Task<LogGroup> require_group(const Store& store, storage::Transaction& txn, std::string name) {
  std::optional<LogGroup> group = co_await store.find_group(txn, std::move(name));
  if (!group) co_return Error(api::errors::kResourceNotFoundException, "The specified log group does not exist.");
  co_return std::move(*group);
}

Result<std::string> group_name(const std::optional<std::string>& name, const std::optional<std::string>& identifier) {
  if (name.has_value() == identifier.has_value()) {
    return invalid("Exactly one of logGroupName and logGroupIdentifier must be given.");
  }
  if (name) return *name;
  return identifier->starts_with("arn:") ? group_of_arn(*identifier) : Result<std::string>(*identifier);
}

std::int64_t retained_since(const LogGroup& group, std::int64_t now_millis) {
  constexpr std::int64_t kDay = 86'400'000;
  return group.retention_days ? now_millis - kDay * *group.retention_days : INT64_MIN;
}

void Logs::register_groups() {
  service_.on<api::CreateLogGroup>([this](Call& c, const auto& in) { return create_log_group(c, in); });
  service_.on<api::DeleteLogGroup>([this](Call& c, const auto& in) { return delete_log_group(c, in); });
  service_.on<api::DescribeLogGroups>([this](Call& c, const auto& in) { return describe_log_groups(c, in); });
  service_.on<api::PutRetentionPolicy>([this](Call& c, const auto& in) { return put_retention_policy(c, in); });
  service_.on<api::DeleteRetentionPolicy>([this](Call& c, const auto& in) { return delete_retention_policy(c, in); });
  service_.on<api::TagResource>([this](Call& c, const auto& in) { return tag_resource(c, in); });
  service_.on<api::UntagResource>([this](Call& c, const auto& in) { return untag_resource(c, in); });
  service_.on<api::ListTagsForResource>([this](Call& c, const auto& in) { return list_tags_for_resource(c, in); });
}

Task<api::CreateLogGroupOutput> Logs::create_log_group(Call& call, const api::CreateLogGroupInput& input) {
  LogGroup group;
  group.name = input.log_group_name;
  group.created = clock_.now_millis();
  if (input.tags) group.tags = *input.tags;
  if (group.tags.size() > kTagLimit) co_return invalid("A log group has at most 50 tags.");

  const Store store(call.account(), call.region);
  const auto create = [&store, &group](storage::Transaction& txn) -> Task<void> {
    if (co_await store.find_group(txn, group.name)) {
      co_await fail(api::errors::kResourceAlreadyExistsException, "The specified log group already exists");
    }
    store.put_group(txn, group);
  };
  co_await storage::transact(database_, create);
  co_return api::CreateLogGroupOutput();
}

Task<api::DeleteLogGroupOutput> Logs::delete_log_group(Call& call, const api::DeleteLogGroupInput& input) {
  const Store store(call.account(), call.region);
  // The group goes first, so that nobody sees it half empty; its streams follow, in bounded steps.
  const auto erase = [&store, &input](storage::Transaction& txn) -> Task<void> {
    co_await require_group(store, txn, input.log_group_name);
    store.erase_group(txn, input.log_group_name);
    txn.erase(store.filters_key(input.log_group_name));
  };
  co_await storage::transact(database_, erase);
  while (true) {
    const auto next = [&store, &input](storage::Transaction& txn) -> Task<std::vector<LogStream>> {
      co_return co_await store.list_streams(txn, input.log_group_name, "", "", 1);
    };
    const std::vector<LogStream> streams = co_await storage::transact(database_, next);
    if (streams.empty()) co_return api::DeleteLogGroupOutput();
    const std::string& name = streams.front().name;
    co_await erase_all_events(store, input.log_group_name, name);
    const auto erase_stream = [&store, &input, &name](storage::Transaction& txn) -> Task<void> {
      store.erase_stream(txn, input.log_group_name, name);
      co_return;
    };
    co_await storage::transact(database_, erase_stream);
  }
}

Task<api::DescribeLogGroupsOutput> Logs::describe_log_groups(Call& call, const api::DescribeLogGroupsInput& input) {
  if (input.log_group_name_prefix && input.log_group_name_pattern) {
    co_return invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.");
  }
  const std::size_t limit = static_cast<std::size_t>(input.limit.value_or(50));
  const Store store(call.account(), call.region);
  api::DescribeLogGroupsOutput output;
  output.log_groups.emplace();
  std::string after = input.next_token.value_or("");
  while (true) {
    const auto page = [&](storage::Transaction& txn) -> Task<std::vector<LogGroup>> {
      co_return co_await store.list_groups(txn, input.log_group_name_prefix.value_or(""), after, limit);
    };
    const std::vector<LogGroup> groups = co_await storage::transact(database_, page);
    for (const LogGroup& group : groups) {
      after = group.name;
      if (input.log_group_name_pattern && group.name.find(*input.log_group_name_pattern) == std::string::npos) continue;
      api::LogGroup shown;
      shown.log_group_name = group.name;
      shown.creation_time = group.created;
      if (group.retention_days) shown.retention_in_days = static_cast<std::int32_t>(*group.retention_days);
      shown.metric_filter_count = 0;
      shown.arn = group_arn(call, group.name) + ":*";
      shown.log_group_arn = group_arn(call, group.name);
      shown.stored_bytes = 0;
      shown.log_group_class = "STANDARD";
      output.log_groups->push_back(std::move(shown));
      if (output.log_groups->size() == limit) {
        output.next_token = after;
        co_return output;
      }
    }
    if (groups.size() < limit) co_return output;
  }
}

Task<api::PutRetentionPolicyOutput> Logs::put_retention_policy(Call& call, const api::PutRetentionPolicyInput& input) {
  const std::int32_t days = input.retention_in_days;
  if (days == 0 || std::find(kRetentionDays.begin(), kRetentionDays.end(), days) == kRetentionDays.end()) {
    co_return invalid(
        "Invalid retention value. Valid values are: [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, "
        "545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653]");
  }
  const Store store(call.account(), call.region);
  const auto put = [&store, &input, days](storage::Transaction& txn) -> Task<void> {
    LogGroup group = co_await require_group(store, txn, input.log_group_name);
    group.retention_days = static_cast<std::uint32_t>(days);
    store.put_group(txn, group);
  };
  co_await storage::transact(database_, put);
  co_return api::PutRetentionPolicyOutput();
}

Task<api::DeleteRetentionPolicyOutput> Logs::delete_retention_policy(Call& call,
                                                                     const api::DeleteRetentionPolicyInput& input) {
  const Store store(call.account(), call.region);
  const auto erase = [&store, &input](storage::Transaction& txn) -> Task<void> {
    LogGroup group = co_await require_group(store, txn, input.log_group_name);
    group.retention_days.reset();
    store.put_group(txn, group);
  };
  co_await storage::transact(database_, erase);
  co_return api::DeleteRetentionPolicyOutput();
}

Task<api::TagResourceOutput> Logs::tag_resource(Call& call, const api::TagResourceInput& input) {
  const std::string name = co_await group_of_arn(input.resource_arn);
  const Store store(call.account(), call.region);
  const auto tag = [&store, &input, &name](storage::Transaction& txn) -> Task<void> {
    LogGroup group = co_await require_group(store, txn, name);
    for (const auto& [key, value] : input.tags) group.tags[key] = value;
    if (group.tags.size() > kTagLimit) {
      co_await fail(api::errors::kTooManyTagsException, "A log group has at most 50 tags.");
    }
    store.put_group(txn, group);
  };
  co_await storage::transact(database_, tag);
  co_return api::TagResourceOutput();
}

Task<api::UntagResourceOutput> Logs::untag_resource(Call& call, const api::UntagResourceInput& input) {
  const std::string name = co_await group_of_arn(input.resource_arn);
  const Store store(call.account(), call.region);
  const auto untag = [&store, &input, &name](storage::Transaction& txn) -> Task<void> {
    LogGroup group = co_await require_group(store, txn, name);
    for (const std::string& key : input.tag_keys) group.tags.erase(key);
    store.put_group(txn, group);
  };
  co_await storage::transact(database_, untag);
  co_return api::UntagResourceOutput();
}

Task<api::ListTagsForResourceOutput> Logs::list_tags_for_resource(Call& call,
                                                                  const api::ListTagsForResourceInput& input) {
  const std::string name = co_await group_of_arn(input.resource_arn);
  const Store store(call.account(), call.region);
  const auto read = [&store, &name](storage::Transaction& txn) -> Task<LogGroup> {
    co_return co_await require_group(store, txn, name);
  };
  const LogGroup group = co_await storage::transact(database_, read);
  api::ListTagsForResourceOutput output;
  output.tags = group.tags;
  co_return output;
}

}  // namespace cumulet::logs
