#include "services/cloudformation/sam_events.h"
#include "services/cloudformation/sam_values.h"

namespace cumulet::cloudformation {
namespace {

const std::vector<std::string> kOfSubscriptions{"FilterPolicy", "FilterPolicyScope", "RedrivePolicy", "Region"};

/// What lets the topic send to the queue.
Value queue_policy(const Value& queue_url, const Value& queue_arn, const Value& topic) {
  Value statement = allow({"sqs:SendMessage"}, queue_arn);
  statement.set("Principal", Value::object({{"Service", Value::string("sns.amazonaws.com")}}));
  statement.set("Condition", Value::object({{"ArnEquals", Value::object({{"aws:SourceArn", topic}})}}));
  Value document = Value::object({{"Version", Value::string("2012-10-17")}});
  document.set("Statement", Value::list({std::move(statement)}));
  Value properties = Value::object({{"Queues", Value::list({queue_url})}});
  properties.set("PolicyDocument", std::move(document));
  return resource("AWS::SQS::QueuePolicy", std::move(properties));
}

Value subscription(const SamEvent& event, const std::string& protocol, const Value& topic, Value endpoint) {
  Value properties = Value::object({{"Protocol", Value::string(protocol)}, {"TopicArn", topic}});
  properties.set("Endpoint", std::move(endpoint));
  copy_members(event.properties, kOfSubscriptions, properties);
  return resource("AWS::SNS::Subscription", std::move(properties));
}

/// The topic sends to a queue, from which the function is fed: a queue of the template's own, or one made here.
Result<SamEventParts> through_queue(const SamEvent& event, const Value& topic, const Value& wanted) {
  SamEventParts parts;
  const bool own = wanted.is_object();
  Value queue_arn = get_att(event.stem() + "Queue", "Arn");
  Value queue_url = reference_to(event.stem() + "Queue");
  Value mapping = Value::object({{"BatchSize", Value::number("10")}, {"Enabled", Value::boolean(true)}});
  if (own) {
    const Value* arn = wanted.find("QueueArn");
    const Value* url = wanted.find("QueueUrl");
    if ((arn == nullptr) != (url == nullptr)) {
      return invalid_resource(event.function, "Event with id [" + event.name +
                                                  "] is invalid. QueueArn and QueueUrl must be specified together.");
    }
    if (arn != nullptr) {
      queue_arn = *arn;
      queue_url = *url;
    }
    for (const char* name : {"BatchSize", "Enabled"}) {
      if (const Value* value = wanted.find(name)) mapping.set(name, *value);
    }
  }
  if (!own || wanted.find("QueueArn") == nullptr) {
    parts.resources.emplace_back(event.stem() + "Queue", resource("AWS::SQS::Queue", Value::object()));
  }
  const Value* policy_id = own ? wanted.find("QueuePolicyLogicalId") : nullptr;
  const std::string policy = policy_id == nullptr ? event.stem() + "QueuePolicy" : policy_id->text();
  parts.resources.emplace_back(policy, queue_policy(queue_url, queue_arn, topic));
  parts.resources.emplace_back(event.stem(), subscription(event, "sqs", topic, queue_arn));
  mapping.set("EventSourceArn", queue_arn);
  mapping.set("FunctionName", event.target);
  parts.resources.emplace_back(event.stem() + "EventSourceMapping",
                               resource("AWS::Lambda::EventSourceMapping", std::move(mapping)));
  parts.grants.managed.push_back("arn:aws:iam::aws:policy/service-role/AWSLambdaSQSQueueExecutionRole");
  return parts;
}

}  // namespace

Result<SamEventParts> sam_sns_event(const SamEvent& event) {
  const Value* topic = event.properties.find("Topic");
  if (topic == nullptr) {
    return invalid_resource(event.function,
                            "Event with id [" + event.name + "] is invalid. Missing required property 'Topic'.");
  }
  const Value* queue = event.properties.find("SqsSubscription");
  if (queue != nullptr && (queue->is_object() || queue->as_bool())) return through_queue(event, *topic, *queue);
  SamEventParts parts;
  parts.resources.emplace_back(event.stem(), subscription(event, "lambda", *topic, event.target));
  parts.resources.emplace_back(event.stem() + "Permission",
                               invoke_permission(event.target, "sns.amazonaws.com", topic));
  return parts;
}

}  // namespace cumulet::cloudformation
