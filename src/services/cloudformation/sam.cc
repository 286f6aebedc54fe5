#include "services/cloudformation/sam.h"

#include <algorithm>
#include <set>

#include "base/digest.h"
#include "base/text.h"
#include "services/cloudformation/sam_events.h"
#include "services/cloudformation/sam_policies.h"
#include "services/cloudformation/sam_values.h"
#include "services/cloudformation/template.h"

namespace cumulet::cloudformation {
namespace {

constexpr std::string_view kTransform = "AWS::Serverless-2016-10-31";

/// Globals below what the resource says: maps are merged, lists joined, anything else is overridden.
Value merged(const Value& base, const Value& over) {
  if (base.is_object() && over.is_object()) {
    Value result = base;
    for (const auto& [name, value] : over.members()) {
      const Value* existing = base.find(name);
      result.set(name, existing != nullptr ? merged(*existing, value) : value);
    }
    return result;
  }
  if (base.is_list() && over.is_list()) {
    Value result = base;
    result.items().insert(result.items().end(), over.items().begin(), over.items().end());
    return result;
  }
  return over;
}

/// {"a": "b"} as [{"Key": "a", "Value": "b"}].
Value tag_list(const Value& tags) {
  Value list = Value::list();
  for (const auto& [key, value] : tags.members()) {
    list.items().push_back(Value::object({{"Key", Value::string(key)}, {"Value", value}}));
  }
  return list;
}

/// Works on one document.
class Transformer {
 public:
  explicit Transformer(const Value& document) : document_(document) {}

  Result<Value> run() {
    const Value* resources = document_.find("Resources");
    if (resources == nullptr || !resources->is_object()) return document_;
    for (const auto& [id, definition] : resources->members()) {
      Result<void> done = convert(id, definition);
      if (!done.ok()) return std::move(done).error();
    }
    if (implicit_api_ && out_.find(kImplicitHttpApi) == nullptr) {
      Result<void> done = http_api(kImplicitHttpApi, global("HttpApi", Value::object()), Value::object());
      if (!done.ok()) return std::move(done).error();
    }
    for (const auto& [function, notification] : notifications_) {
      Result<void> done = notify(function, notification);
      if (!done.ok()) return std::move(done).error();
    }
    Value result = document_;
    result.set("Resources", std::move(out_));
    result.erase("Globals");
    result.erase("Transform");
    return result;
  }

 private:
  Result<void> convert(const std::string& id, const Value& definition) {
    const std::string type = definition.text_of("Type");
    if (!type.starts_with("AWS::Serverless::")) {
      out_.set(id, definition);
      return {};
    }
    Value properties = Value::object();
    if (const Value* given = definition.find("Properties"); given != nullptr && given->is_object()) properties = *given;
    const std::string kind = type.substr(17);
    if (kind == "Function") return function(id, global(kind, properties), definition);
    if (kind == "HttpApi") return http_api(id, global(kind, properties), definition);
    if (kind == "SimpleTable") return simple_table(id, global(kind, properties), definition);
    if (kind == "LayerVersion") return layer_version(id, global(kind, properties), definition);
    return unsupported(id, type);
  }

  Value global(const std::string& kind, const Value& properties) const {
    const Value* globals = document_.find("Globals");
    const Value* defaults = globals == nullptr ? nullptr : globals->find(kind);
    return defaults == nullptr ? properties : merged(*defaults, properties);
  }

  /// Adds a resource, with what the serverless one says beside its properties.
  void add(const std::string& id, Value made, const Value& definition) {
    for (const char* name : {"Condition", "DependsOn", "Metadata", "DeletionPolicy", "UpdateReplacePolicy"}) {
      if (const Value* said = definition.find(name)) made.set(name, *said);
    }
    out_.set(id, std::move(made));
  }
  /// Adds a resource that belongs to another one: it exists under the same condition.
  void add_companion(const std::string& id, Value made, const Value& definition) {
    if (const Value* condition = definition.find("Condition")) made.set("Condition", *condition);
    out_.set(id, std::move(made));
  }

