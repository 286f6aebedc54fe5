#include "services/cloudformation/status_change.h"

#include "base/text.h"
#include "wire/arn.h"
#include "wire/json_writer.h"

namespace cumulet::cloudformation {

events::Event status_change(const std::string& account, const std::string& region, const std::string& stack_id,
                            const StackEvent& event) {
  const bool of_stack = event.physical_id == stack_id;
  wire::JsonWriter detail;
  detail.begin_object().key("stack-id").string(stack_id);
  if (!of_stack) {
    detail.key("logical-resource-id").string(event.logical_id);
    detail.key("physical-resource-id").string(event.physical_id);
    detail.key("resource-type").string(event.type);
  }
  detail.key("status-details").begin_object().key("status").string(event.status);
  detail.key("status-reason").string(event.reason).end_object();
  detail.key("client-request-token").string("").end_object();
  events::Event change;
  change.account = account;
  change.region = region;
  change.target_arn = wire::make_arn("events", region, account, "event-bus/default");
  change.source_arn = stack_id;
  change.payload = detail.take();
  change.attributes["@Source"] = "aws.cloudformation";
  change.attributes["@DetailType"] =
      of_stack ? "CloudFormation Stack Status Change" : "CloudFormation Resource Status Change";
  change.attributes["@Resources"] = "[\"" + json_escape(stack_id) + "\"]";
  return change;
}

}  // namespace cumulet::cloudformation
