#include "cli/advice.h"

#include <algorithm>

#include <fmt/format.h>

namespace cumulet::cli {
namespace {

/// Of a cold start, and of a call: what is less is not worth a change, or chance.
constexpr double kWorthMs = 5;
constexpr double kWorthCallMs = 1;
constexpr double kWorthShare = 0.1;
constexpr std::size_t kEnoughCalls = 3;
constexpr std::size_t kPartsShown = 3;

bool worth(double gain, double of, double least) { return gain >= least && gain >= kWorthShare * of; }

double mebibytes(std::uint64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

std::string what_to_keep(const RepeatedWork& work) {
  if (work.kind == "client") return "Make the client of " + work.what + " once, at the top of the file";
  if (work.kind == "file") return "Read " + work.what + " once, at the top of the file";
  return "Call " + work.what +
         " once, at the top of the file, if what it gives may be kept: it gave the same each time";
}

}  // namespace

void advise_imports(const ColdStart& start, Advice& advice) {
  double inside = start.imports_ms;
  for (const ImportedModule& module : start.modules) {
    // What the handler's own module imports is what its author can move.
    if (module.depth != 1) continue;
    inside -= module.ms;
    if (!worth(module.ms, start.whole_ms, kWorthMs)) continue;
    advice.push_back(
        fmt::format("Import {} in the function that uses it, not at the top of the file: a cold start that does not "
                    "use it is {:.1f} ms ({:.0f} %) shorter.",
                    module.name, module.ms, 100 * module.ms / start.whole_ms));
  }
  if (worth(inside, start.whole_ms, kWorthMs)) {
    advice.push_back(
        fmt::format("The handler's module itself works for {:.1f} ms ({:.0f} %) when it is loaded: do at the first use "
                    "what not every call needs.",
                    inside, 100 * inside / start.whole_ms));
  }
}

void advise_package(const PackageWeight& weight, Advice& advice) {
  const double start = weight.start_ms - weight.lean_start_ms;
  const double deployment = weight.deploy_ms - weight.lean_deploy_ms;
  std::string gain;
  if (worth(start, weight.start_ms, kWorthMs)) {
    gain = fmt::format("starts in {:.1f} ms instead of {:.1f} ms", weight.lean_start_ms, weight.start_ms);
  }
  if (worth(deployment, weight.deploy_ms, kWorthMs)) {
    gain += fmt::format("{}is deployed in {:.0f} ms instead of {:.0f} ms", gain.empty() ? "" : " and ",
                        weight.lean_deploy_ms, weight.deploy_ms);
  }
  if (gain.empty()) return;
  std::string parts;
  for (std::size_t i = 0; i < std::min(kPartsShown, weight.unread.size()); ++i) {
    const UnreadPart& part = weight.unread[i];
    parts += fmt::format("{}{} ({} {}, {:.1f} MiB)", parts.empty() ? "" : ", ", part.name, part.files,
                         part.files == 1 ? "file" : "files", mebibytes(part.bytes));
  }
  advice.push_back(
      fmt::format("Take out of the package what no call needs: {} of its {} files, {:.1f} of {:.1f} MiB, were read. A "
                  "copy with only these {}. Not read: {}.",
                  weight.files_read, weight.files, mebibytes(weight.bytes_read), mebibytes(weight.bytes), gain, parts));
}

void advise_handler(const HandlerCalls& calls, Advice& advice) {
  for (const RepeatedWork& work : calls.repeated) {
    const double gain = calls.warm_ms - work.kept_ms;
    if (!worth(gain, calls.warm_ms, kWorthCallMs)) continue;
    advice.push_back(
        fmt::format("{}. With that kept, a call takes {:.1f} ms instead of {:.1f} ms ({:.1f} ms, {:.0f} % less).",
                    what_to_keep(work), work.kept_ms, calls.warm_ms, gain, 100 * gain / calls.warm_ms));
  }
}

void advise_first_calls(const History& history, Advice& advice) {
  if (history.handler_ms.size() < kEnoughCalls || history.warm_ms.size() < kEnoughCalls) return;
  const double first = median(history.handler_ms);
  const double gain = first - median(history.warm_ms);
  if (!worth(gain, first + median(history.init_ms), kWorthMs)) return;
  advice.push_back(
      fmt::format("The first call in an environment works {:.1f} ms longer than later ones (medians of {} and {} "
                  "calls). If each call needs that, do it at the top of the file: then SnapStart and provisioned "
                  "concurrency take these {:.1f} ms from the first call.",
                  gain, history.handler_ms.size(), history.warm_ms.size(), gain));
}

void advise_recursion(const Recursion& recursion, Advice& advice) {
  if (recursion.repeated < 1 && recursion.stopped < 1) return;
  std::string line = fmt::format(
      "Break the loop: {:.0f} of {:.0f} invocations were by events that the function itself had caused, "
      "and took {:.1f} of {:.1f} ms",
      recursion.repeated, recursion.invocations, recursion.repeated_ms, recursion.duration_ms);
  if (recursion.stopped >= 1) line += fmt::format("; {:.0f} more were stopped as a loop", recursion.stopped);
  advice.push_back(line + ". Let what it writes not be what calls it.");
}

void advise_memory(const History& history, std::int32_t memory_size, Advice& advice) {
  const double size = memory_size;
  if (history.most_used_mb <= 0) return;
  if (history.most_used_mb > 0.9 * size) {
    advice.push_back(
        fmt::format("Raise the memory size of {:.0f} MB: {:.0f} MB were used, and at the limit the function is killed.",
                    size, history.most_used_mb));
    return;
  }
  // A half more than was ever used, and not below the least that Lambda gives.
  const double enough =
      std::max(128.0, 64 * static_cast<double>(static_cast<int>(history.most_used_mb * 1.5 / 64) + 1));
  if (enough * 2 > size) return;
  advice.push_back(
      fmt::format("A memory size of {:.0f} MB would do: at most {:.0f} of {:.0f} MB were used; each environment then "
                  "reserves {:.0f} MB less (and, above 1769 MB, has less processor).",
                  enough, history.most_used_mb, size, size - enough));
}

}  // namespace cumulet::cli
