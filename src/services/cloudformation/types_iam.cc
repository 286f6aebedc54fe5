#include "services/cloudformation/bind.h"
#include "services/cloudformation/resource_type.h"
#include "services/cloudformation/template.h"
#include "wire/generated/iam.h"

namespace cumulet::cloudformation {
namespace {

namespace api = wire::iam;
constexpr std::string_view kService = "iam";

template <typename Operation>
Task<void> call_iam(ResourceContext& context, typename Operation::Input input) {
  co_await context.directory.call<Operation>(kService, context.call, std::move(input));
}

std::string document_of(const Value& properties, const char* name) {
  const Value* document = properties.find(name);
  if (document == nullptr) return {};
  return document->is_string() ? document->text() : document->to_json();
}

std::vector<std::string> texts_of(const Value& properties, const char* name) {
  std::vector<std::string> texts;
  if (const Value* list = properties.find(name)) {
    for (const Value& item : list->items()) texts.push_back(item.text());
  }
  return texts;
}

/// AWS::IAM::Role, with its inline and attached policies.
class RoleType final : public ResourceType {
 public:
  const std::set<std::string>& replaced_by() const override {
    static const std::set<std::string> kNames{"RoleName", "Path"};
    return kNames;
  }

  Task<Made> create(ResourceContext& context, const Value& properties) override {
    Value adapted = properties;
    adapted.set("AssumeRolePolicyDocument", Value::string(document_of(properties, "AssumeRolePolicyDocument")));
    api::CreateRoleRequest input = co_await input_from<api::CreateRole>(adapted);
    constexpr std::size_t kNameLimit = 64;
    if (input.role_name.empty()) input.role_name = context.generated_name.substr(0, kNameLimit);
    const std::string name = input.role_name;
    const api::CreateRoleResponse made =
        co_await context.directory.call<api::CreateRole>(kService, context.call, std::move(input));
    co_await add_policies(context, name, properties);
    Made result(name);
    result.attributes.set("Arn", Value::string(made.role.arn));
    result.attributes.set("RoleId", Value::string(made.role.role_id));
    co_return result;
  }

  Task<Made> update(ResourceContext& context, std::string id, const Value& before, const Value& after) override {
    api::UpdateAssumeRolePolicyRequest trust;
    trust.role_name = id;
    trust.policy_document = document_of(after, "AssumeRolePolicyDocument");
    co_await context.directory.call<api::UpdateAssumeRolePolicy>(kService, context.call, std::move(trust));
    co_await drop_policies(context, id, before);
    co_await add_policies(context, id, after);
    api::GetRoleRequest get;
    get.role_name = id;
    const api::GetRoleResponse role =
        co_await context.directory.call<api::GetRole>(kService, context.call, std::move(get));
    Made result(id);
    result.attributes.set("Arn", Value::string(role.role.arn));
    result.attributes.set("RoleId", Value::string(role.role.role_id));
    co_return result;
  }

  Task<void> remove(ResourceContext& context, std::string id, const Value& properties) override {
    co_await drop_policies(context, id, properties);
    api::DeleteRoleRequest input;
    input.role_name = std::move(id);
    co_await gone_is_fine(call_iam<api::DeleteRole>(context, std::move(input)));
  }

 private:
  static Task<void> add_policies(ResourceContext& context, std::string role, const Value& properties) {
    for (const std::string& arn : texts_of(properties, "ManagedPolicyArns")) {
      api::AttachRolePolicyRequest input;
      input.role_name = role;
      input.policy_arn = arn;
      co_await context.directory.call<api::AttachRolePolicy>(kService, context.call, std::move(input));
    }
    const Value* policies = properties.find("Policies");
    if (policies == nullptr) co_return;
    for (const Value& policy : policies->items()) {
      api::PutRolePolicyRequest input;
      input.role_name = role;
      input.policy_name = policy.text_of("PolicyName");
      input.policy_document = document_of(policy, "PolicyDocument");
      co_await context.directory.call<api::PutRolePolicy>(kService, context.call, std::move(input));
    }
  }

  static Task<void> drop_policies(ResourceContext& context, std::string role, const Value& properties) {
    for (const std::string& arn : texts_of(properties, "ManagedPolicyArns")) {
      api::DetachRolePolicyRequest input;
      input.role_name = role;
      input.policy_arn = arn;
      co_await gone_is_fine(call_iam<api::DetachRolePolicy>(context, std::move(input)));
    }
    const Value* policies = properties.find("Policies");
    if (policies == nullptr) co_return;
    for (const Value& policy : policies->items()) {
      api::DeleteRolePolicyRequest input;
      input.role_name = role;
      input.policy_name = policy.text_of("PolicyName");
      co_await gone_is_fine(call_iam<api::DeleteRolePolicy>(context, std::move(input)));
    }
  }
};

/// AWS::IAM::Policy: an inline policy of the roles and users it names.
class PolicyType final : public ResourceType {
 public:
  const std::set<std::string>& replaced_by() const override {
    static const std::set<std::string> kNames{"PolicyName"};
    return kNames;
  }

