#include "base/text.h"
#include "services/lambda/configuration.h"
#include "services/lambda/lambda.h"
#include "wire/json_writer.h"

namespace cumulet::lambda {
namespace {

namespace api = wire::lambda;
using storage::Transaction;

/// The layer version that a request means, in its own account and region when it is named by ARN.
struct LayerName {
  LayerName() = default;
  std::string account;
  std::string region;
  std::string layer;
  std::int64_t version = 0;

  std::string arn() const {
    return "arn:aws:lambda:" + region + ":" + account + ":layer:" + layer + ":" + std::to_string(version);
  }
  /// Where its policy is kept, beside those of functions, whose names have no colon.
  std::string policy_name() const { return "layer:" + layer; }
};

LayerName name_of(const wire::Call& call, const std::string& text, std::int64_t version) {
  LayerName name;
  const std::vector<std::string_view> parts = split(text, ':');
  const bool arn = parts.size() >= 7;
  name.region = arn ? std::string(parts[3]) : call.region;
  name.account = arn ? std::string(parts[4]) : std::string(call.account());
  name.layer = arn ? std::string(parts[6]) : text;
  name.version = version;
  return name;
}

std::string statement_of(const api::AddLayerVersionPermissionRequest& input, const LayerName& name) {
  wire::JsonWriter json;
  json.begin_object().key("Sid").string(input.statement_id).key("Effect").string("Allow").key("Principal");
  if (input.principal == "*") {
    json.string("*");
  } else {
    const std::string principal =
        input.principal.starts_with("arn:") ? input.principal : "arn:aws:iam::" + input.principal + ":root";
    json.begin_object().key("AWS").string(principal).end_object();
  }
  json.key("Action").string(input.action).key("Resource").string(name.arn());
  if (input.organization_id) {
    json.key("Condition").begin_object().key("StringEquals").begin_object();
    json.key("aws:PrincipalOrgID").string(*input.organization_id).end_object().end_object();
  }
  json.end_object();
  return json.take();
}

Task<std::map<std::string, std::string>> statements_of(Transaction& txn, const Store& store, LayerName name) {
  const std::optional<LayerRow> row = co_await store.find_layer(txn, name.layer, name.version);
  if (!row) {
    co_await fail(
        user_error(api::errors::kResourceNotFoundException, "Layer version " + name.arn() + " does not exist."));
  }
  co_return co_await store.find_policy(txn, name.policy_name(), std::to_string(name.version));
}

}  // namespace

void Lambda::register_layer_permissions() {
  service_.on<api::AddLayerVersionPermission>([this](Call& c, const auto& in) { return add_layer_permission(c, in); });
  service_.on<api::RemoveLayerVersionPermission>(
      [this](Call& c, const auto& in) { return remove_layer_permission(c, in); });
  service_.on<api::GetLayerVersionPolicy>([this](Call& c, const auto& in) { return get_layer_policy(c, in); });
}

Task<void> Lambda::may_use_layer(Transaction& txn, std::string layer_arn, std::string account) {
  const std::vector<std::string_view> parts = split(layer_arn, ':');
  if (parts.size() != 8 || parts[4] == account) co_return;
  const Store store{std::string(parts[4]), std::string(parts[3])};
  const std::map<std::string, std::string> statements =
      co_await store.find_policy(txn, "layer:" + std::string(parts[6]), std::string(parts[7]));
  const std::string own = R"("Principal":{"AWS":"arn:aws:iam::)" + account + R"(:root"})";
  for (const auto& [id, statement] : statements) {
    // Accounts here belong to no organisation: what is for one's members is not for this account.
    if (statement.find(R"("Condition":)") != std::string::npos) continue;
    if (statement.find(R"("Principal":"*")") != std::string::npos || statement.find(own) != std::string::npos)
      co_return;
  }
  co_await fail(Error(cumulet::errors::kAccessDenied,
                      "User: arn:aws:iam::" + account +
                          ":root is not authorized to perform: lambda:GetLayerVersion on resource: " + layer_arn +
                          " because no resource-based policy allows the lambda:GetLayerVersion action"));
}

Task<api::AddLayerVersionPermissionResponse> Lambda::add_layer_permission(
    Call& call, const api::AddLayerVersionPermissionRequest& input) {
  const LayerName name = name_of(call, input.layer_name, input.version_number);
  const Store store(name.account, name.region);
  api::AddLayerVersionPermissionResponse output;
  output.statement = statement_of(input, name);
  const auto add = [&](Transaction& txn) -> Task<void> {
    std::map<std::string, std::string> statements = co_await statements_of(txn, store, name);
    co_await check_policy_revision(statements, input.revision_id);
    if (!statements.emplace(input.statement_id, *output.statement).second) {
      co_await fail(user_error(api::errors::kResourceConflictException,
                               "The statement id (" + input.statement_id +
                                   ") provided already exists. Please provide a new statement id, or remove the "
                                   "existing statement."));
    }
    store.put_policy(txn, name.policy_name(), std::to_string(name.version), statements);
    output.revision_id = policy_revision(statements);
  };
  co_await storage::transact(database_, add);
  co_return output;
}

Task<api::RemoveLayerVersionPermissionOutput> Lambda::remove_layer_permission(
    Call& call, const api::RemoveLayerVersionPermissionRequest& input) {
  const LayerName name = name_of(call, input.layer_name, input.version_number);
  const Store store(name.account, name.region);
  const auto remove = [&](Transaction& txn) -> Task<void> {
    std::map<std::string, std::string> statements = co_await statements_of(txn, store, name);
    co_await check_policy_revision(statements, input.revision_id);
    if (statements.erase(input.statement_id) == 0) {
      co_await fail(user_error(api::errors::kResourceNotFoundException,
                               "Statement " + input.statement_id + " is not found in resource policy."));
    }
    store.put_policy(txn, name.policy_name(), std::to_string(name.version), statements);
  };
  co_await storage::transact(database_, remove);
  co_return api::RemoveLayerVersionPermissionOutput();
}

Task<api::GetLayerVersionPolicyResponse> Lambda::get_layer_policy(Call& call,
                                                                  const api::GetLayerVersionPolicyRequest& input) {
  const LayerName name = name_of(call, input.layer_name, input.version_number);
  const Store store(name.account, name.region);
  const auto read = [&](Transaction& txn) { return statements_of(txn, store, name); };
  const std::map<std::string, std::string> statements = co_await storage::transact(database_, read);
  if (statements.empty()) {
    co_await fail(
        user_error(api::errors::kResourceNotFoundException, "No policy is associated with the given resource."));
  }
  api::GetLayerVersionPolicyResponse output;
  output.policy = policy_document(statements);
  output.revision_id = policy_revision(statements);
  co_return output;
}

}  // namespace cumulet::lambda
