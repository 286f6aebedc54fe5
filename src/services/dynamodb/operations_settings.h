#pragma once

#include <optional>
#include <string>

#include "base/task.h"
#include "services/dynamodb/request.h"
#include "services/dynamodb/store.h"
#include "wire/call.h"

namespace cumulet::dynamodb {

/// What stands around tables: time to live, tags, limits, endpoints.
class SettingsOperations {
 public:
  explicit SettingsOperations(Store& store) : store_(store) {}

  Task<shapes::DescribeTimeToLiveOutput> describe_time_to_live(wire::Call& call,
                                                               shapes::DescribeTimeToLiveInput& input);
  Task<shapes::UpdateTimeToLiveOutput> update_time_to_live(wire::Call& call, shapes::UpdateTimeToLiveInput& input);
  Task<shapes::TagResourceOutput> tag_resource(wire::Call& call, shapes::TagResourceInput& input);
  Task<shapes::UntagResourceOutput> untag_resource(wire::Call& call, shapes::UntagResourceInput& input);
  Task<shapes::ListTagsOfResourceOutput> list_tags_of_resource(wire::Call& call,
                                                               shapes::ListTagsOfResourceInput& input);
  Task<shapes::DescribeLimitsOutput> describe_limits(wire::Call& call, shapes::DescribeLimitsInput& input);
  // There are no contributor insights here: these say so in DynamoDB's words.
  Task<shapes::DescribeContributorInsightsOutput> describe_contributor_insights(
      wire::Call& call, shapes::DescribeContributorInsightsInput& input);
  Task<shapes::ListContributorInsightsOutput> list_contributor_insights(wire::Call& call,
                                                                        shapes::ListContributorInsightsInput& input);
  Task<shapes::UpdateContributorInsightsOutput> update_contributor_insights(
      wire::Call& call, shapes::UpdateContributorInsightsInput& input);
  Task<shapes::DescribeEndpoints::Output> describe_endpoints(wire::Call& call, shapes::DescribeEndpoints::Input& input);

 private:
  Task<bool> set_time_to_live(storage::Transaction& transaction, wire::Call& call, const std::string& name,
                              const shapes::TimeToLiveSpecification& wanted);
  Task<bool> change_tags(storage::Transaction& transaction, wire::Call& call, const std::string& arn,
                         const std::vector<shapes::Tag>& added, const std::vector<std::string>& removed);
  Task<TablePtr> require_table(wire::Call& call, const std::string& given);

  Store& store_;
};

}  // namespace cumulet::dynamodb
