#include "cli/deploy.h"

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <thread>

#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/package.h"
#include "cli/session.h"
#include "cli/site.h"
#include "cli/upload.h"
#include "services/cloudformation/value.h"
#include "wire/generated/cloudformation.h"

namespace cumulet::cli {
namespace {

namespace fs = std::filesystem;
namespace api = wire::cloudformation;
using cloudformation::Value;

constexpr const char* kUsage = R"(Usage: cumulet deploy [TEMPLATE] [options]

Packages the local code that a CloudFormation or SAM template names, deploys the stack,
shows what happens to each resource, and prints the outputs. Without a TEMPLATE:
template.yaml, template.yml or template.json in this folder. A stack that exists is
updated.

A bucket with 'Metadata: {Site: FOLDER}' gets the files of that folder afterwards, and
the stack's outputs as outputs.json.

  --stack-name NAME        default: the folder's name
  --parameter KEY=VALUE    KEY=VALUE pairs are separated by commas
  --endpoint URL, --region REGION, --data-dir DIR   as for 'cumulet env'
)";

constexpr std::chrono::milliseconds kPoll{100};

bool colours() { return isatty(STDOUT_FILENO) != 0; }

void say(const std::string& text) {
  std::printf("%s\n", text.c_str());
  std::fflush(stdout);
}

Result<fs::path> find_template(const Arguments& arguments) {
  if (arguments.positional().size() > 1) return usage_error("name one template");
  if (!arguments.positional().empty()) {
    const fs::path given = arguments.positional().front();
    if (fs::is_regular_file(given)) return given;
    return usage_error("there is no template " + given.string());
  }
  for (const char* name : {"template.yaml", "template.yml", "template.json"}) {
    if (fs::is_regular_file(name)) return fs::path(name);
  }
  return usage_error("there is no template.yaml in this folder");
}

Result<std::string> stack_name(const Arguments& arguments, const fs::path& file) {
  if (arguments.has("stack-name")) return *arguments.get("stack-name");
  std::string name;
  for (const char c : fs::absolute(file).parent_path().filename().string()) {
    name += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '-';
  }
  if (name.empty() || std::isalpha(static_cast<unsigned char>(name.front())) == 0) {
    return usage_error("the folder's name is no stack name; give --stack-name");
  }
  return name;
}

/// Uploads the local code of one property and puts the S3 location in its place.
Result<void> package_property(Uploader& uploader, const fs::path& folder, Value& properties, const char* property,
                              bool serverless) {
  Value* code = properties.find(property);
  if (code == nullptr || !code->is_string() || code->text().starts_with("s3://")) return {};
  Result<std::string> bytes = packed(folder / code->text());
  if (!bytes.ok()) return std::move(bytes).error();
  const std::string key = hex_encode(sha256(*bytes)).substr(0, 40) + ".zip";
  say("  packaged " + code->text() + " (" + std::to_string(bytes->size() / 1024 + 1) + " KiB)");
  Result<std::string> bucket = uploader.upload(key, std::move(*bytes));
  if (!bucket.ok()) return std::move(bucket).error();
  *code = Value::object({{serverless ? "Bucket" : "S3Bucket", Value::string(*bucket)},
                         {serverless ? "Key" : "S3Key", Value::string(key)}});
  return {};
}

Result<void> package_all(Uploader& uploader, const fs::path& folder, Value& document) {
  if (Value* globals = document.find("Globals")) {
    if (Value* function = globals->find("Function")) {
      Result<void> done = package_property(uploader, folder, *function, "CodeUri", true);
      if (!done.ok()) return done;
    }
  }
  Value* resources = document.find("Resources");
  if (resources == nullptr) return {};
  for (auto& [id, resource] : resources->members()) {
    Value* properties = resource.find("Properties");
    if (properties == nullptr) continue;
    const std::string type = resource.text_of("Type");
    Result<void> done;
    if (type == "AWS::Serverless::Function") done = package_property(uploader, folder, *properties, "CodeUri", true);
    if (type == "AWS::Serverless::LayerVersion")
      done = package_property(uploader, folder, *properties, "ContentUri", true);
    if (type == "AWS::Lambda::Function") done = package_property(uploader, folder, *properties, "Code", false);
    if (type == "AWS::Lambda::LayerVersion") done = package_property(uploader, folder, *properties, "Content", false);
    if (!done.ok()) return done;
  }
  return {};
}

/// The functions of the template whose code is here.
std::vector<LocalFunction> local_functions(const fs::path& folder, const Value& document) {
  std::vector<LocalFunction> all;
  const Value* globals = document.find("Globals");
  const Value* shared = globals == nullptr ? nullptr : globals->find("Function");
  const Value* resources = document.find("Resources");
  if (resources == nullptr) return all;
  for (const auto& [id, resource] : resources->members()) {
    const std::string type = resource.text_of("Type");
    const bool serverless = type == "AWS::Serverless::Function";
    if (!serverless && type != "AWS::Lambda::Function") continue;
    const char* const property = serverless ? "CodeUri" : "Code";
    const Value* properties = resource.find("Properties");
    const Value* code = properties == nullptr ? nullptr : properties->find(property);
    if (code == nullptr && serverless && shared != nullptr) code = shared->find(property);
    if (code == nullptr || !code->is_string() || code->text().starts_with("s3://")) continue;
    all.push_back(LocalFunction{id, folder / code->text(), std::string()});
  }
  return all;
}

/// Talks to CloudFormation about one stack.
class Stack {
 public:
  Stack(const Session& session, std::string name) : session_(session), name_(std::move(name)) {}

