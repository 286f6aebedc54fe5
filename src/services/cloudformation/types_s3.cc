#include "base/text.h"
#include "services/cloudformation/bind.h"
#include "services/cloudformation/resource_type.h"
#include "services/cloudformation/s3_properties.h"
#include "services/cloudformation/template.h"
#include "wire/generated/s3.h"

namespace cumulet::cloudformation {
namespace {

namespace api = wire::s3;
constexpr std::string_view kService = "s3";

/// AWS::S3::Bucket. Its settings are separate operations, and some of their names differ from the properties'.
class BucketType final : public ResourceType {
 public:
  const std::set<std::string>& replaced_by() const override {
    static const std::set<std::string> kNames{"BucketName"};
    return kNames;
  }

  Task<Made> create(ResourceContext& context, const Value& properties) override {
    co_await check(properties);
    api::CreateBucketRequest input;
    input.bucket = properties.text_of("BucketName");
    if (input.bucket.empty()) input.bucket = to_lower(context.generated_name);
    if (context.call.region != "us-east-1") {
      input.create_bucket_configuration.emplace().location_constraint = context.call.region;
    }
    if (properties.text_of("ObjectLockEnabled") == "true") input.object_lock_enabled_for_bucket = true;
    const std::string name = input.bucket;
    co_await context.directory.call<api::CreateBucket>(kService, context.call, std::move(input));
    const Result<void> configured = co_await attempt(configure(context, name, Value(), properties));
    if (!configured.ok()) {  // Nothing remembers the bucket.
      api::DeleteBucketRequest undo;
      undo.bucket = name;
      co_await gone_is_fine(erase(context, std::move(undo)));
      co_return configured.error();
    }
    co_return made(context, name);
  }

  Task<Made> update(ResourceContext& context, std::string id, const Value& before, const Value& after) override {
    co_await check(after);
    co_await configure(context, id, before, after);
    co_return made(context, id);
  }

  Task<void> remove(ResourceContext& context, std::string id, const Value&) override {
    api::DeleteBucketRequest input;
    input.bucket = std::move(id);
    co_await gone_is_fine(erase(context, std::move(input)));
  }

 private:
  static Task<void> erase(ResourceContext& context, api::DeleteBucketRequest input) {
    co_await context.directory.call<api::DeleteBucket>(kService, context.call, std::move(input));
  }

  /// A property that would be ignored must not be: a bucket that looks encrypted or versioned and is not does harm.
  static Result<void> check(const Value& properties) {
    static const std::set<std::string> kKnown{"BucketName",
                                              "CorsConfiguration",
                                              "WebsiteConfiguration",
                                              "Tags",
                                              "AccessControl",
                                              "PublicAccessBlockConfiguration",
                                              "OwnershipControls",
                                              "VersioningConfiguration",
                                              "BucketEncryption",
                                              "NotificationConfiguration",
                                              "ObjectLockEnabled",
                                              "ObjectLockConfiguration",
                                              "LifecycleConfiguration",
                                              "ReplicationConfiguration",
                                              "LoggingConfiguration",
                                              "MetricsConfigurations"};
    for (const auto& [name, value] : properties.members()) {
      if (!kKnown.contains(name)) {
        return validation_error("AWS::S3::Bucket: the property " + name + " is not supported by this server");
      }
    }
    return {};
  }

  /// {"IndexDocument": "index.html"} as the API has it: {"IndexDocument": {"Suffix": "index.html"}}, and so on.
  static Value website_of(const Value& properties) {
    Value website = properties;
    if (const Value* index = properties.find("IndexDocument")) {
      website.set("IndexDocument", Value::object({{"Suffix", *index}}));
    }
    if (const Value* error = properties.find("ErrorDocument")) {
      website.set("ErrorDocument", Value::object({{"Key", *error}}));
    }
    if (Value* rules = website.find("RoutingRules")) {
      for (Value& rule : rules->items()) {
        if (const Value* to = rule.find("RedirectRule")) rule.set("Redirect", *to);
        if (const Value* when = rule.find("RoutingRuleCondition")) rule.set("Condition", *when);
      }
    }
    return Value::object({{"WebsiteConfiguration", std::move(website)}});
  }

