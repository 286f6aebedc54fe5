#include <algorithm>

#include "services/cloudformation/resource_type.h"
#include "services/cloudformation/template.h"
#include "wire/generated/sqs.h"

namespace cumulet::cloudformation {
namespace {

namespace api = wire::sqs;
constexpr std::string_view kService = "sqs";

Task<void> gone_queue_is_fine(Task<void> removal) {
  const Result<void> removed = co_await attempt(std::move(removal));
  if (!removed.ok() && !removed.error().is(api::errors::kQueueDoesNotExist)) co_await fail(removed.error());
}

/// AWS::SQS::Queue. Ref is the queue's URL.
class QueueType final : public ResourceType {
 public:
  const std::set<std::string>& replaced_by() const override {
    static const std::set<std::string> kNames{"QueueName", "FifoQueue"};
    return kNames;
  }

  Task<Made> create(ResourceContext& context, const Value& properties) override {
    api::CreateQueueRequest input;
    input.attributes = co_await attributes_of(properties);
    input.queue_name = properties.text_of("QueueName");
    const bool fifo = properties.text_of("FifoQueue") == "true";
    if (fifo) (*input.attributes)["FifoQueue"] = "true";
    if (input.queue_name.empty()) {
      input.queue_name = context.generated_name.substr(0, fifo ? kMaxName - 5 : kMaxName);
      if (fifo) input.queue_name += ".fifo";
    }
    input.tags = tags_of(properties);
    const std::string name = input.queue_name;
    const api::CreateQueueResult made_queue =
        co_await context.directory.call<api::CreateQueue>(kService, context.call, std::move(input));
    co_return made(context, made_queue.queue_url.value_or(""), name);
  }

  Task<Made> update(ResourceContext& context, std::string id, const Value& before, const Value& after) override {
    api::SetQueueAttributesRequest input;
    input.queue_url = id;
    input.attributes = defaults();
    const std::map<std::string, std::string> given = co_await attributes_of(after);
    const std::map<std::string, std::string> earlier = co_await attributes_of(before);
    // What is no longer named goes back to its default.
    std::erase_if(input.attributes, [&earlier](const auto& entry) { return !earlier.contains(entry.first); });
    for (const auto& [name, value] : given) input.attributes[name] = value;
    if (!input.attributes.empty()) {
      co_await context.directory.call<api::SetQueueAttributes>(kService, context.call, std::move(input));
    }
    co_await retag(context, id, tags_of(before), tags_of(after));
    co_return made(context, id, id.substr(id.rfind('/') + 1));
  }

  Task<void> remove(ResourceContext& context, std::string id, const Value&) override {
    api::DeleteQueueRequest input;
    input.queue_url = std::move(id);
    co_await gone_queue_is_fine(erase(context, std::move(input)));
  }

 private:
  static constexpr std::size_t kMaxName = 80;

  static Task<void> erase(ResourceContext& context, api::DeleteQueueRequest input) {
    co_await context.directory.call<api::DeleteQueue>(kService, context.call, std::move(input));
  }

  static const std::map<std::string, std::string>& defaults() {
    static const std::map<std::string, std::string> kDefaults{
        {"ContentBasedDeduplication", "false"},
        {"DeduplicationScope", "queue"},
        {"DelaySeconds", "0"},
        {"FifoThroughputLimit", "perQueue"},
        {"KmsDataKeyReusePeriodSeconds", "300"},
        {"KmsMasterKeyId", ""},
        {"MaximumMessageSize", "1048576"},
        {"MessageRetentionPeriod", "345600"},
        {"ReceiveMessageWaitTimeSeconds", "0"},
        {"RedriveAllowPolicy", ""},
        {"RedrivePolicy", ""},
        {"SqsManagedSseEnabled", "true"},
        {"VisibilityTimeout", "30"},
    };
    return kDefaults;
  }

  /// The properties that are attributes; an unknown property is refused.
  static Result<std::map<std::string, std::string>> attributes_of(const Value& properties) {
    std::map<std::string, std::string> attributes;
    for (const auto& [name, value] : properties.members()) {
      if (name == "QueueName" || name == "FifoQueue" || name == "Tags") continue;
      if (!defaults().contains(name)) {
        return validation_error("AWS::SQS::Queue: the property " + name + " is not supported by this server");
      }
      attributes[name] = value.is_object() ? value.to_json() : value.text();
    }
    return attributes;
  }

