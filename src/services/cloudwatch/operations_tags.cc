#include <functional>

#include "services/cloudwatch/cloudwatch.h"
#include "services/cloudwatch/common.h"
#include "wire/arn.h"

namespace cumulet::cloudwatch {
namespace {

namespace api = wire::cloudwatch;

using Tags = std::map<std::string, std::string>;

/// An alarm's or a dashboard's tags after `change`; its row is written only when they differ. Fails with
/// ResourceNotFoundException.
Task<Tags> with_tags(storage::Transaction& txn, Store store, std::string arn, std::function<void(Tags&)> change) {
  const std::optional<wire::Arn> parsed = wire::parse_arn(arn);
  if (!parsed || parsed->service != "cloudwatch") {
    co_return invalid_value("The value " + arn + " for parameter ResourceARN is invalid.");
  }
  const std::string name(parsed->resource_id());
  if (parsed->resource_type() == "alarm") {
    std::optional<Alarm> alarm = co_await find_alarm(txn, store, name);
    if (alarm) {
      const Tags before = alarm->tags;
      change(alarm->tags);
      if (alarm->tags.size() > kMostTags) co_return invalid_value("A resource can have at most 50 tags.");
      if (alarm->tags != before) txn.put(alarm_key(store, name), alarm_value(*alarm));
      co_return alarm->tags;
    }
  } else if (parsed->resource_type() == "dashboard") {
    std::optional<Dashboard> dashboard = co_await find_dashboard(txn, store, name);
    if (dashboard) {
      const Tags before = dashboard->tags;
      change(dashboard->tags);
      if (dashboard->tags.size() > kMostTags) co_return invalid_value("A resource can have at most 50 tags.");
      if (dashboard->tags != before) txn.put(dashboard_key(store, name), dashboard_value(*dashboard));
      co_return dashboard->tags;
    }
  }
  co_return Error(api::errors::kResourceNotFoundException, "The resource " + arn + " does not exist.");
}

}  // namespace

void CloudWatch::register_tags() {
  service_.on<api::TagResource>([this](Call& c, const auto& in) { return tag_resource(c, in); });
  service_.on<api::UntagResource>([this](Call& c, const auto& in) { return untag_resource(c, in); });
  service_.on<api::ListTagsForResource>([this](Call& c, const auto& in) { return list_tags_for_resource(c, in); });
}

Task<api::TagResourceOutput> CloudWatch::tag_resource(Call& call, const api::TagResourceInput& input) {
  const Store store(call.account(), call.region);
  const auto change = [&input](Tags& tags) {
    for (const api::Tag& tag : input.tags) tags[tag.key] = tag.value;
  };
  const auto write = [&](storage::Transaction& txn) { return with_tags(txn, store, input.resource_arn, change); };
  co_await storage::transact(database_, write);
  co_return api::TagResourceOutput();
}

Task<api::UntagResourceOutput> CloudWatch::untag_resource(Call& call, const api::UntagResourceInput& input) {
  const Store store(call.account(), call.region);
  const auto change = [&input](Tags& tags) {
    for (const std::string& key : input.tag_keys) tags.erase(key);
  };
  const auto write = [&](storage::Transaction& txn) { return with_tags(txn, store, input.resource_arn, change); };
  co_await storage::transact(database_, write);
  co_return api::UntagResourceOutput();
}

Task<api::ListTagsForResourceOutput> CloudWatch::list_tags_for_resource(Call& call,
                                                                        const api::ListTagsForResourceInput& input) {
  const Store store(call.account(), call.region);
  const auto read = [&](storage::Transaction& txn) { return with_tags(txn, store, input.resource_arn, [](Tags&) {}); };
  const Tags tags = co_await storage::transact(database_, read);
  api::ListTagsForResourceOutput output;
  output.tags.emplace();
  for (const auto& [key, value] : tags) {
    api::Tag& tag = output.tags->emplace_back();
    tag.key = key;
    tag.value = value;
  }
  co_return output;
}

}  // namespace cumulet::cloudwatch
