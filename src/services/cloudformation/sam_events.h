#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "services/cloudformation/sam_policies.h"
#include "services/cloudformation/value.h"

/// The Events of serverless functions. One converter for each type of event, registered in sam_events.cc.
namespace cumulet::cloudformation {

struct SamEvent {
  SamEvent(std::string f, std::string n, Value p, Value t)
      : function(std::move(f)), name(std::move(n)), properties(std::move(p)), target(std::move(t)) {}
  std::string function;  ///< The function's logical id.
  std::string name;      ///< The event's key in Events.
  Value properties;
  Value target;  ///< What the event invokes: the function's ARN or its alias's.

  /// What the logical ids of the event's resources begin with.
  std::string stem() const { return function + name; }
};

/// A LambdaConfiguration that a bucket of the template gets.
struct SamBucketNotification {
  SamBucketNotification(std::string b, std::string e, std::string p, Value c)
      : bucket(std::move(b)), event(std::move(e)), permission(std::move(p)), configuration(std::move(c)) {}
  std::string bucket;      ///< Its logical id.
  std::string event;       ///< The event's key in Events.
  std::string permission;  ///< What the bucket waits for.
  Value configuration;
};

/// What an event makes of the template.
struct SamEventParts {
  std::vector<std::pair<std::string, Value>> resources;  ///< They exist under the function's condition.
  SamGrants grants;                                      ///< For the role, where SAM makes it.
  bool implicit_http_api = false;                        ///< It needs the API "ServerlessHttpApi".
  std::vector<SamBucketNotification> notifications;

  void add(SamEventParts other) {
    for (auto& made : other.resources) resources.push_back(std::move(made));
    grants.add(other.grants);
    for (auto& each : other.notifications) notifications.push_back(std::move(each));
    implicit_http_api = implicit_http_api || other.implicit_http_api;
  }
};

inline constexpr const char* kImplicitHttpApi = "ServerlessHttpApi";

/// Fails with ValidationError on a type that this server does not know, and on properties that it does not do.
Result<SamEventParts> convert_sam_event(const std::string& type, const SamEvent& event);

/// The function's EventInvokeConfig, with the destinations that it does not name itself.
Result<SamEventParts> sam_event_invoke_config(const std::string& function, const Value& config, const Value* alias);

// The converters. sam_events_http.cc
Result<SamEventParts> sam_http_api_event(const SamEvent& event);
// sam_events_logs.cc
Result<SamEventParts> sam_cloudwatch_logs_event(const SamEvent& event);
// sam_events_mapping.cc: what is polled by an event source mapping
Result<SamEventParts> sam_sqs_event(const SamEvent& event);
Result<SamEventParts> sam_kinesis_event(const SamEvent& event);
Result<SamEventParts> sam_dynamodb_event(const SamEvent& event);
// sam_events_s3.cc
Result<SamEventParts> sam_s3_event(const SamEvent& event);
// sam_events_sns.cc
Result<SamEventParts> sam_sns_event(const SamEvent& event);
// sam_events_rules.cc: what EventBridge starts
Result<SamEventParts> sam_schedule_event(const SamEvent& event);
Result<SamEventParts> sam_schedule_v2_event(const SamEvent& event);
Result<SamEventParts> sam_event_bridge_rule_event(const SamEvent& event);

}  // namespace cumulet::cloudformation
