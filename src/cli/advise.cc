#include <algorithm>
#include <cstdio>

#include <simdjson.h>

#include "cli/advice.h"
#include "cli/command.h"
#include "cli/payload.h"

namespace cumulet::cli {
namespace {

namespace api = wire::lambda;

constexpr const char* kUsage = R"(Usage: cumulet advise FUNCTION [options]

Says where the cold starts of a function spend their time, and what would make them
shorter, with what was measured for each advice. Reads the REPORT lines and metrics of
the last seven days. For Python and Node.js it also starts copies of the function, takes
the time of each import (for Node.js, of what is required), and compares with a copy that
has only those files of the package that were read. The copies are deleted.

Only with --payload is the handler called, in a copy with the function's role and
variables, up to 33 times: what it does then is done. Shows what it does anew in each
call and could keep, and what that would gain.

  --payload JSON    an event for the handler; '@FILE' reads a file, '-' stdin
  --endpoint URL, --region REGION, --data-dir DIR   as for 'cumulet env'
)";

constexpr std::size_t kModulesShown = 12;

double largest(const std::vector<double>& values) {
  return values.empty() ? 0 : *std::max_element(values.begin(), values.end());
}

void show(const char* what, const std::vector<double>& values) {
  if (values.empty()) return;
  std::printf("  %-22s median %8.1f ms   longest %8.1f ms\n", what, median(values), largest(values));
}

void show(const History& history) {
  std::printf("Cold starts in the log of the last seven days: %zu of %zu invocations\n", history.init_ms.size(),
              history.invocations());
  show("initialisation", history.init_ms);
  show("handler, first call", history.handler_ms);
  show("handler, later calls", history.warm_ms);
}

void show(const ColdStart& start) {
  const double sandbox = std::max(0.0, start.whole_ms - start.init_ms - start.handler_ms);
  std::printf("\nA cold start of a copy, measured now: %.1f ms\n", start.whole_ms);
  std::printf("  sandbox, network and request %8.1f ms\n", sandbox);
  std::printf("  runtime                      %8.1f ms\n", std::max(0.0, start.init_ms - start.imports_ms));
  std::printf("  imports and module code      %8.1f ms\n", start.imports_ms);
  std::size_t shown = 0;
  for (const ImportedModule& module : start.modules) {
    if (module.depth == 0) continue;
    if (shown++ == kModulesShown) break;
    std::printf("  %8.1f ms  %-32s for %s\n", module.ms, module.name.c_str(), module.by.c_str());
  }
}

void show(const HandlerCalls& calls) {
  std::printf("\nThe handler of the copy, called %d times with this payload\n", calls.calls);
  std::printf("  first call                   %8.1f ms\n", calls.first_ms);
  std::printf("  fastest of the next          %8.1f ms\n", calls.warm_ms);
  for (const ImportedModule& module : calls.imports) {
    std::printf("  %8.1f ms  %-32s in the first call\n", module.ms, module.name.c_str());
  }
}

Result<std::optional<std::string>> payload_of(const Arguments& arguments) {
  std::optional<std::string> event;
  if (!arguments.has("payload")) return event;
  Result<std::string> given = read_payload(arguments);
  if (!given.ok()) return std::move(given).error();
  simdjson::dom::parser parser;
  if (parser.parse(*given).error() != simdjson::SUCCESS) return usage_error("the payload is not JSON");
  event = std::move(*given);
  return event;
}

/// Starts copies of the function, and measures.
Result<void> measure(const Session& session, const api::GetFunctionResponse& function,
                     const std::optional<std::string>& event, Advice& advice) {
  const Result<std::string> package = download_package(session, function);
  if (!package.ok()) return package.error();
  Result<Trial> trial = Trial::make(session, function, *package);
  if (!trial.ok()) return trial.error();
  const Result<ColdStart> start = probe_start(*trial);
  if (!start.ok()) return start.error();
  show(*start);
  advise_imports(*start, advice);
  std::vector<std::string> read = start->files;
  if (event) {
    const Result<HandlerCalls> calls = probe_handler(*trial, *event);
    if (!calls.ok()) return calls.error();
    show(*calls);
    advise_handler(*calls, advice);
    Result<std::vector<std::string>> also = files_read(*trial);
    if (!also.ok()) return also.error();
    read.insert(read.end(), also->begin(), also->end());
  }
  const Result<std::optional<PackageWeight>> weight = probe_package(session, function, *package, read, event);
  if (!weight.ok()) return weight.error();
  if (*weight) advise_package(**weight, advice);
  return {};
}

Result<void> advise_function(const Session& session, const std::string& name, const std::optional<std::string>& event) {
  api::GetFunctionRequest question;
  question.function_name = name;
  const auto function = session.call<api::GetFunction>(api::model(), question);
  if (!function.ok()) return function.error();
  const api::FunctionConfiguration& configuration = *function->configuration;
  const std::string runtime = configuration.runtime.value_or("");
  const bool measurable = runtime.starts_with("python") || runtime.starts_with("nodejs");
  if (event && !measurable) return usage_error("--payload is for functions in Python and Node.js");
  std::printf("%s: %s, %d MB, package of %lld KiB\n\n", configuration.function_name.value_or(name).c_str(),
              runtime.c_str(), configuration.memory_size.value_or(128),
              static_cast<long long>((configuration.code_size.value_or(0) + 1023) / 1024));
  const Result<History> history = read_history(session, configuration);
  if (!history.ok()) return history.error();
  show(*history);
  Advice advice;
  if (measurable) {
    const Result<void> measured = measure(session, *function, event, advice);
    if (!measured.ok()) return measured.error();
  }
  const Result<Recursion> recursion = read_recursion(session, configuration.function_name.value_or(name));
  if (!recursion.ok()) return recursion.error();
  advise_first_calls(*history, advice);
  advise_recursion(*recursion, advice);
  advise_memory(*history, configuration.memory_size.value_or(128), advice);
  if (advice.empty()) advice.push_back("Nothing that was measured would make a difference.");
  std::printf("\nAdvice\n");
  for (const std::string& line : advice) std::printf("  %s\n", line.c_str());
  return {};
}

}  // namespace

int advise(const std::vector<std::string>& words) {
  std::vector<std::string> valued = Session::options();
  valued.push_back("payload");
  const Result<Arguments> arguments = Arguments::parse(words, valued, {});
  if (!arguments.ok()) return report("advise", arguments.error());
  if (arguments->has("help")) {
    std::fputs(kUsage, stdout);
    return 0;
  }
  if (arguments->positional().size() != 1) return report("advise", usage_error("name one function"));
  const Result<std::optional<std::string>> event = payload_of(*arguments);
  if (!event.ok()) return report("advise", event.error());
  const Result<Session> session = Session::open(*arguments);
  if (!session.ok()) return report("advise", session.error());
  const Result<void> done = advise_function(*session, arguments->positional().front(), *event);
  return done.ok() ? 0 : report("advise", done.error());
}

}  // namespace cumulet::cli