  /// Prepares the change; false when there is nothing to change.
  Result<bool> prepare(const std::string& body, const std::optional<std::string>& parameters) {
    const auto existing = describe();
    const bool update = existing.ok() && existing->stack_status != "REVIEW_IN_PROGRESS";
    if (update && existing->stack_status == "ROLLBACK_COMPLETE") {
      say("The stack's creation had failed; it is deleted and made anew.");
      Result<void> removed = remove();
      if (!removed.ok()) return std::move(removed).error();
    }
    if (update) seen_ = event_ids();
    api::CreateChangeSetInput input;
    input.stack_name = name_;
    change_set_ = "deploy-" + std::to_string(SystemClock().now_millis());
    input.change_set_name = change_set_;
    input.change_set_type = update && existing->stack_status != "ROLLBACK_COMPLETE" ? "UPDATE" : "CREATE";
    input.template_body = body;
    input.capabilities = {"CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"};
    if (parameters) {
      input.parameters.emplace();
      for (const std::string_view pair : split(*parameters, ',')) {
        const std::size_t equals = pair.find('=');
        if (equals == std::string_view::npos) return usage_error("--parameter wants KEY=VALUE");
        api::Parameter& parameter = input.parameters->emplace_back();
        parameter.parameter_key = std::string(pair.substr(0, equals));
        parameter.parameter_value = std::string(pair.substr(equals + 1));
      }
    }
    const auto created = session_.call<api::CreateChangeSet>(api::model(), input);
    if (!created.ok()) return created.error();
    api::DescribeChangeSetInput question;
    question.stack_name = name_;
    question.change_set_name = change_set_;
    while (true) {
      const auto described = session_.call<api::DescribeChangeSet>(api::model(), question);
      if (!described.ok()) return described.error();
      const std::string status = described->status.value_or("");
      if (status == "CREATE_COMPLETE") return true;
      if (status == "FAILED") {
        const std::string reason = described->status_reason.value_or("");
        if (reason.find("didn't contain changes") != std::string::npos) return false;
        return Error("ChangeSetFailed", 400, reason);
      }
      std::this_thread::sleep_for(kPoll);
    }
  }

  /// Executes the change and shows its events until it has ended.
  Result<void> execute() {
    api::ExecuteChangeSetInput input;
    input.stack_name = name_;
    input.change_set_name = change_set_;
    const auto started = session_.call<api::ExecuteChangeSet>(api::model(), input);
    if (!started.ok()) return started.error();
    while (true) {
      const auto stack = describe();
      show_events();
      if (!stack.ok()) return stack.error();
      const std::string& status = stack->stack_status;
      if (status == "CREATE_COMPLETE" || status == "UPDATE_COMPLETE") return {};
      if (!status.ends_with("_IN_PROGRESS")) {
        return Error("DeploymentFailed", 500,
                     "the stack ended as " + status + (reason_.empty() ? std::string() : ": " + reason_));
      }
      std::this_thread::sleep_for(kPoll);
    }
  }

  Result<api::Stack> describe() const {
    api::DescribeStacksInput input;
    input.stack_name = name_;
    auto described = session_.call<api::DescribeStacks>(api::model(), input);
    if (!described.ok()) return std::move(described).error();
    if (!described->stacks || described->stacks->empty()) return Error("ValidationError", 400, "no such stack");
    return std::move(described->stacks->front());
  }

  Result<std::string> physical_id(const std::string& logical_id) const {
    api::DescribeStackResourceInput input;
    input.stack_name = name_;
    input.logical_resource_id = logical_id;
    const auto found = session_.call<api::DescribeStackResource>(api::model(), input);
    if (!found.ok()) return found.error();
    return found->stack_resource_detail->physical_resource_id.value_or("");
  }

 private:
  Result<void> remove() {
    api::DeleteStackInput input;
    input.stack_name = name_;
    const auto deleted = session_.call<api::DeleteStack>(api::model(), input);
    if (!deleted.ok()) return deleted.error();
    while (true) {
      const auto stack = describe();
      if (!stack.ok()) return {};
      if (stack->stack_status == "DELETE_FAILED")
        return Error("DeleteFailed", 500, stack->stack_status_reason.value_or(""));
      std::this_thread::sleep_for(kPoll);
    }
  }

  std::vector<api::StackEvent> events() const {
    api::DescribeStackEventsInput input;
    input.stack_name = name_;
    auto described = session_.call<api::DescribeStackEvents>(api::model(), input);
    if (!described.ok() || !described->stack_events) return {};
    return std::move(*described->stack_events);
  }

  std::set<std::string> event_ids() const {
    std::set<std::string> ids;
    for (const api::StackEvent& event : events()) ids.insert(event.event_id);
    return ids;
  }

