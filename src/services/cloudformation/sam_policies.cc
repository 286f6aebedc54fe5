#include "services/cloudformation/sam_policies.h"

#include <algorithm>
#include <map>
#include <vector>

#include "services/cloudformation/sam_values.h"
#include "services/cloudformation/template.h"

namespace cumulet::cloudformation {
namespace {

Value document(Value statements) {
  return Value::object({{"Version", Value::string("2012-10-17")}, {"Statement", std::move(statements)}});
}

/// One of SAM's policy templates: the actions it allows, and the resources by the parameter that it takes.
struct PolicyTemplate {
  std::string parameter;
  std::vector<std::string> actions;
  std::vector<std::string> resources;  ///< ${Parameter} stands for the value given.
};

const std::map<std::string, PolicyTemplate>& policy_templates() {
  static const std::string kTable =
      "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/${Parameter}";
  static const std::string kBucket = "arn:${AWS::Partition}:s3:::${Parameter}";
  static const std::map<std::string, PolicyTemplate> kTemplates{
      {"DynamoDBCrudPolicy",
       {"TableName",
        {"dynamodb:GetItem", "dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:Scan", "dynamodb:Query",
         "dynamodb:UpdateItem", "dynamodb:BatchWriteItem", "dynamodb:BatchGetItem", "dynamodb:DescribeTable",
         "dynamodb:ConditionCheckItem"},
        {kTable, kTable + "/index/*"}}},
      {"DynamoDBReadPolicy",
       {"TableName",
        {"dynamodb:GetItem", "dynamodb:Scan", "dynamodb:Query", "dynamodb:BatchGetItem", "dynamodb:DescribeTable"},
        {kTable, kTable + "/index/*"}}},
      {"DynamoDBWritePolicy",
       {"TableName",
        {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:BatchWriteItem"},
        {kTable, kTable + "/index/*"}}},
      {"S3ReadPolicy",
       {"BucketName",
        {"s3:GetObject", "s3:ListBucket", "s3:GetBucketLocation", "s3:GetObjectVersion",
         "s3:GetLifecycleConfiguration"},
        {kBucket, kBucket + "/*"}}},
      {"S3WritePolicy",
       {"BucketName", {"s3:PutObject", "s3:PutObjectAcl", "s3:PutLifecycleConfiguration"}, {kBucket, kBucket + "/*"}}},
      {"S3CrudPolicy",
       {"BucketName",
        {"s3:GetObject", "s3:ListBucket", "s3:GetBucketLocation", "s3:GetObjectVersion", "s3:PutObject",
         "s3:PutObjectAcl", "s3:GetLifecycleConfiguration", "s3:PutLifecycleConfiguration", "s3:DeleteObject"},
        {kBucket, kBucket + "/*"}}},
      {"LambdaInvokePolicy",
       {"FunctionName",
        {"lambda:InvokeFunction"},
        {"arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${Parameter}*"}}},
      {"SQSSendMessagePolicy",
       {"QueueName",
        {"sqs:SendMessage*"},
        {"arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:${Parameter}"}}},
      {"SNSPublishMessagePolicy",
       {"TopicName", {"sns:Publish"}, {"arn:${AWS::Partition}:sns:${AWS::Region}:${AWS::AccountId}:${Parameter}"}}},
      {"EventBridgePutEventsPolicy",
       {"EventBusName",
        {"events:PutEvents"},
        {"arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/${Parameter}"}}},
  };
  return kTemplates;
}

Result<Value> from_template(const std::string& name, const Value& arguments) {
  const auto found = policy_templates().find(name);
  if (found == policy_templates().end()) {
    return validation_error("The policy template " + name + " is not supported by this server");
  }
  const Value* argument = arguments.find(found->second.parameter);
  if (argument == nullptr) {
    return validation_error("The policy template " + name + " needs " + found->second.parameter);
  }
  Value resources = Value::list();
  for (const std::string& resource : found->second.resources) {
    resources.items().push_back(Value::object(
        {{"Fn::Sub", Value::list({Value::string(resource), Value::object({{"Parameter", *argument}})})}}));
  }
  return document(Value::list({allow(found->second.actions, std::move(resources))}));
}

}  // namespace

Result<Value> sam_role(const std::string& function_id, const Value* policies, const Value* boundary,
                       const SamGrants& grants) {
  Value managed = text_list({"arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"});
  Value inline_policies = Value::list();
  const auto add_inline = [&](Value policy) {
    const std::string number = std::to_string(inline_policies.items().size());
    inline_policies.items().push_back(Value::object(
        {{"PolicyName", Value::string(function_id + "RolePolicy" + number)}, {"PolicyDocument", std::move(policy)}}));
  };
  std::vector<Value> given;
  if (policies != nullptr) given = policies->is_list() ? policies->items() : std::vector<Value>{*policies};
  for (const Value& policy : given) {
    if (policy.is_scalar()) {
      const bool arn = policy.text().starts_with("arn:");
      managed.items().push_back(Value::string(arn ? policy.text() : "arn:aws:iam::aws:policy/" + policy.text()));
    } else if (policy.find("Statement") != nullptr) {
      const Value& statements = *policy.find("Statement");
      add_inline(document(statements.is_list() ? statements : Value::list({statements})));
    } else if (policy.members().size() == 1 &&
               (policy.members().front().first == "Ref" || policy.members().front().first.starts_with("Fn::"))) {
      managed.items().push_back(policy);
    } else if (policy.members().size() == 1) {
      Result<Value> made = from_template(policy.members().front().first, policy.members().front().second);
      if (!made.ok()) return made;
      add_inline(std::move(*made));
    } else {
      return validation_error("The Policies of " + function_id + " are not well formed");
    }
  }
  for (const std::string& policy : grants.managed) {
    const Value arn = Value::string(policy);
    if (std::find(managed.items().begin(), managed.items().end(), arn) == managed.items().end()) {
      managed.items().push_back(arn);
    }
  }
  if (!grants.statements.empty()) add_inline(document(Value::list(grants.statements)));
  Value trust = document(
      Value::list({Value::object({{"Effect", Value::string("Allow")},
                                  {"Principal", Value::object({{"Service", text_list({"lambda.amazonaws.com"})}})},
                                  {"Action", text_list({"sts:AssumeRole"})}})}));
  Value properties =
      Value::object({{"AssumeRolePolicyDocument", std::move(trust)}, {"ManagedPolicyArns", std::move(managed)}});
  if (!inline_policies.items().empty()) properties.set("Policies", std::move(inline_policies));
  if (boundary != nullptr) properties.set("PermissionsBoundary", *boundary);
  return Value::object({{"Type", Value::string("AWS::IAM::Role")}, {"Properties", std::move(properties)}});
}

}  // namespace cumulet::cloudformation