  static Result<Value> code_of(const std::string& id, const Value& uri) {
    if (uri.is_object() && uri.find("Bucket") != nullptr) {
      Value code = Value::object({{"S3Bucket", *uri.find("Bucket")}});
      if (const Value* key = uri.find("Key")) code.set("S3Key", *key);
      if (const Value* version = uri.find("Version")) code.set("S3ObjectVersion", *version);
      return code;
    }
    constexpr std::string_view kScheme = "s3://";
    if (!uri.is_string() || !uri.text().starts_with(kScheme)) {
      return validation_error(
          "Resource with id [" + id +
          "] is invalid. 'CodeUri' is not a valid S3 Uri of the form "
          "\"s3://bucket/key\" with optional versionId query parameter: package the template first.");
    }
    const std::string rest = uri.text().substr(kScheme.size());
    const std::size_t slash = rest.find('/');
    if (slash == std::string::npos)
      return validation_error("Resource with id [" + id + "] is invalid. 'CodeUri' names no key");
    return Value::object(
        {{"S3Bucket", Value::string(rest.substr(0, slash))}, {"S3Key", Value::string(rest.substr(slash + 1))}});
  }

  static Result<Value> function_properties(const std::string& id, const Value& given) {
    static const std::set<std::string> kPassedOn{"FunctionName",  "Handler",          "Runtime",
                                                 "Description",   "MemorySize",       "Timeout",
                                                 "Environment",   "Layers",           "VpcConfig",
                                                 "KmsKeyArn",     "EphemeralStorage", "ReservedConcurrentExecutions",
                                                 "Architectures", "LoggingConfig",    "SnapStart",
                                                 "PackageType",   "ImageConfig",      "RuntimeManagementConfig",
                                                 "DurableConfig", "TenancyConfig"};
    static const std::set<std::string> kOwn{"CodeUri",
                                            "ImageUri",
                                            "InlineCode",
                                            "Role",
                                            "Policies",
                                            "Events",
                                            "Tags",
                                            "AutoPublishAlias",
                                            "FunctionUrlConfig",
                                            "Tracing",
                                            "PermissionsBoundary",
                                            "EventInvokeConfig",
                                            "DeadLetterQueue",
                                            "AutoPublishAliasAllProperties",
                                            "VersionDescription",
                                            "AutoPublishCodeSha256",
                                            "ProvisionedConcurrencyConfig"};
    Value properties = Value::object();
    for (const auto& [name, value] : given.members()) {
      if (kPassedOn.contains(name))
        properties.set(name, value);
      else if (!kOwn.contains(name))
        return unsupported(id, "The property " + name);
    }
    if (const Value* source = given.find("InlineCode")) {
      properties.set("Code", Value::object({{"ZipFile", *source}}));
    } else if (const Value* image = given.find("ImageUri")) {
      properties.set("Code", Value::object({{"ImageUri", *image}}));
    } else if (const Value* uri = given.find("CodeUri")) {
      Result<Value> code = code_of(id, *uri);
      if (!code.ok()) return code;
      properties.set("Code", std::move(*code));
    } else {
      return invalid_resource(id, "Missing required property 'CodeUri'.");
    }
    if (const Value* tags = given.find("Tags")) properties.set("Tags", tag_list(*tags));
    if (const Value* tracing = given.find("Tracing")) {
      properties.set("TracingConfig", Value::object({{"Mode", *tracing}}));
    }
    return properties;
  }