  static Value cors_of(const Value& properties) {
    Value rules = Value::list();
    if (const Value* given = properties.find("CorsRules")) rules = *given;
    for (Value& rule : rules.items()) {
      if (const Value* id = rule.find("Id")) rule.set("ID", *id);
      if (const Value* age = rule.find("MaxAge")) rule.set("MaxAgeSeconds", *age);
      if (const Value* exposed = rule.find("ExposedHeaders")) rule.set("ExposeHeaders", *exposed);
    }
    return Value::object({{"CORSConfiguration", Value::object({{"CORSRules", std::move(rules)}})}});
  }

  static Value encryption_of(const Value& properties) {
    Value rules = Value::list();
    if (const Value* given = properties.find("ServerSideEncryptionConfiguration")) rules = *given;
    for (Value& rule : rules.items()) {
      if (const Value* by_default = rule.find("ServerSideEncryptionByDefault")) {
        rule.set("ApplyServerSideEncryptionByDefault", *by_default);
      }
    }
    return Value::object({{"ServerSideEncryptionConfiguration", Value::object({{"Rules", std::move(rules)}})}});
  }

  /// Puts a setting when the property is there, and removes it when it is not.
  template <typename Put, typename Delete>
  static Task<void> setting(ResourceContext& context, std::string bucket, bool present, Value properties) {
    if (present) {
      typename Put::Input input = co_await input_from<Put>(properties);
      input.bucket = bucket;
      co_await context.directory.call<Put>(kService, context.call, std::move(input));
    } else {
      typename Delete::Input input;
      input.bucket = bucket;
      co_await context.directory.call<Delete>(kService, context.call, std::move(input));
    }
  }

  /// {"Event": …, "Function": …, "Filter": {"S3Key": {"Rules": […]}}} as the API has it.
  static Value destinations_of(const Value& list, const char* property, const char* member) {
    Value made = Value::list();
    for (const Value& given : list.items()) {
      Value one = Value::object();
      if (const Value* event = given.find("Event")) one.set("Events", Value::list({*event}));
      if (const Value* target = given.find(property)) one.set(member, *target);
      const Value* filter = given.find("Filter");
      const Value* key = filter == nullptr ? nullptr : filter->find("S3Key");
      const Value* rules = key == nullptr ? nullptr : key->find("Rules");
      if (rules != nullptr) {
        one.set("Filter", Value::object({{"Key", Value::object({{"FilterRules", *rules}})}}));
      }
      made.items().push_back(std::move(one));
    }
    return made;
  }

  static Value notifications_of(const Value& properties) {
    Value configuration = Value::object();
    if (const Value* functions = properties.find("LambdaConfigurations")) {
      configuration.set("LambdaFunctionConfigurations", destinations_of(*functions, "Function", "LambdaFunctionArn"));
    }
    if (const Value* queues = properties.find("QueueConfigurations")) {
      configuration.set("QueueConfigurations", destinations_of(*queues, "Queue", "QueueArn"));
    }
    if (const Value* topics = properties.find("TopicConfigurations")) {
      configuration.set("TopicConfigurations", destinations_of(*topics, "Topic", "TopicArn"));
    }
    const Value* bridge = properties.find("EventBridgeConfiguration");
    if (bridge != nullptr && bridge->text_of("EventBridgeEnabled") != "false") {
      configuration.set("EventBridgeConfiguration", Value::object());
    }
    return Value::object({{"NotificationConfiguration", std::move(configuration)}});
  }

  static Task<void> notify(ResourceContext& context, std::string name, const Value* before, const Value* after) {
    if (before == nullptr && after == nullptr) co_return;
    if (before != nullptr && after != nullptr && *before == *after) co_return;
    const Value wanted = notifications_of(after == nullptr ? Value::object() : *after);
    api::PutBucketNotificationConfigurationRequest input =
        co_await input_from<api::PutBucketNotificationConfiguration>(wanted);
    input.bucket = std::move(name);
    co_await context.directory.call<api::PutBucketNotificationConfiguration>(kService, context.call, std::move(input));
  }

