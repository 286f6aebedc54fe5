#include <algorithm>
#include <set>

#include "base/text.h"
#include "services/cloudformation/cloudformation.h"
#include "services/cloudformation/sam.h"

namespace cumulet::cloudformation {
namespace api = wire::cloudformation;

namespace {

constexpr std::size_t kEventPage = 100;
/// Clients ask again only after 5 to 30 seconds. Most deployments here end within one, so a question about a stack that
/// is being deployed is held that long.
constexpr std::chrono::seconds kHoldUnderWay{2};

bool is_under_way(const Stack& stack) {
  return stack.status.ends_with("_IN_PROGRESS") && stack.status != "REVIEW_IN_PROGRESS";
}

Timestamp at(std::int64_t millis) { return Timestamp(std::chrono::milliseconds(millis)); }

std::optional<std::string> unless_empty(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional<std::string>(text);
}

api::Stack shown(const Stack& stack) {
  api::Stack out;
  out.stack_id = stack.id;
  out.stack_name = stack.name;
  out.change_set_id = unless_empty(stack.change_set_id);
  out.description = unless_empty(stack.description);
  out.creation_time = at(stack.created);
  if (stack.updated != 0) out.last_updated_time = at(stack.updated);
  if (stack.deleted != 0) out.deletion_time = at(stack.deleted);
  out.stack_status = stack.status;
  out.stack_status_reason = unless_empty(stack.reason);
  out.disable_rollback = stack.on_failure == "DO_NOTHING";
  out.notification_arns = stack.notification_arns;
  if (!stack.capabilities.empty()) out.capabilities = stack.capabilities;
  out.role_arn = unless_empty(stack.role_arn);
  out.enable_termination_protection = stack.termination_protection;
  out.drift_information.emplace().stack_drift_status = "NOT_CHECKED";
  out.tags.emplace();
  for (const auto& [key, value] : stack.tags) {
    api::Tag& tag = out.tags->emplace_back();
    tag.key = key;
    tag.value = value;
  }
  if (!stack.parameters.empty()) out.parameters.emplace();
  const Result<Value> document = parse_document(stack.body);
  for (const auto& [key, value] : stack.parameters) {
    api::Parameter& parameter = out.parameters->emplace_back();
    parameter.parameter_key = key;
    const Value* declared = document.ok() ? document->find("Parameters") : nullptr;
    if (declared != nullptr) declared = declared->find(key);
    const bool secret = declared != nullptr && declared->text_of("NoEcho") == "true";
    parameter.parameter_value = secret ? "****" : value;
  }
  if (!stack.outputs.items().empty()) out.outputs.emplace();
  for (const Value& each : stack.outputs.items()) {
    api::Output& output = out.outputs->emplace_back();
    output.output_key = each.text_of("OutputKey");
    output.output_value = each.text_of("OutputValue");
    output.description = unless_empty(each.text_of("Description"));
    output.export_name = unless_empty(each.text_of("ExportName"));
  }
  return out;
}

/// What a template says of itself: for GetTemplateSummary and ValidateTemplate.
struct Summary {
  Template definition;
  std::vector<std::string> transforms;
  std::vector<std::string> capabilities;
  std::string reason;
  std::string version;
  std::string metadata;
};

Result<Summary> summarize(const std::string& body) {
  Result<Value> document = parse_document(body);
  if (!document.ok()) return std::move(document).error();
  Summary summary;
  Result<Template> plain = Template::from(*document);
  if (!plain.ok()) return std::move(plain).error();
  summary.transforms = plain->transforms;
  summary.version = document->text_of("AWSTemplateFormatVersion");
  if (const Value* metadata = document->find("Metadata")) summary.metadata = metadata->to_json();
  std::set<std::string> iam;
  if (wants_sam(*document)) {
    summary.capabilities.push_back("CAPABILITY_AUTO_EXPAND");
    const Result<Value> transformed = transform_sam(*document);
    const Result<Template> expanded =
        transformed.ok() ? Template::from(*transformed) : Result<Template>(transformed.error());
    if (expanded.ok()) {
      for (const auto& [id, resource] : expanded->resources) {
        if (resource.type.starts_with("AWS::IAM::")) iam.insert(resource.type);
      }
    }
  }
  bool named = false;
  for (const auto& [id, resource] : plain->resources) {
    if (!resource.type.starts_with("AWS::IAM::")) continue;
    iam.insert(resource.type);
    named = named || resource.properties.find("RoleName") != nullptr;
  }
  if (!iam.empty()) {
    summary.capabilities.insert(summary.capabilities.begin(), named ? "CAPABILITY_NAMED_IAM" : "CAPABILITY_IAM");
    summary.reason = "The following resource(s) require capabilities: [" +
                     join(std::vector<std::string>(iam.begin(), iam.end()), ", ") + "]";
  }
  summary.definition = std::move(*plain);
  return summary;
}

}  // namespace

void CloudFormation::register_reading() {
  service_.on<api::DescribeStacks>([this](Call& c, const auto& in) { return describe_stacks(c, in); });
  service_.on<api::ListStacks>([this](Call& c, const auto& in) { return list_stacks(c, in); });
  service_.on<api::DescribeStackEvents>([this](Call& c, const auto& in) { return describe_stack_events(c, in); });
  service_.on<api::DescribeStackResources>([this](Call& c, const auto& in) { return describe_stack_resources(c, in); });
  service_.on<api::DescribeStackResource>([this](Call& c, const auto& in) { return describe_stack_resource(c, in); });
  service_.on<api::ListStackResources>([this](Call& c, const auto& in) { return list_stack_resources(c, in); });
  service_.on<api::ListExports>([this](Call& c, const auto& in) { return list_exports(c, in); });
  service_.on<api::GetTemplate>([this](Call& c, const auto& in) { return get_template(c, in); });
  service_.on<api::GetTemplateSummary>([this](Call& c, const auto& in) { return get_template_summary(c, in); });
  service_.on<api::ValidateTemplate>([this](Call& c, const auto& in) { return validate_template(c, in); });
}

Task<api::DescribeStacksOutput> CloudFormation::describe_stacks(Call& call, const api::DescribeStacksInput& input) {
  const Store store(call.account(), call.region);
  const auto read = [&](storage::Transaction& txn) -> Task<std::vector<Stack>> {
    if (!input.stack_name) co_return co_await store.list_stacks(txn, false);
    std::vector<Stack> one;
    one.push_back(co_await require_stack(txn, store, *input.stack_name));
    co_return one;
  };
  std::vector<Stack> stacks = co_await storage::transact(database_, read);
  if (input.stack_name && is_under_way(stacks.front())) {
    DeploymentWatch::Wait ended(*watch_, stacks.front().id);
    stacks = co_await storage::transact(database_, read);
    if (is_under_way(stacks.front())) {
      co_await ended.until(std::chrono::steady_clock::now() + kHoldUnderWay);
      stacks = co_await storage::transact(database_, read);
    }
  }
  api::DescribeStacksOutput output;
  output.stacks.emplace();
  for (const Stack& stack : stacks) output.stacks->push_back(shown(stack));
  co_return output;
}

Task<api::ListStacksOutput> CloudFormation::list_stacks(Call& call, const api::ListStacksInput& input) {
  const Store store(call.account(), call.region);
  const auto read = [&](storage::Transaction& txn) { return store.list_stacks(txn, true); };
  const std::vector<Stack> stacks = co_await storage::transact(database_, read);
  api::ListStacksOutput output;
  output.stack_summaries.emplace();
  for (const Stack& stack : stacks) {
    const auto& wanted = input.stack_status_filter;
    if (wanted && !wanted->empty() && std::find(wanted->begin(), wanted->end(), stack.status) == wanted->end())
      continue;
    api::StackSummary& summary = output.stack_summaries->emplace_back();
    summary.stack_id = stack.id;
    summary.stack_name = stack.name;
    summary.template_description = unless_empty(stack.description);
    summary.creation_time = at(stack.created);
    if (stack.updated != 0) summary.last_updated_time = at(stack.updated);
    if (stack.deleted != 0) summary.deletion_time = at(stack.deleted);
    summary.stack_status = stack.status;
    summary.stack_status_reason = unless_empty(stack.reason);
  }
  co_return output;
}

Task<api::DescribeStackEventsOutput> CloudFormation::describe_stack_events(Call& call,
                                                                           const api::DescribeStackEventsInput& input) {
  const Store store(call.account(), call.region);
  const std::string token = input.next_token.value_or("");
  const std::optional<std::int64_t> before = token.empty() ? std::nullopt : parse_int(token);
  if (!token.empty() && !before) co_return validation_error("The NextToken is not valid");
  Stack stack;
  const auto read = [&](storage::Transaction& txn) -> Task<std::vector<std::pair<std::uint64_t, StackEvent>>> {
    stack = co_await require_stack(txn, store, input.stack_name);
    co_return co_await store.list_events(txn, stack.id, before ? static_cast<std::uint64_t>(*before) : UINT64_MAX,
                                         kEventPage);
  };
  const auto events = co_await storage::transact(database_, read);
  api::DescribeStackEventsOutput output;
  output.stack_events.emplace();
  for (const auto& [sequence, event] : events) {
    api::StackEvent& out = output.stack_events->emplace_back();
    out.stack_id = stack.id;
    out.stack_name = stack.name;
    out.event_id = event.id;
    out.logical_resource_id = event.logical_id;
    out.physical_resource_id = event.physical_id;
    out.resource_type = event.type;
    out.timestamp = at(event.time);
    out.resource_status = event.status;
    out.resource_status_reason = unless_empty(event.reason);
    out.resource_properties = unless_empty(event.properties);
  }
  if (events.size() == kEventPage) output.next_token = std::to_string(events.back().first);
  co_return output;
}

Task<api::DescribeStackResourcesOutput> CloudFormation::describe_stack_resources(
    Call& call, const api::DescribeStackResourcesInput& input) {
  if (!input.stack_name)
    co_return validation_error(
        "StackName must be specified: looking up by PhysicalResourceId is not supported by this server");
  const Store store(call.account(), call.region);
  Stack stack;
  const auto read = [&](storage::Transaction& txn) -> Task<std::vector<StackResource>> {
    stack = co_await require_stack(txn, store, *input.stack_name);
    co_return co_await store.list_resources(txn, stack.id);
  };
  const std::vector<StackResource> resources = co_await storage::transact(database_, read);
  api::DescribeStackResourcesOutput output;
  output.stack_resources.emplace();
  for (const StackResource& resource : resources) {
    if (input.logical_resource_id && *input.logical_resource_id != resource.logical_id) continue;
    api::StackResource& out = output.stack_resources->emplace_back();
    out.stack_id = stack.id;
    out.stack_name = stack.name;
    out.logical_resource_id = resource.logical_id;
    out.physical_resource_id = unless_empty(resource.physical_id);
    out.resource_type = resource.type;
    out.timestamp = at(resource.changed);
    out.resource_status = resource.status;
    out.resource_status_reason = unless_empty(resource.reason);
  }
  co_return output;
}

Task<api::DescribeStackResourceOutput> CloudFormation::describe_stack_resource(
    Call& call, const api::DescribeStackResourceInput& input) {
  const Store store(call.account(), call.region);
  Stack stack;
  const auto read = [&](storage::Transaction& txn) -> Task<std::vector<StackResource>> {
    stack = co_await require_stack(txn, store, input.stack_name);
    co_return co_await store.list_resources(txn, stack.id);
  };
  const std::vector<StackResource> resources = co_await storage::transact(database_, read);
  for (const StackResource& resource : resources) {
    if (resource.logical_id != input.logical_resource_id) continue;
    api::DescribeStackResourceOutput output;
    api::StackResourceDetail& out = output.stack_resource_detail.emplace();
    out.stack_id = stack.id;
    out.stack_name = stack.name;
    out.logical_resource_id = resource.logical_id;
    out.physical_resource_id = unless_empty(resource.physical_id);
    out.resource_type = resource.type;
    out.last_updated_timestamp = at(resource.changed);
    out.resource_status = resource.status;
    out.resource_status_reason = unless_empty(resource.reason);
    co_return output;
  }
  co_return validation_error("Resource " + input.logical_resource_id + " does not exist for stack " + stack.name);
}

Task<api::ListStackResourcesOutput> CloudFormation::list_stack_resources(Call& call,
                                                                         const api::ListStackResourcesInput& input) {
  const Store store(call.account(), call.region);
  const auto read = [&](storage::Transaction& txn) -> Task<std::vector<StackResource>> {
    const Stack stack = co_await require_stack(txn, store, input.stack_name);
    co_return co_await store.list_resources(txn, stack.id);
  };
  const std::vector<StackResource> resources = co_await storage::transact(database_, read);
  api::ListStackResourcesOutput output;
  output.stack_resource_summaries.emplace();
  for (const StackResource& resource : resources) {
    api::StackResourceSummary& out = output.stack_resource_summaries->emplace_back();
    out.logical_resource_id = resource.logical_id;
    out.physical_resource_id = unless_empty(resource.physical_id);
    out.resource_type = resource.type;
    out.last_updated_timestamp = at(resource.changed);
    out.resource_status = resource.status;
    out.resource_status_reason = unless_empty(resource.reason);
  }
  co_return output;
}

Task<api::ListExportsOutput> CloudFormation::list_exports(Call& call, const api::ListExportsInput&) {
  const Store store(call.account(), call.region);
  const auto read = [&](storage::Transaction& txn) { return store.list_exports(txn); };
  const std::vector<Store::Export> exports = co_await storage::transact(database_, read);
  api::ListExportsOutput output;
  output.exports.emplace();
  for (const Store::Export& each : exports) {
    api::Export& out = output.exports->emplace_back();
    out.exporting_stack_id = each.stack_id;
    out.name = each.name;
    out.value = each.value;
  }
  co_return output;
}

Task<api::GetTemplateOutput> CloudFormation::get_template(Call& call, const api::GetTemplateInput& input) {
  const Store store(call.account(), call.region);
  if (!input.stack_name && !input.change_set_name) co_return validation_error("StackName or ChangeSetName is required");
  const auto read = [&](storage::Transaction& txn) -> Task<std::string> {
    if (input.change_set_name) {
      const ChangeSet found = co_await require_change_set(txn, store, *input.change_set_name, input.stack_name);
      co_return found.body;
    }
    const Stack stack = co_await require_stack(txn, store, *input.stack_name);
    co_return stack.body;
  };
  api::GetTemplateOutput output;
  output.template_body = co_await storage::transact(database_, read);
  output.stages_available.emplace();
  output.stages_available->push_back("Original");
  output.stages_available->push_back("Processed");
  if (input.template_stage.value_or("Original") == "Processed") {
    const Value document = co_await parse_document(*output.template_body);
    if (wants_sam(document)) {
      const Value processed = co_await transform_sam(document);
      output.template_body = processed.to_json();
    }
  }
  co_return output;
}

Task<api::GetTemplateSummaryOutput> CloudFormation::get_template_summary(Call& call,
                                                                         const api::GetTemplateSummaryInput& input) {
  std::string body;
  if (input.stack_name) {
    const Store store(call.account(), call.region);
    const auto read = [&](storage::Transaction& txn) { return require_stack(txn, store, *input.stack_name); };
    const Stack stack = co_await storage::transact(database_, read);
    body = stack.body;
  } else {
    body = co_await template_body(call, input.template_body, input.template_url);
  }
  const Summary summary = co_await summarize(body);
  api::GetTemplateSummaryOutput output;
  output.description = unless_empty(summary.definition.description);
  output.version = unless_empty(summary.version);
  output.metadata = unless_empty(summary.metadata);
  if (!summary.capabilities.empty()) output.capabilities = summary.capabilities;
  output.capabilities_reason = unless_empty(summary.reason);
  if (!summary.transforms.empty()) output.declared_transforms = summary.transforms;
  std::set<std::string> types;
  for (const auto& [id, resource] : summary.definition.resources) types.insert(resource.type);
  output.resource_types = std::vector<std::string>(types.begin(), types.end());
  output.parameters.emplace();
  for (const auto& [name, parameter] : summary.definition.parameters) {
    api::ParameterDeclaration& out = output.parameters->emplace_back();
    out.parameter_key = name;
    out.parameter_type = parameter.type;
    out.default_value = parameter.default_value;
    out.no_echo = parameter.no_echo;
    out.description = unless_empty(parameter.description);
    out.parameter_constraints.emplace();
    if (!parameter.allowed_values.empty()) out.parameter_constraints->allowed_values = parameter.allowed_values;
  }
  co_return output;
}

Task<api::ValidateTemplateOutput> CloudFormation::validate_template(Call& call,
                                                                    const api::ValidateTemplateInput& input) {
  const std::string body = co_await template_body(call, input.template_body, input.template_url);
  const Summary summary = co_await summarize(body);
  api::ValidateTemplateOutput output;
  output.description = unless_empty(summary.definition.description);
  if (!summary.capabilities.empty()) output.capabilities = summary.capabilities;
  output.capabilities_reason = unless_empty(summary.reason);
  if (!summary.transforms.empty()) output.declared_transforms = summary.transforms;
  output.parameters.emplace();
  for (const auto& [name, parameter] : summary.definition.parameters) {
    api::TemplateParameter& out = output.parameters->emplace_back();
    out.parameter_key = name;
    out.default_value = parameter.default_value;
    out.no_echo = parameter.no_echo;
    out.description = unless_empty(parameter.description);
  }
  co_return output;
}

}  // namespace cumulet::cloudformation