  Task<Made> create(ResourceContext& context, const Value& properties) override {
    if (properties.find("Groups") != nullptr) {
      co_return validation_error("AWS::IAM::Policy: Groups are not supported by this server");
    }
    for (const std::string& role : texts_of(properties, "Roles")) {
      api::PutRolePolicyRequest input;
      input.role_name = role;
      input.policy_name = properties.text_of("PolicyName");
      input.policy_document = document_of(properties, "PolicyDocument");
      co_await context.directory.call<api::PutRolePolicy>(kService, context.call, std::move(input));
    }
    for (const std::string& user : texts_of(properties, "Users")) {
      api::PutUserPolicyRequest input;
      input.user_name = user;
      input.policy_name = properties.text_of("PolicyName");
      input.policy_document = document_of(properties, "PolicyDocument");
      co_await context.directory.call<api::PutUserPolicy>(kService, context.call, std::move(input));
    }
    co_return Made(context.generated_name);
  }

  Task<Made> update(ResourceContext& context, std::string id, const Value& before, const Value& after) override {
    co_await remove(context, id, before);
    co_await create(context, after);
    co_return Made(id);
  }

  Task<void> remove(ResourceContext& context, std::string, const Value& properties) override {
    for (const std::string& role : texts_of(properties, "Roles")) {
      api::DeleteRolePolicyRequest input;
      input.role_name = role;
      input.policy_name = properties.text_of("PolicyName");
      co_await gone_is_fine(call_iam<api::DeleteRolePolicy>(context, std::move(input)));
    }
    for (const std::string& user : texts_of(properties, "Users")) {
      api::DeleteUserPolicyRequest input;
      input.user_name = user;
      input.policy_name = properties.text_of("PolicyName");
      co_await gone_is_fine(call_iam<api::DeleteUserPolicy>(context, std::move(input)));
    }
  }
};

/// AWS::IAM::ManagedPolicy
class ManagedPolicyType final : public ResourceType {
 public:
  const std::set<std::string>& replaced_by() const override {
    static const std::set<std::string> kNames{"ManagedPolicyName", "Path", "Description", "PolicyDocument"};
    return kNames;
  }

  Task<Made> create(ResourceContext& context, const Value& properties) override {
    api::CreatePolicyRequest input = co_await input_from<api::CreatePolicy>(properties);
    input.policy_name = properties.text_of("ManagedPolicyName");
    if (input.policy_name.empty()) input.policy_name = context.generated_name;
    input.policy_document = document_of(properties, "PolicyDocument");
    const api::CreatePolicyResponse made =
        co_await context.directory.call<api::CreatePolicy>(kService, context.call, std::move(input));
    const std::string arn = made.policy ? made.policy->arn.value_or("") : "";
    co_await attach(context, arn, properties);
    Made result(arn);
    result.attributes.set("PolicyArn", Value::string(arn));
    co_return result;
  }

  Task<Made> update(ResourceContext& context, std::string id, const Value& before, const Value& after) override {
    co_await detach(context, id, before);
    co_await attach(context, id, after);
    Made result(id);
    result.attributes.set("PolicyArn", Value::string(id));
    co_return result;
  }

  Task<void> remove(ResourceContext& context, std::string id, const Value& properties) override {
    co_await detach(context, id, properties);
    api::DeletePolicyRequest input;
    input.policy_arn = std::move(id);
    co_await gone_is_fine(call_iam<api::DeletePolicy>(context, std::move(input)));
  }

 private:
  static Task<void> attach(ResourceContext& context, std::string arn, const Value& properties) {
    for (const std::string& role : texts_of(properties, "Roles")) {
      api::AttachRolePolicyRequest input;
      input.role_name = role;
      input.policy_arn = arn;
      co_await context.directory.call<api::AttachRolePolicy>(kService, context.call, std::move(input));
    }
    for (const std::string& user : texts_of(properties, "Users")) {
      api::AttachUserPolicyRequest input;
      input.user_name = user;
      input.policy_arn = arn;
      co_await context.directory.call<api::AttachUserPolicy>(kService, context.call, std::move(input));
    }
  }

  static Task<void> detach(ResourceContext& context, std::string arn, const Value& properties) {
    for (const std::string& role : texts_of(properties, "Roles")) {
      api::DetachRolePolicyRequest input;
      input.role_name = role;
      input.policy_arn = arn;
      co_await gone_is_fine(call_iam<api::DetachRolePolicy>(context, std::move(input)));
    }
    for (const std::string& user : texts_of(properties, "Users")) {
      api::DetachUserPolicyRequest input;
      input.user_name = user;
      input.policy_arn = arn;
      co_await gone_is_fine(call_iam<api::DetachUserPolicy>(context, std::move(input)));
    }
  }
};

}  // namespace

void add_iam_types(ResourceTypes& types) {
  types.add("AWS::IAM::Role", std::make_unique<RoleType>());
  types.add("AWS::IAM::Policy", std::make_unique<PolicyType>());
  types.add("AWS::IAM::ManagedPolicy", std::make_unique<ManagedPolicyType>());
}

}  // namespace cumulet::cloudformation