  static Task<void> configure(ResourceContext& context, std::string name, const Value& before,
                              const Value& properties) {
    const Value* website = properties.find("WebsiteConfiguration");
    co_await setting<api::PutBucketWebsite, api::DeleteBucketWebsite>(
        context, name, website != nullptr, website != nullptr ? website_of(*website) : Value());
    const Value* cors = properties.find("CorsConfiguration");
    co_await setting<api::PutBucketCors, api::DeleteBucketCors>(context, name, cors != nullptr,
                                                                cors != nullptr ? cors_of(*cors) : Value());
    const Value* tags = properties.find("Tags");
    Value tagging = Value::object();
    if (tags != nullptr) tagging.set("Tagging", Value::object({{"TagSet", *tags}}));
    co_await setting<api::PutBucketTagging, api::DeleteBucketTagging>(context, name, tags != nullptr, tagging);
    const Value* encryption = properties.find("BucketEncryption");
    co_await setting<api::PutBucketEncryption, api::DeleteBucketEncryption>(
        context, name, encryption != nullptr, encryption != nullptr ? encryption_of(*encryption) : Value());
    if (const Value* versioning = properties.find("VersioningConfiguration")) {
      api::PutBucketVersioningRequest input;
      input.bucket = name;
      input.versioning_configuration.status = versioning->text_of("Status");
      co_await context.directory.call<api::PutBucketVersioning>(kService, context.call, std::move(input));
    }
    if (const Value* block = properties.find("PublicAccessBlockConfiguration")) {
      const Value wanted = Value::object({{"PublicAccessBlockConfiguration", *block}});
      api::PutPublicAccessBlockRequest input = co_await input_from<api::PutPublicAccessBlock>(wanted);
      input.bucket = name;
      co_await context.directory.call<api::PutPublicAccessBlock>(kService, context.call, std::move(input));
    }
    co_await configure_lock(context, name, properties);
    co_await configure_access(context, name, before, properties);
    const Value* lifecycle = properties.find("LifecycleConfiguration");
    co_await setting<api::PutBucketLifecycleConfiguration, api::DeleteBucketLifecycle>(
        context, name, lifecycle != nullptr, lifecycle != nullptr ? s3_lifecycle_input(*lifecycle) : Value());
    const Value* replication = properties.find("ReplicationConfiguration");
    co_await setting<api::PutBucketReplication, api::DeleteBucketReplication>(
        context, name, replication != nullptr, replication != nullptr ? s3_replication_input(*replication) : Value());
    co_await configure_logging(context, name, before.find("LoggingConfiguration"),
                               properties.find("LoggingConfiguration"));
    co_await configure_metrics(context, name, before.find("MetricsConfigurations"),
                               properties.find("MetricsConfigurations"));
    co_await notify(context, name, before.find("NotificationConfiguration"),
                    properties.find("NotificationConfiguration"));
  }

  static Task<void> configure_logging(ResourceContext& context, std::string name, const Value* before,
                                      const Value* after) {
    if (before == nullptr && after == nullptr) co_return;
    if (before != nullptr && after != nullptr && *before == *after) co_return;
    Value status = Value::object();
    if (after != nullptr) {
      Value enabled = Value::object();
      const std::string target = after->text_of("DestinationBucketName");
      enabled.set("TargetBucket", Value::string(target.empty() ? name : target));
      enabled.set("TargetPrefix", Value::string(after->text_of("LogFilePrefix")));
      if (const Value* format = after->find("TargetObjectKeyFormat")) enabled.set("TargetObjectKeyFormat", *format);
      status.set("LoggingEnabled", std::move(enabled));
    }
    const Value wanted = Value::object({{"BucketLoggingStatus", std::move(status)}});
    api::PutBucketLoggingRequest input = co_await input_from<api::PutBucketLogging>(wanted);
    input.bucket = std::move(name);
    co_await context.directory.call<api::PutBucketLogging>(kService, context.call, std::move(input));
  }

  static Task<void> configure_metrics(ResourceContext& context, std::string name, const Value* before,
                                      const Value* after) {
    std::set<std::string> kept;
    const Value none = Value::list();
    const Value& wanted = after == nullptr ? none : *after;
    const Value& had = before == nullptr ? none : *before;
    for (const Value& each : wanted.items()) {
      api::PutBucketMetricsConfigurationRequest input;
      input.bucket = name;
      input.id = input.metrics_configuration.id = each.text_of("Id");
      const bool by_others = each.find("TagFilters") != nullptr || each.find("AccessPointArn") != nullptr;
      if (by_others) {
        co_await fail(
            validation_error("AWS::S3::Bucket: MetricsConfigurations with TagFilters or AccessPointArn are not "
                             "supported by this server"));
      }
      if (each.find("Prefix") != nullptr) input.metrics_configuration.filter.emplace().prefix = each.text_of("Prefix");
      kept.insert(input.id);
      co_await context.directory.call<api::PutBucketMetricsConfiguration>(kService, context.call, std::move(input));
    }
    for (const Value& each : had.items()) {
      api::DeleteBucketMetricsConfigurationRequest input;
      input.bucket = name;
      input.id = each.text_of("Id");
      if (kept.contains(input.id)) continue;
      co_await context.directory.call<api::DeleteBucketMetricsConfiguration>(kService, context.call, std::move(input));
    }
  }

