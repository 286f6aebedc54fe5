#include "base/text.h"
#include "services/scheduler/scheduler.h"
#include "wire/arn.h"

namespace cumulet::scheduler {
namespace {

namespace api = wire::scheduler;

constexpr std::int32_t kGroupsPage = 100;
constexpr std::size_t kGroupLimit = 500;
constexpr std::size_t kTagLimit = 50;
constexpr std::size_t kErasedAtOnce = 200;

/// The group's name in an ARN; only groups have tags.
Result<std::string> group_of(const std::string& arn) {
  const std::optional<wire::Arn> parsed = wire::parse_arn(arn);
  if (!parsed || parsed->service != "scheduler" || parsed->resource_type() != "schedule-group") {
    return invalid("Invalid ResourceArn " + arn + ".");
  }
  return std::string(parsed->resource_id());
}

}  // namespace

void Scheduler::register_groups() {
  service_.on<api::CreateScheduleGroup>([this](Call& c, const auto& in) { return create_group(c, in); });
  service_.on<api::DeleteScheduleGroup>([this](Call& c, const auto& in) { return delete_group(c, in); });
  service_.on<api::GetScheduleGroup>([this](Call& c, const auto& in) { return get_group(c, in); });
  service_.on<api::ListScheduleGroups>([this](Call& c, const auto& in) { return list_groups(c, in); });
}

Task<api::CreateScheduleGroupOutput> Scheduler::create_group(Call& call, const api::CreateScheduleGroupInput& input) {
  const Store store = store_of(call);
  Group group;
  group.shown.name = input.name;
  group.shown.arn = group_arn(store, input.name);
  group.shown.state = "ACTIVE";
  group.shown.creation_date = group.shown.last_modification_date = std::chrono::floor<milliseconds>(clock_.now());
  std::map<std::string, std::string> tags;
  if (input.tags) {
    for (const api::Tag& tag : *input.tags) tags[tag.key] = tag.value;
  }
  if (tags.size() > kTagLimit) co_return invalid("A schedule group has at most 50 tags.");
  const auto create = [&](storage::Transaction& txn) -> Task<void> {
    const std::optional<Group> there = co_await store.find_group(txn, input.name);
    if (there || input.name == kDefaultGroup) {
      co_await fail(api::errors::kConflictException, "Schedule group " + input.name + " already exists.");
    }
    const std::vector<Group> all = co_await store.list_groups(txn, "", "", kGroupLimit);
    if (all.size() == kGroupLimit) {
      co_await fail(api::errors::kServiceQuotaExceededException, "The number of schedule groups is at its limit.");
    }
    store.put_group(txn, group);
    store.put_tags(txn, *group.shown.arn, tags);
  };
  co_await storage::transact(database_, create);
  api::CreateScheduleGroupOutput output;
  output.schedule_group_arn = *group.shown.arn;
  co_return output;
}

Task<api::DeleteScheduleGroupOutput> Scheduler::delete_group(Call& call, const api::DeleteScheduleGroupInput& input) {
  if (input.name == kDefaultGroup) co_return invalid("Deleting default schedule group is not allowed.");
  const Store store = store_of(call);
  // First its schedules, in bounded steps; the step that finds none takes the group itself.
  while (true) {
    const auto step = [&](storage::Transaction& txn) -> Task<bool> {
      co_await require_group(store, txn, input.name);
      const std::vector<Schedule> schedules = co_await store.list(txn, input.name, "", {}, kErasedAtOnce);
      for (const Schedule& schedule : schedules) {
        leave(txn, store, schedule);
        store.erase(txn, input.name, *schedule.shown.name);
      }
      if (!schedules.empty()) co_return true;
      store.erase_group(txn, input.name);
      store.put_tags(txn, group_arn(store, input.name), {});
      co_return false;
    };
    const bool more = co_await storage::transact(database_, step);
    if (!more) co_return api::DeleteScheduleGroupOutput();
  }
}

Task<api::GetScheduleGroupOutput> Scheduler::get_group(Call& call, const api::GetScheduleGroupInput& input) {
  const Store store = store_of(call);
  const auto read = [&](storage::Transaction& txn) -> Task<Group> {
    co_return co_await require_group(store, txn, input.name);
  };
  const Group group = co_await storage::transact(database_, read);
  co_return group.shown;
}

Task<api::ListScheduleGroupsOutput> Scheduler::list_groups(Call& call, const api::ListScheduleGroupsInput& input) {
  const Store store = store_of(call);
  const auto limit = static_cast<std::size_t>(input.max_results.value_or(kGroupsPage));
  const std::string prefix = input.name_prefix.value_or("");
  const std::string after = base64_decode(input.next_token.value_or("")).value_or("");
  const auto read = [&](storage::Transaction& txn) -> Task<std::vector<Group>> {
    std::vector<Group> groups = co_await store.list_groups(txn, prefix, after, limit + 1);
    if (!input.next_token && kDefaultGroup.starts_with(prefix)) {
      const Group standard = co_await require_group(store, txn, std::string(kDefaultGroup));
      groups.insert(groups.begin(), standard);
    }
    co_return groups;
  };
  std::vector<Group> groups = co_await storage::transact(database_, read);
  api::ListScheduleGroupsOutput output;
  if (groups.size() > limit) {
    groups.resize(limit);
    const bool only_default = groups.back().shown.name == kDefaultGroup;
    output.next_token = base64_encode(only_default ? std::string(1, '\x01') : *groups.back().shown.name);
  }
  for (const Group& group : groups) {
    api::ScheduleGroupSummary& summary = output.schedule_groups.emplace_back();
    summary.arn = group.shown.arn;
    summary.name = group.shown.name;
    summary.state = group.shown.state;
    summary.creation_date = group.shown.creation_date;
    summary.last_modification_date = group.shown.last_modification_date;
  }
  co_return output;
}

void Scheduler::register_tags() {
  service_.on<api::TagResource>([this](Call& call, const api::TagResourceInput& input) -> Out<api::TagResource> {
    const std::string group = co_await group_of(input.resource_arn);
    const Store store = store_of(call);
    const auto tag = [&](storage::Transaction& txn) -> Task<void> {
      co_await require_group(store, txn, group);
      std::map<std::string, std::string> tags = co_await store.tags(txn, input.resource_arn);
      for (const api::Tag& one : input.tags) tags[one.key] = one.value;
      if (tags.size() > kTagLimit) co_await fail(invalid("A schedule group has at most 50 tags."));
      store.put_tags(txn, input.resource_arn, tags);
    };
    co_await storage::transact(database_, tag);
    co_return api::TagResourceOutput();
  });
  service_.on<api::UntagResource>([this](Call& call, const api::UntagResourceInput& input) -> Out<api::UntagResource> {
    const std::string group = co_await group_of(input.resource_arn);
    const Store store = store_of(call);
    const auto untag = [&](storage::Transaction& txn) -> Task<void> {
      co_await require_group(store, txn, group);
      std::map<std::string, std::string> tags = co_await store.tags(txn, input.resource_arn);
      for (const std::string& key : input.tag_keys) tags.erase(key);
      store.put_tags(txn, input.resource_arn, tags);
    };
    co_await storage::transact(database_, untag);
    co_return api::UntagResourceOutput();
  });
  service_.on<api::ListTagsForResource>(
      [this](Call& call, const api::ListTagsForResourceInput& input) -> Out<api::ListTagsForResource> {
        const std::string group = co_await group_of(input.resource_arn);
        const Store store = store_of(call);
        const auto read = [&](storage::Transaction& txn) -> Task<std::map<std::string, std::string>> {
          co_await require_group(store, txn, group);
          co_return co_await store.tags(txn, input.resource_arn);
        };
        const std::map<std::string, std::string> tags = co_await storage::transact(database_, read);
        api::ListTagsForResourceOutput output;
        output.tags.emplace();
        for (const auto& [key, value] : tags) {
          api::Tag& tag = output.tags->emplace_back();
          tag.key = key;
          tag.value = value;
        }
        co_return output;
      });
}

}  // namespace cumulet::scheduler