  void show_events() {
    const std::vector<api::StackEvent> newest_first = events();
    for (auto event = newest_first.rbegin(); event != newest_first.rend(); ++event) {
      if (!seen_.insert(event->event_id).second) continue;
      const std::string status = event->resource_status.value_or("");
      const std::string reason = event->resource_status_reason.value_or("");
      const bool failed = status.ends_with("_FAILED") || status.find("ROLLBACK") != std::string::npos;
      if (status.ends_with("_FAILED") && reason_.empty()) {
        reason_ = event->logical_resource_id.value_or("") + ": " + reason;
      }
      const char* colour = !colours()                      ? ""
                           : failed                        ? "\033[31m"
                           : status.ends_with("_COMPLETE") ? "\033[32m"
                                                           : "\033[33m";
      std::printf("  %s%-20s%s %-28s %s%s%s\n", colour, status.c_str(), colours() ? "\033[0m" : "",
                  event->logical_resource_id.value_or("").c_str(), event->resource_type.value_or("").c_str(),
                  failed && !reason.empty() ? "  " : "", failed ? reason.c_str() : "");
    }
    std::fflush(stdout);
  }

  const Session& session_;
  std::string name_;
  std::string change_set_;
  std::set<std::string> seen_;
  std::string reason_;
};

Result<void> upload_sites(Uploader& uploader, const Stack& stack, const fs::path& folder, const Value& document,
                          const std::string& outputs) {
  const Value* resources = document.find("Resources");
  if (resources == nullptr) return {};
  for (const auto& [id, resource] : resources->members()) {
    const Value* metadata = resource.find("Metadata");
    const std::string site = metadata == nullptr ? std::string() : metadata->text_of("Site");
    if (site.empty() || resource.text_of("Type") != "AWS::S3::Bucket") continue;
    const Result<std::string> bucket = stack.physical_id(id);
    if (!bucket.ok()) return bucket.error();
    const Result<std::size_t> files = upload_site(uploader, *bucket, folder / site, outputs);
    if (!files.ok()) return files.error();
    say("  uploaded " + site + " (" + std::to_string(*files) + " files) to " + *bucket);
  }
  return {};
}

}  // namespace

std::vector<std::string> deploy_options() {
  std::vector<std::string> all = Session::options();
  all.insert(all.end(), {"stack-name", "parameter"});
  return all;
}

Result<std::string> packed(const fs::path& code) {
  return code.extension() == ".zip" || code.extension() == ".jar" ? read_file(code) : zip_folder(code);
}

Result<Deployment> deploy_stack(const Arguments& arguments, const Session& session) {
  const Result<fs::path> file = find_template(arguments);
  if (!file.ok()) return file.error();
  const Result<std::string> name = stack_name(arguments, *file);
  if (!name.ok()) return name.error();
  const Result<std::string> text = read_file(*file);
  if (!text.ok()) return text.error();
  Result<Value> document = cloudformation::parse_document(*text);
  if (!document.ok()) return Error("Template", 400, file->string() + ": " + document.error().message());

  say("Deploying " + *name + " to " + session.endpoint());
  const fs::path folder = file->parent_path();
  Deployment deployment{*file, local_functions(folder, *document)};
  Uploader uploader(session);
  Result<void> done = package_all(uploader, folder, *document);
  if (!done.ok()) return done.error();
  Stack stack(session, *name);
  const Result<bool> changes = stack.prepare(document->to_json(), arguments.get("parameter"));
  if (!changes.ok()) return changes.error();
  if (*changes) {
    done = stack.execute();
    if (!done.ok()) return done.error();
  } else {
    say("  nothing has changed");
  }
  const Result<api::Stack> described = stack.describe();
  if (!described.ok()) return described.error();
  Value outputs = Value::object();
  if (described->outputs) {
    for (const api::Output& output : *described->outputs) {
      outputs.set(output.output_key.value_or(""), Value::string(output.output_value.value_or("")));
    }
  }
  done = upload_sites(uploader, stack, folder, *document, outputs.to_json());
  if (!done.ok()) return done.error();
  if (!outputs.members().empty()) say("Outputs");
  for (const auto& [key, value] : outputs.members()) std::printf("  %-24s %s\n", key.c_str(), value.text().c_str());
  // A condition may have left one out: then it has no name.
  std::erase_if(deployment.functions, [&](LocalFunction& function) {
    Result<std::string> name = stack.physical_id(function.logical_id);
    if (name.ok()) function.name = std::move(*name);
    return function.name.empty();
  });
  return deployment;
}

int deploy(const std::vector<std::string>& words) {
  const Result<Arguments> arguments = Arguments::parse(words, deploy_options(), {});
  if (!arguments.ok()) return report("deploy", arguments.error());
  if (arguments->has("help")) {
    std::fputs(kUsage, stdout);
    return 0;
  }
  const Result<Session> session = Session::open(*arguments);
  if (!session.ok()) return report("deploy", session.error());
  const Result<Deployment> deployed = deploy_stack(*arguments, *session);
  return deployed.ok() ? 0 : report("deploy", deployed.error());
}

}  // namespace cumulet::cli