  static Task<void> configure_lock(ResourceContext& context, std::string name, const Value& properties) {
    const Value* lock = properties.find("ObjectLockConfiguration");
    if (lock == nullptr) co_return;
    const Value wanted = Value::object({{"ObjectLockConfiguration", *lock}});
    api::PutObjectLockConfigurationRequest input = co_await input_from<api::PutObjectLockConfiguration>(wanted);
    input.bucket = std::move(name);
    co_await context.directory.call<api::PutObjectLockConfiguration>(kService, context.call, std::move(input));
  }

  /// Who owns objects, and AccessControl, which only where ACLs are enabled can say something.
  static Task<void> configure_access(ResourceContext& context, std::string name, const Value& before,
                                     const Value& properties) {
    const Value* ownership = properties.find("OwnershipControls");
    const Value* ownership_before = before.find("OwnershipControls");
    if (ownership != nullptr && (ownership_before == nullptr || !(*ownership == *ownership_before))) {
      const Value wanted = Value::object({{"OwnershipControls", *ownership}});
      api::PutBucketOwnershipControlsRequest input = co_await input_from<api::PutBucketOwnershipControls>(wanted);
      input.bucket = name;
      co_await context.directory.call<api::PutBucketOwnershipControls>(kService, context.call, std::move(input));
    }
    const std::string acl = s3_canned_acl(properties.text_of("AccessControl"));
    const bool kept = acl == s3_canned_acl(before.text_of("AccessControl"));
    if (kept || (acl == "private" && before.is_null())) co_return;
    api::PutBucketAclRequest input;
    input.bucket = std::move(name);
    input.acl = acl.empty() ? "private" : acl;
    co_await context.directory.call<api::PutBucketAcl>(kService, context.call, std::move(input));
  }

  static Made made(const ResourceContext& context, const std::string& name) {
    Made result(name);
    // The port that the client used: the site is on the same listener.
    const std::size_t colon = context.call.endpoint.find(':', context.call.endpoint.find("://") + 3);
    const std::string port = colon == std::string::npos ? "" : context.call.endpoint.substr(colon);
    const std::string host = name + ".s3.localhost" + port;
    result.attributes.set("Arn", Value::string("arn:aws:s3:::" + name));
    result.attributes.set("DomainName", Value::string(host));
    result.attributes.set("RegionalDomainName", Value::string(host));
    result.attributes.set("DualStackDomainName", Value::string(host));
    result.attributes.set("WebsiteURL", Value::string("http://" + name + ".s3-website.localhost" + port));
    return result;
  }
};

/// AWS::S3::BucketPolicy
class BucketPolicyType final : public ResourceType {
 public:
  const std::set<std::string>& replaced_by() const override {
    static const std::set<std::string> kNames{"Bucket"};
    return kNames;
  }

  Task<Made> create(ResourceContext& context, const Value& properties) override {
    const std::string bucket = properties.text_of("Bucket");
    const Value* document = properties.find("PolicyDocument");
    if (bucket.empty() || document == nullptr) co_return validation_error("Bucket and PolicyDocument are required");
    api::PutBucketPolicyRequest input;
    input.bucket = bucket;
    input.policy = document->is_string() ? document->text() : document->to_json();
    co_await context.directory.call<api::PutBucketPolicy>(kService, context.call, std::move(input));
    co_return Made(bucket);
  }

  Task<Made> update(ResourceContext& context, std::string, const Value&, const Value& after) override {
    return create(context, after);
  }

  Task<void> remove(ResourceContext& context, std::string id, const Value&) override {
    api::DeleteBucketPolicyRequest input;
    input.bucket = std::move(id);
    co_await gone_is_fine(erase(context, std::move(input)));
  }

 private:
  static Task<void> erase(ResourceContext& context, api::DeleteBucketPolicyRequest input) {
    co_await context.directory.call<api::DeleteBucketPolicy>(kService, context.call, std::move(input));
  }
};

}  // namespace

void add_s3_types(ResourceTypes& types) {
  types.add("AWS::S3::Bucket", std::make_unique<BucketType>());
  types.add("AWS::S3::BucketPolicy", std::make_unique<BucketPolicyType>());
}

}  // namespace cumulet::cloudformation