  static std::map<std::string, std::string> tags_of(const Value& properties) {
    std::map<std::string, std::string> tags;
    const Value* given = properties.find("Tags");
    if (given == nullptr) return tags;
    for (const Value& tag : given->items()) tags[tag.text_of("Key")] = tag.text_of("Value");
    return tags;
  }

  static Task<void> retag(ResourceContext& context, std::string url, std::map<std::string, std::string> before,
                          std::map<std::string, std::string> after) {
    api::UntagQueueRequest untag;
    untag.queue_url = url;
    for (const auto& [key, value] : before) {
      if (!after.contains(key)) untag.tag_keys.push_back(key);
    }
    if (!untag.tag_keys.empty()) {
      co_await context.directory.call<api::UntagQueue>(kService, context.call, std::move(untag));
    }
    if (after.empty()) co_return;
    api::TagQueueRequest tag;
    tag.queue_url = std::move(url);
    tag.tags = std::move(after);
    co_await context.directory.call<api::TagQueue>(kService, context.call, std::move(tag));
  }

  static Made made(const ResourceContext& context, const std::string& url, const std::string& name) {
    Made result(url);
    const std::string arn = "arn:aws:sqs:" + context.call.region + ":" + context.call.account() + ":" + name;
    result.attributes.set("Arn", Value::string(arn));
    result.attributes.set("QueueName", Value::string(name));
    result.attributes.set("QueueUrl", Value::string(url));
    return result;
  }
};

/// AWS::SQS::QueuePolicy: one document for several queues.
class QueuePolicyType : public ResourceType {
 public:
  const std::set<std::string>& replaced_by() const override {
    static const std::set<std::string> kNone;
    return kNone;
  }

  Task<Made> create(ResourceContext& context, const Value& properties) override {
    co_await set_all(context, properties);
    co_return Made(context.generated_name);
  }

  Task<Made> update(ResourceContext& context, std::string id, const Value& before, const Value& after) override {
    for (const std::string& url : queues_of(before)) {
      const std::vector<std::string> kept = queues_of(after);
      if (std::find(kept.begin(), kept.end(), url) != kept.end()) continue;
      co_await gone_queue_is_fine(set(context, url, std::string()));
    }
    co_await set_all(context, after);
    co_return Made(id);
  }

  Task<void> remove(ResourceContext& context, std::string, const Value& properties) override {
    const std::vector<std::string> urls = queues_of(properties);
    for (const std::string& url : urls) co_await gone_queue_is_fine(set(context, url, std::string()));
  }

 private:
  static std::vector<std::string> queues_of(const Value& properties) {
    std::vector<std::string> urls;
    if (const Value* queue = properties.find("Queue")) urls.push_back(queue->text());
    const Value* queues = properties.find("Queues");
    if (queues == nullptr) return urls;
    for (const Value& queue : queues->items()) urls.push_back(queue.text());
    return urls;
  }

  static Task<void> set_all(ResourceContext& context, const Value& properties) {
    const Value* document = properties.find("PolicyDocument");
    const std::vector<std::string> urls = queues_of(properties);
    if (document == nullptr || urls.empty()) {
      co_await fail(validation_error("AWS::SQS::QueuePolicy: PolicyDocument and the queues are required"));
    }
    const std::string text = document->is_string() ? document->text() : document->to_json();
    for (const std::string& url : urls) co_await set(context, url, text);
  }

  static Task<void> set(ResourceContext& context, std::string url, std::string policy) {
    api::SetQueueAttributesRequest input;
    input.queue_url = std::move(url);
    input.attributes["Policy"] = std::move(policy);
    co_await context.directory.call<api::SetQueueAttributes>(kService, context.call, std::move(input));
  }
};

/// AWS::SQS::QueueInlinePolicy: for one queue, by whose URL it goes.
class QueueInlinePolicyType final : public QueuePolicyType {
 public:
  const std::set<std::string>& replaced_by() const override {
    static const std::set<std::string> kNames{"Queue"};
    return kNames;
  }

  Task<Made> create(ResourceContext& context, const Value& properties) override {
    co_await QueuePolicyType::create(context, properties);  // Its name is of no use here.
    co_return Made(properties.text_of("Queue"));
  }
};

}  // namespace

void add_sqs_types(ResourceTypes& types) {
  types.add("AWS::SQS::Queue", std::make_unique<QueueType>());
  types.add("AWS::SQS::QueuePolicy", std::make_unique<QueuePolicyType>());
  types.add("AWS::SQS::QueueInlinePolicy", std::make_unique<QueueInlinePolicyType>());
}

}  // namespace cumulet::cloudformation
