#include "cli/probe.h"

#include <algorithm>
#include <optional>

#include <simdjson.h>

#include "base/text.h"

namespace cumulet::cli {
namespace {

using Element = simdjson::dom::element;

constexpr int kStarts = 4;
constexpr int kWarmCalls = 5;
constexpr int kWatchedCalls = 3;

Error not_understood(const std::string& json) {
  return Error("Probe", 500, "the copy of the function answered " + json.substr(0, 500));
}

std::string text_in(Element object, const char* key) {
  std::string_view text;
  return object[key].get(text) == simdjson::SUCCESS ? std::string(text) : std::string();
}

double number_in(Element object, const char* key) {
  double number = 0;
  return object[key].get(number) == simdjson::SUCCESS ? number : 0;
}

std::vector<ImportedModule> modules_in(Element object) {
  std::vector<ImportedModule> modules;
  simdjson::dom::array array;
  if (object["modules"].get(array) != simdjson::SUCCESS) return modules;
  for (const Element each : array) {
    ImportedModule module;
    module.name = text_in(each, "name");
    module.by = text_in(each, "by");
    module.ms = number_in(each, "ms");
    module.depth = static_cast<int>(number_in(each, "depth"));
    modules.push_back(std::move(module));
  }
  return modules;
}

std::vector<std::string> files_in(Element object) {
  std::vector<std::string> files;
  simdjson::dom::array array;
  if (object["files"].get(array) != simdjson::SUCCESS) return files;
  for (const Element each : array) {
    std::string_view name;
    if (each.get(name) == simdjson::SUCCESS) files.emplace_back(name);
  }
  return files;
}

Result<ColdStart> start_once(const Trial& trial) {
  const Result<TrialCall> call = trial.call("{}");
  if (!call.ok()) return call.error();
  simdjson::dom::parser parser;
  Element root;
  ColdStart start;
  if (parser.parse(call->answer).get(root) != simdjson::SUCCESS ||
      root["total_ms"].get(start.imports_ms) != simdjson::SUCCESS) {
    return not_understood(call->answer);
  }
  start.modules = modules_in(root);
  start.files = files_in(root);
  start.whole_ms = call->whole_ms;
  if (call->report) start.handler_ms = call->report->duration_ms;
  if (call->report && call->report->init_ms) start.init_ms = *call->report->init_ms;
  return start;
}

/// Calls of the handler in the copy, by what the profile in it is told to do.
class HandlerProbe {
 public:
  HandlerProbe(const Trial& trial, const std::string& event) : trial_(trial), event_(event) {}

  /// How long the handler took. `more` are further members of the event, beginning with a comma.
  Result<double> call(const std::string& step, const std::string& more = {}) {
    ++calls_;
    const Result<TrialCall> call = trial_.call("{\"step\":\"" + step + "\"" + more + ",\"event\":" + event_ + "}");
    if (!call.ok()) return call.error();
    double ms = 0;
    if (parser_.parse(call->answer).get(root_) != simdjson::SUCCESS || root_["ms"].get(ms) != simdjson::SUCCESS) {
      return not_understood(call->answer);
    }
    const std::string failed = text_in(root_, "failed");
    if (!failed.empty()) return Error("Probe", 500, "the handler fails with this payload: " + failed);
    return ms;
  }
  Result<double> fastest(int calls, const std::string& step, const std::string& more = {}) {
    std::optional<double> best;
    for (int i = 0; i < calls; ++i) {
      const Result<double> ms = call(step, more);
      if (!ms.ok()) return ms.error();
      best = best ? std::min(*best, *ms) : *ms;
    }
    return *best;
  }
  Element answer() const { return root_; }  ///< Of the last call.
  int calls() const { return calls_; }

 private:
  const Trial& trial_;
  const std::string& event_;
  simdjson::dom::parser parser_;
  Element root_;
  int calls_ = 0;
};

std::vector<RepeatedWork> finds_in(Element object) {
  std::vector<RepeatedWork> finds;
  simdjson::dom::array array;
  if (object["finds"].get(array) != simdjson::SUCCESS) return finds;
  for (const Element each : array) {
    RepeatedWork work;
    work.kind = text_in(each, "kind");
    work.what = text_in(each, "what");
    finds.push_back(std::move(work));
  }
  return finds;
}

}  // namespace

Result<ColdStart> probe_start(Trial& trial) {
  std::optional<ColdStart> best;
  for (int round = 0; round < kStarts; ++round) {
    if (round > 0) {
      if (const Result<void> renewed = trial.renew(); !renewed.ok()) return renewed.error();
    }
    Result<ColdStart> start = start_once(trial);
    if (!start.ok()) return start;
    if (!best || start->whole_ms < best->whole_ms) best = std::move(start).value();
  }
  return *best;
}

Result<HandlerCalls> probe_handler(const Trial& trial, const std::string& event) {
  HandlerProbe probe(trial, event);
  HandlerCalls result;
  const Result<double> first = probe.call("first");
  if (!first.ok()) return first.error();
  result.first_ms = *first;
  result.imports = modules_in(probe.answer());
  const Result<double> warm = probe.fastest(kWarmCalls, "plain");
  if (!warm.ok()) return warm.error();
  result.warm_ms = *warm;
  if (const Result<double> watched = probe.fastest(kWatchedCalls, "trace"); !watched.ok()) return watched.error();
  for (RepeatedWork& work : finds_in(probe.answer())) {
    const std::string which =
        ",\"kind\":\"" + json_escape(work.kind) + "\",\"what\":\"" + json_escape(work.what) + "\"";
    // The first of these calls still does the work. A handler that cannot do with what was kept: no find.
    if (!probe.call("keep", which).ok()) continue;
    const Result<double> kept = probe.fastest(kWarmCalls, "keep", which);
    if (!kept.ok()) continue;
    work.kept_ms = *kept;
    result.repeated.push_back(std::move(work));
  }
  result.calls = probe.calls();
  return result;
}

Result<double> call_handler(const Trial& trial, const std::string& event) {
  HandlerProbe probe(trial, event);
  return probe.call("plain");
}

Result<std::vector<std::string>> files_read(const Trial& trial) {
  const Result<TrialCall> call = trial.call(R"({"step":"files"})");
  if (!call.ok()) return call.error();
  simdjson::dom::parser parser;
  Element root;
  if (parser.parse(call->answer).get(root) != simdjson::SUCCESS) return not_understood(call->answer);
  return files_in(root);
}

}  // namespace cumulet::cli
