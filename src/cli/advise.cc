#include <algorithm>
#include <cstdio>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/log_tail.h"
#include "cli/probe.h"

namespace cumulet::cli {
namespace {

namespace api = wire::lambda;

constexpr const char* kUsage = R"(Usage: cumulet advise FUNCTION [options]

Says where the cold starts of a function spend their time, and what would make them
shorter, with what was measured for each advice. Reads the REPORT lines of the last seven
days. For Python and Node.js it also starts a copy of the function a few times and takes
the time of each import (for Node.js, of what is required); the copy's handler is not
called, and the copy is deleted.

  --endpoint URL, --region REGION, --data-dir DIR   as for 'cumulet env'
)";

constexpr std::int64_t kSinceMillis = 7 * 24 * 3'600'000LL;
constexpr std::size_t kModulesShown = 12;
constexpr double kWorthMs = 5;
constexpr double kWorthShare = 0.1;

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[values.size() / 2];
}

double largest(const std::vector<double>& values) {
  return values.empty() ? 0 : *std::max_element(values.begin(), values.end());
}

/// What the log says of past invocations.
struct History {
  std::vector<double> init_ms;     ///< Of cold starts.
  std::vector<double> handler_ms;  ///< Of cold starts.
  double most_used_mb = 0;         ///< Of all.
  std::size_t invocations = 0;
};

Result<History> read_history(const Session& session, const api::FunctionConfiguration& function) {
  std::string group = function.function_name.value_or("");
  if (function.logging_config && function.logging_config->log_group) group = *function.logging_config->log_group;
  LogTail tail(group, SystemClock().now_millis() - kSinceMillis, std::string("\"REPORT RequestId\""));
  History history;
  const Result<void> read = tail.poll(session, [&history](const wire::logs::FilteredLogEvent& event) {
    const std::optional<ReportLine> report = read_report(text_of(event));
    if (!report) return;
    ++history.invocations;
    history.most_used_mb = std::max(history.most_used_mb, report->most_used_mb);
    if (!report->init_ms) return;
    history.init_ms.push_back(*report->init_ms);
    history.handler_ms.push_back(report->duration_ms);
  });
  if (!read.ok() && read.error().code() != "ResourceNotFoundException") return read.error();
  return history;
}

void show(const History& history) {
  std::printf("Cold starts in the log of the last seven days: %zu of %zu invocations\n", history.init_ms.size(),
              history.invocations);
  if (history.init_ms.empty()) return;
  std::printf("  initialisation  median %8.1f ms   longest %8.1f ms\n", median(history.init_ms),
              largest(history.init_ms));
  std::printf("  handler         median %8.1f ms   longest %8.1f ms\n", median(history.handler_ms),
              largest(history.handler_ms));
}

void show(const ColdStart& start) {
  const double sandbox = std::max(0.0, start.whole_ms - start.init_ms - start.handler_ms);
  std::printf("A cold start of a copy, measured now: %.1f ms\n", start.whole_ms);
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

/// Prints what would help; false when nothing would that was measured.
bool advise_imports(const ColdStart& start) {
  bool any = false;
  for (const ImportedModule& module : start.modules) {
    // What the handler's own module imports is what its author can move.
    if (module.depth != 1 || module.ms < kWorthMs || module.ms < kWorthShare * start.whole_ms) continue;
    std::printf(
        "  Import %s in the function that uses it, not at the top of the file: a cold start that does not use it "
        "is %.1f ms (%.0f %%) shorter.\n",
        module.name.c_str(), module.ms, 100 * module.ms / start.whole_ms);
    any = true;
  }
  double inside = start.imports_ms;
  for (const ImportedModule& module : start.modules) {
    if (module.depth == 1) inside -= module.ms;
  }
  if (inside >= kWorthMs && inside >= kWorthShare * start.whole_ms) {
    std::printf(
        "  The handler's module itself works for %.1f ms (%.0f %%) when it is loaded: do at the first use what not "
        "every call needs.\n",
        inside, 100 * inside / start.whole_ms);
    any = true;
  }
  return any;
}

bool advise_memory(const History& history, const api::FunctionConfiguration& function) {
  const double size = function.memory_size.value_or(128);
  if (history.invocations == 0 || history.most_used_mb <= 0) return false;
  if (history.most_used_mb > 0.9 * size) {
    std::printf("  Raise the memory size of %.0f MB: %.0f MB were used, and at the limit the function is killed.\n",
                size, history.most_used_mb);
    return true;
  }
  // A half more than was ever used, and not below the least that Lambda gives.
  const double enough =
      std::max(128.0, 64 * static_cast<double>(static_cast<int>(history.most_used_mb * 1.5 / 64) + 1));
  if (enough * 2 > size) return false;
  std::printf(
      "  A memory size of %.0f MB would do: at most %.0f of %.0f MB were used; each environment then reserves %.0f "
      "MB less (and, above 1769 MB, has less processor).\n",
      enough, history.most_used_mb, size, size - enough);
  return true;
}

Result<void> advise_function(const Session& session, const std::string& name) {
  api::GetFunctionRequest question;
  question.function_name = name;
  const auto function = session.call<api::GetFunction>(api::model(), question);
  if (!function.ok()) return function.error();
  const api::FunctionConfiguration& configuration = *function->configuration;
  const std::string runtime = configuration.runtime.value_or("");
  std::printf("%s: %s, %d MB, package of %lld KiB\n\n", configuration.function_name.value_or(name).c_str(),
              runtime.c_str(), configuration.memory_size.value_or(128),
              static_cast<long long>((configuration.code_size.value_or(0) + 1023) / 1024));
  const Result<History> history = read_history(session, configuration);
  if (!history.ok()) return history.error();
  show(*history);
  std::optional<ColdStart> start;
  if (runtime.starts_with("python") || runtime.starts_with("nodejs")) {
    Result<ColdStart> probed = probe_imports(session, *function);
    if (!probed.ok()) return probed.error();
    start = std::move(probed).value();
    std::printf("\n");
    show(*start);
  }
  std::printf("\nAdvice\n");
  const bool imports = start && advise_imports(*start);
  const bool memory = advise_memory(*history, configuration);
  if (!imports && !memory) std::printf("  Nothing that was measured would make a difference.\n");
  return {};
}

}  // namespace

int advise(const std::vector<std::string>& words) {
  const Result<Arguments> arguments = Arguments::parse(words, Session::options(), {});
  if (!arguments.ok()) return report("advise", arguments.error());
  if (arguments->has("help")) {
    std::fputs(kUsage, stdout);
    return 0;
  }
  if (arguments->positional().size() != 1) return report("advise", usage_error("name one function"));
  const Result<Session> session = Session::open(*arguments);
  if (!session.ok()) return report("advise", session.error());
  const Result<void> done = advise_function(*session, arguments->positional().front());
  return done.ok() ? 0 : report("advise", done.error());
}

}  // namespace cumulet::cli