  Result<void> function(const std::string& id, const Value& given, const Value& definition) {
    Result<Value> made = function_properties(id, given);
    if (!made.ok()) return std::move(made).error();
    Value properties = std::move(*made);
    const Value* alias = given.find("AutoPublishAlias");
    Result<SamEventParts> parts = events_of(id, given, alias);
    if (!parts.ok()) return std::move(parts).error();
    if (const Value* letters = given.find("DeadLetterQueue")) {
      Result<void> done = dead_letters(id, *letters, properties, parts->grants);
      if (!done.ok()) return done;
    }
    if (given.find("DurableConfig") != nullptr) {
      parts->grants.managed.emplace_back(
          "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicDurableExecutionRolePolicy");
    }
    if (const Value* role = given.find("Role")) {
      properties.set("Role", *role);
    } else {
      Result<Value> role_made = sam_role(id, given.find("Policies"), given.find("PermissionsBoundary"), parts->grants);
      if (!role_made.ok()) return std::move(role_made).error();
      add_companion(id + "Role", std::move(*role_made), definition);
      properties.set("Role", get_att(id + "Role", "Arn"));
    }
    const Value code = *properties.find("Code");
    add(id, resource("AWS::Lambda::Function", std::move(properties)), definition);
    const Value* provisioned = given.find("ProvisionedConcurrencyConfig");
    if (alias != nullptr) publish_alias(id, *alias, code, provisioned, definition);
    if (alias == nullptr && provisioned != nullptr) {
      return invalid_resource(id,
                              "To set ProvisionedConcurrencyConfig AutoPublishALias must be defined on the function");
    }
    if (const Value* url = given.find("FunctionUrlConfig")) function_url(id, *url, given, definition);
    implicit_api_ = implicit_api_ || parts->implicit_http_api;
    for (auto& [name, companion] : parts->resources) add_companion(name, std::move(companion), definition);
    for (SamBucketNotification& each : parts->notifications) {
      if (const Value* condition = definition.find("Condition")) {
        each.configuration =
            Value::object({{"Fn::If", Value::list({*condition, each.configuration, reference_to("AWS::NoValue")})}});
      }
      notifications_.emplace_back(id, std::move(each));
    }
    return {};
  }

  /// Adds a notification to a bucket of the template.
  Result<void> notify(const std::string& function, const SamBucketNotification& notification) {
    Value* const bucket = out_.find(notification.bucket);
    if (bucket == nullptr || bucket->text_of("Type") != "AWS::S3::Bucket") {
      return invalid_resource(function,
                              "Event with id [" + notification.event +
                                  "] is invalid. S3 events must reference an S3 bucket in the same template.");
    }
    const auto member = [](Value& of, const char* name, Value fresh) {
      if (of.find(name) == nullptr) of.set(name, std::move(fresh));
      return of.find(name);
    };
    Value* const properties = member(*bucket, "Properties", Value::object());
    Value* const configuration = member(*properties, "NotificationConfiguration", Value::object());
    Value* const list = member(*configuration, "LambdaConfigurations", Value::list());
    list->items().push_back(notification.configuration);
    Value* const after = member(*bucket, "DependsOn", Value::list());
    if (after->is_string()) *after = Value::list({*after});
    const Value permission = Value::string(notification.permission);
    const std::vector<Value>& waits = after->items();
    if (std::find(waits.begin(), waits.end(), permission) == waits.end()) after->items().push_back(permission);
    return {};
  }

  /// What the function's events and its settings for asynchronous calls need.
  static Result<SamEventParts> events_of(const std::string& id, const Value& given, const Value* alias) {
    SamEventParts parts;
    if (const Value* asynchronous = given.find("EventInvokeConfig")) {
      Result<SamEventParts> made = sam_event_invoke_config(id, *asynchronous, alias);
      if (!made.ok()) return made;
      parts.add(std::move(*made));
    }
    const Value* events = given.find("Events");
    if (events == nullptr) return parts;
    const Value target = alias != nullptr ? reference_to(alias_id(id, *alias)) : get_att(id, "Arn");
    for (const auto& [name, event] : events->members()) {
      Value properties = Value::object();
      if (const Value* said = event.find("Properties"); said != nullptr && said->is_object()) properties = *said;
      Result<SamEventParts> made =
          convert_sam_event(event.text_of("Type"), SamEvent(id, name, std::move(properties), target));
      if (!made.ok()) return made;
      parts.add(std::move(*made));
    }
    return parts;
  }

