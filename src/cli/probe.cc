#include "cli/probe.h"

#include <chrono>
#include <cstdlib>

#include <simdjson.h>

#include "base/ids.h"
#include "base/text.h"
#include "wire/generated/logs.h"

namespace cumulet::cli {
namespace {

namespace api = wire::lambda;

constexpr int kStarts = 4;
constexpr std::size_t kNameAtMost = 64;

std::optional<double> number_after(const std::string& text, const std::string& words) {
  const std::size_t at = text.find("\t" + words);
  if (at == std::string::npos) return std::nullopt;
  return std::strtod(text.c_str() + at + 1 + words.size(), nullptr);
}

/// The package, from the place that GetFunction names.
Result<std::string> download(const Session& session, const std::string& location) {
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

Result<ColdStart> read_profile(const std::string& json) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  ColdStart start;
  simdjson::dom::array modules;
  if (parser.parse(json).get(root) != simdjson::SUCCESS ||
      root["total_ms"].get(start.imports_ms) != simdjson::SUCCESS ||
      root["modules"].get(modules) != simdjson::SUCCESS) {
    return Error("Probe", 500, "the copy of the function answered " + json.substr(0, 500));
  }
  for (const simdjson::dom::element each : modules) {
    ImportedModule module;
    std::string_view text;
    std::int64_t depth = 0;
    if (each["name"].get(text) == simdjson::SUCCESS) module.name = text;
    if (each["by"].get(text) == simdjson::SUCCESS) module.by = text;
    if (each["ms"].get(module.ms) != simdjson::SUCCESS) continue;
    if (each["depth"].get(depth) == simdjson::SUCCESS) module.depth = static_cast<int>(depth);
    start.modules.push_back(std::move(module));
  }
  return start;
}

Result<ColdStart> start_once(const Session& session, const std::string& name) {
  api::InvocationRequest input;
  input.function_name = name;
  input.payload = "{}";
  input.log_type = "Tail";
  const auto began = std::chrono::steady_clock::now();
  const auto answer = session.call<api::Invoke>(api::model(), input);
  const double whole = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - began).count();
  if (!answer.ok()) return answer.error();
  if (answer->function_error) {
    return Error("Probe", 500, "the function does not initialise: " + answer->payload.value_or(""));
  }
  Result<ColdStart> start = read_profile(answer->payload.value_or(""));
  if (!start.ok()) return start;
  const std::optional<ReportLine> report = read_report(base64_decode(answer->log_result.value_or("")).value_or(""));
  start->whole_ms = whole;
  if (report) start->handler_ms = report->duration_ms;
  if (report && report->init_ms) start->init_ms = *report->init_ms;
  return start;
}

Result<void> create_copy(const Session& session, const api::GetFunctionResponse& function, const std::string& name) {
  if (!function.configuration || !function.code) return Error("NoCode", 500, "the function has no package to copy");
  const api::FunctionConfiguration& of = *function.configuration;
  Result<std::string> package = download(session, function.code->location.value_or(""));
  if (!package.ok()) return std::move(package).error();
  api::CreateFunctionRequest input;
  input.function_name = name;
  input.runtime = of.runtime;
  input.handler = of.handler;
  input.role = of.role.value_or("");
  input.memory_size = of.memory_size;
  input.timeout = of.timeout;
  input.ephemeral_storage = of.ephemeral_storage;
  input.description = "A copy that cumulet advise measures";
  input.code.zip_file = std::move(*package);
  std::map<std::string, std::string> variables;
  if (of.environment && of.environment->variables) variables = *of.environment->variables;
  variables["CUMULET_PROFILE_IMPORTS"] = "1";
  input.environment.emplace().variables = std::move(variables);
  if (of.layers) {
    input.layers.emplace();
    for (const api::Layer& layer : *of.layers) input.layers->push_back(layer.arn.value_or(""));
  }
  const auto created = session.call<api::CreateFunction>(api::model(), input);
  return created.ok() ? Result<void>() : created.error();
}

/// The next call is a cold start.
Result<void> renew(const Session& session, const std::string& name, int round) {
  api::UpdateFunctionConfigurationRequest input;
  input.function_name = name;
  input.description = "start " + std::to_string(round);
  const auto updated = session.call<api::UpdateFunctionConfiguration>(api::model(), input);
  return updated.ok() ? Result<void>() : updated.error();
}

void delete_copy(const Session& session, const std::string& name) {
  api::DeleteFunctionRequest input;
  input.function_name = name;
  static_cast<void>(session.call<api::DeleteFunction>(api::model(), input));
  wire::logs::DeleteLogGroupRequest group;
  group.log_group_name = "/aws/lambda/" + name;
  static_cast<void>(session.call<wire::logs::DeleteLogGroup>(wire::logs::model(), group));
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

Result<ColdStart> probe_imports(const Session& session, const api::GetFunctionResponse& function) {
  const std::string suffix = "-advise-" + random_id(8);
  const std::string name =
      function.configuration->function_name.value_or("").substr(0, kNameAtMost - suffix.size()) + suffix;
  Result<void> made = create_copy(session, function, name);
  if (!made.ok()) return made.error();
  std::optional<ColdStart> best;
  std::optional<Error> failure;
  for (int round = 0; round < kStarts && !failure; ++round) {
    if (round > 0) {
      if (const Result<void> renewed = renew(session, name, round); !renewed.ok()) failure = renewed.error();
    }
    Result<ColdStart> start = start_once(session, name);
    if (!start.ok()) {
      failure = start.error();
    } else if (!best || start->whole_ms < best->whole_ms) {
      best = std::move(start).value();
    }
  }
  delete_copy(session, name);
  if (failure) return *failure;
  return *best;
}

}  // namespace cumulet::cli
