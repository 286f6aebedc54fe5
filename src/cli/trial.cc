#include "cli/trial.h"

#include <cstdlib>

#include "base/ids.h"
#include "base/text.h"
#include "wire/generated/logs.h"

namespace cumulet::cli {
namespace {

namespace api = wire::lambda;
using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kNameAtMost = 64;
/// A runtime that is not ours must not call the real one.
constexpr const char* kNoHandler = "only_cumulets_own_runtimes_can_be_profiled.handler";

double since(SteadyClock::time_point began) {
  return std::chrono::duration<double, std::milli>(SteadyClock::now() - began).count();
}

std::optional<double> number_after(const std::string& text, const std::string& words) {
  const std::size_t at = text.find("\t" + words);
  if (at == std::string::npos) return std::nullopt;
  return std::strtod(text.c_str() + at + 1 + words.size(), nullptr);
}

api::CreateFunctionRequest copy_of(const api::FunctionConfiguration& of, const std::string& name) {
  api::CreateFunctionRequest input;
  input.function_name = name;
  input.runtime = of.runtime;
  input.handler = kNoHandler;
  input.role = of.role.value_or("");
  input.memory_size = of.memory_size;
  input.timeout = of.timeout;
  input.ephemeral_storage = of.ephemeral_storage;
  input.description = "A copy that cumulet advise measures";
  std::map<std::string, std::string> variables;
  if (of.environment && of.environment->variables) variables = *of.environment->variables;
  variables["CUMULET_PROFILE"] = of.handler.value_or("");
  input.environment.emplace().variables = std::move(variables);
  if (of.layers) {
    input.layers.emplace();
    for (const api::Layer& layer : *of.layers) input.layers->push_back(layer.arn.value_or(""));
  }
  return input;
}

}  // namespace

std::optional<ReportLine> read_report(const std::string& text) {
  const std::size_t at = text.rfind("REPORT RequestId: ");
  if (at == std::string::npos) return std::nullopt;
  const std::string line = text.substr(at, text.find('\n', at) - at);
  ReportLine report;
  report.duration_ms = number_after(line, "Duration: ").value_or(0);
  report.init_ms = number_after(line, "Init Duration: ");
  report.memory_mb = number_after(line, "Memory Size: ").value_or(0);
  report.most_used_mb = number_after(line, "Max Memory Used: ").value_or(0);
  return report;
}

Result<std::string> download_package(const Session& session, const api::GetFunctionResponse& function) {
  if (!function.configuration || !function.code) return Error("NoCode", 500, "the function has no package to copy");
  const std::string location = function.code->location.value_or("");
  const std::size_t host = location.find("://");
  const std::size_t path = host == std::string::npos ? host : location.find('/', host + 3);
  if (path == std::string::npos) return Error("NoCode", 500, "the function has no package to copy");
  wire::ClientRequest request;
  request.method = "GET";
  request.target = location.substr(path);
  Result<net::Inbound> answer = session.send(api::model(), request);
  if (!answer.ok()) return std::move(answer).error();
  if (answer->status != 200) return Error("NoCode", answer->status, "the function's package could not be read");
  return std::move(answer->body);
}

Result<Trial> Trial::make(const Session& session, const api::GetFunctionResponse& function, std::string package) {
  const api::FunctionConfiguration& of = *function.configuration;
  const std::string suffix = "-advise-" + random_id(8);
  Trial trial(session, of.function_name.value_or("").substr(0, kNameAtMost - suffix.size()) + suffix);
  api::CreateFunctionRequest input = copy_of(of, trial.name_);
  input.code.zip_file = std::move(package);
  const SteadyClock::time_point began = SteadyClock::now();
  const auto created = session.call<api::CreateFunction>(api::model(), input);
  trial.deploy_ms_ = since(began);
  if (!created.ok()) return created.error();
  return trial;
}

Trial::~Trial() {
  if (name_.empty()) return;
  api::DeleteFunctionRequest input;
  input.function_name = name_;
  static_cast<void>(session_->call<api::DeleteFunction>(api::model(), input));
  wire::logs::DeleteLogGroupRequest group;
  group.log_group_name = "/aws/lambda/" + name_;
  static_cast<void>(session_->call<wire::logs::DeleteLogGroup>(wire::logs::model(), group));
}

Result<void> Trial::renew() {
  api::UpdateFunctionConfigurationRequest input;
  input.function_name = name_;
  input.description = "start " + std::to_string(++renewed_);
  const auto updated = session_->call<api::UpdateFunctionConfiguration>(api::model(), input);
  return updated.ok() ? Result<void>() : updated.error();
}

Result<TrialCall> Trial::call(const std::string& event) const {
  api::InvocationRequest input;
  input.function_name = name_;
  input.payload = event;
  input.log_type = "Tail";
  const SteadyClock::time_point began = SteadyClock::now();
  const auto answer = session_->call<api::Invoke>(api::model(), input);
  TrialCall call;
  call.whole_ms = since(began);
  if (!answer.ok()) return answer.error();
  call.answer = answer->payload.value_or("");
  if (answer->function_error) return Error("Probe", 500, "the copy of the function fails: " + call.answer);
  call.report = read_report(base64_decode(answer->log_result.value_or("")).value_or(""));
  return call;
}

}  // namespace cumulet::cli