  static Result<void> dead_letters(const std::string& id, const Value& letters, Value& properties, SamGrants& grants) {
    const std::string type = letters.text_of("Type");
    const Value* target = letters.find("TargetArn");
    if (target == nullptr || (type != "SQS" && type != "SNS")) {
      return invalid_resource(id, "'DeadLetterQueue' requires Type and TargetArn properties to be specified.");
    }
    properties.set("DeadLetterConfig", Value::object({{"TargetArn", *target}}));
    grants.statements.push_back(allow({type == "SQS" ? "sqs:SendMessage" : "sns:Publish"}, *target));
    return {};
  }

  static std::string alias_id(const std::string& id, const Value& alias) { return id + "Alias" + alias.text(); }

  /// A version for this code, and the alias that points at it: what events are sent to then.
  void publish_alias(const std::string& id, const Value& alias, const Value& code, const Value* provisioned,
                     const Value& definition) {
    const std::string version = id + "Version" + hex_encode(sha256(code.to_json())).substr(0, 10);
    Value published = resource("AWS::Lambda::Version", Value::object({{"FunctionName", reference_to(id)}}));
    published.set("DeletionPolicy", Value::string("Retain"));
    add_companion(version, std::move(published), definition);
    Value properties = Value::object(
        {{"Name", alias}, {"FunctionName", reference_to(id)}, {"FunctionVersion", get_att(version, "Version")}});
    if (provisioned != nullptr) properties.set("ProvisionedConcurrencyConfig", *provisioned);
    add_companion(alias_id(id, alias), resource("AWS::Lambda::Alias", std::move(properties)), definition);
  }

  void function_url(const std::string& id, const Value& url, const Value& given, const Value& definition) {
    Value properties = url;
    properties.set("TargetFunctionArn", reference_to(id));
    Value made = resource("AWS::Lambda::Url", std::move(properties));
    if (const Value* alias = given.find("AutoPublishAlias")) {
      made.find("Properties")->set("Qualifier", *alias);
      made.set("DependsOn", Value::string(alias_id(id, *alias)));
    }
    add_companion(id + "Url", std::move(made), definition);
    if (url.text_of("AuthType") != "NONE") return;
    const Value* alias = given.find("AutoPublishAlias");
    const auto permit = [&](const std::string& name, const char* action, const char* condition, Value value) {
      // A policy belongs to what the URL leads to; the alias refers to itself by its ARN.
      const Value function = alias != nullptr ? reference_to(alias_id(id, *alias)) : reference_to(id);
      add_companion(id + name,
                    resource("AWS::Lambda::Permission", Value::object({{"Action", Value::string(action)},
                                                                       {"FunctionName", function},
                                                                       {"Principal", Value::string("*")},
                                                                       {condition, std::move(value)}})),
                    definition);
    };
    permit("UrlPublicPermissions", "lambda:InvokeFunctionUrl", "FunctionUrlAuthType", Value::string("NONE"));
    permit("URLInvokeAllowPublicAccess", "lambda:InvokeFunction", "InvokedViaFunctionUrl", Value::boolean(true));
  }

  Result<void> http_api(const std::string& id, const Value& given, const Value& definition) {
    for (const char* name : {"DefinitionBody", "DefinitionUri", "Auth", "Domain"}) {
      if (given.find(name) != nullptr) return unsupported(id, std::string("The property ") + name);
    }
    Value properties = Value::object({{"ProtocolType", Value::string("HTTP")}});
    properties.set("Name", given.find("Name") != nullptr
                               ? *given.find("Name")
                               : Value::object({{"Fn::Sub", Value::string("${AWS::StackName}-" + id)}}));
    for (const char* name : {"Description", "DisableExecuteApiEndpoint", "Tags"}) {
      if (const Value* value = given.find(name)) properties.set(name, *value);
    }
    if (const Value* cors = given.find("CorsConfiguration")) {
      if (cors->is_object()) {
        properties.set("CorsConfiguration", *cors);
      } else if (cors->as_bool()) {
        const Value any = Value::list({Value::string("*")});
        properties.set("CorsConfiguration",
                       Value::object({{"AllowOrigins", any}, {"AllowHeaders", any}, {"AllowMethods", any}}));
      }
    }
    add(id, resource("AWS::ApiGatewayV2::Api", std::move(properties)), definition);
    const std::string stage = given.text_of("StageName").empty() ? "$default" : given.text_of("StageName");
    Value stage_properties = Value::object(
        {{"ApiId", reference_to(id)}, {"StageName", Value::string(stage)}, {"AutoDeploy", Value::boolean(true)}});
    for (const char* name : {"StageVariables", "DefaultRouteSettings", "RouteSettings", "AccessLogSettings"}) {
      if (const Value* value = given.find(name)) stage_properties.set(name, *value);
    }
    std::string stage_id = id + "ApiGatewayDefaultStage";
    if (stage != "$default") {
      stage_id = id;
      std::copy_if(stage.begin(), stage.end(), std::back_inserter(stage_id),
                   [](unsigned char c) { return std::isalnum(c) != 0; });
      stage_id += "Stage";
    }
    add_companion(stage_id, resource("AWS::ApiGatewayV2::Stage", std::move(stage_properties)), definition);
    return {};
  }

  Result<void> simple_table(const std::string& id, const Value& given, const Value& definition) {
    std::string name = "id";
    std::string type = "S";
    if (const Value* key = given.find("PrimaryKey")) {
      name = key->text_of("Name");
      const std::string wanted = key->text_of("Type");
      type = wanted == "Number" ? "N" : wanted == "Binary" ? "B" : "S";
      if (name.empty()) return validation_error("Resource with id [" + id + "] is invalid. PrimaryKey needs a Name");
    }
    const auto one = [](Value item) { return Value::list({std::move(item)}); };
    Value properties = Value::object(
        {{"KeySchema",
          one(Value::object({{"AttributeName", Value::string(name)}, {"KeyType", Value::string("HASH")}}))},
         {"AttributeDefinitions",
          one(Value::object({{"AttributeName", Value::string(name)}, {"AttributeType", Value::string(type)}}))}});
    if (const Value* throughput = given.find("ProvisionedThroughput")) {
      properties.set("ProvisionedThroughput", *throughput);
    } else {
      properties.set("BillingMode", Value::string("PAY_PER_REQUEST"));
    }
    for (const char* passed : {"TableName", "SSESpecification", "PointInTimeRecoverySpecification"}) {
      if (const Value* value = given.find(passed)) properties.set(passed, *value);
    }
    if (const Value* tags = given.find("Tags")) properties.set("Tags", tag_list(*tags));
    add(id, resource("AWS::DynamoDB::Table", std::move(properties)), definition);
    return {};
  }

  Result<void> layer_version(const std::string& id, const Value& given, const Value& definition) {
    const Value* uri = given.find("ContentUri");
    if (uri == nullptr)
      return validation_error("Resource with id [" + id + "] is invalid. Missing required property 'ContentUri'.");
    Result<Value> content = code_of(id, *uri);
    if (!content.ok()) return std::move(content).error();
    Value properties = Value::object({{"Content", std::move(*content)}});
    for (const char* name :
         {"LayerName", "Description", "CompatibleRuntimes", "CompatibleArchitectures", "LicenseInfo"}) {
      if (const Value* value = given.find(name)) properties.set(name, *value);
    }
    add(id, resource("AWS::Lambda::LayerVersion", std::move(properties)), definition);
    return {};
  }

  const Value& document_;
  Value out_ = Value::object();
  bool implicit_api_ = false;
  std::vector<std::pair<std::string, SamBucketNotification>> notifications_;  ///< By function.
};

}  // namespace

bool wants_sam(const Value& document) {
  const Value* transform = document.find("Transform");
  if (transform == nullptr) return false;
  if (transform->is_scalar()) return transform->text() == kTransform;
  return std::any_of(transform->items().begin(), transform->items().end(),
                     [](const Value& item) { return item.text() == kTransform; });
}

Result<Value> transform_sam(const Value& document) { return Transformer(document).run(); }

}  // namespace cumulet::cloudformation
