#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <set>

#include "base/clock.h"
#include "base/digest.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/deploy.h"
#include "cli/file_watcher.h"
#include "cli/log_tail.h"
#include "cli/syntax.h"
#include "cli/upload.h"
#include "wire/generated/lambda.h"

namespace cumulet::cli {
namespace {

namespace fs = std::filesystem;
namespace api = wire::lambda;

constexpr const char* kUsage = R"(Usage: cumulet dev [TEMPLATE] [options]

Deploys as 'cumulet deploy' does, and stays: a saved file updates the functions that have
it in their code, so that the next call runs it; a saved template is deployed. Prints the
functions' logs. What goes wrong is shown and does not end it; Ctrl-C does.

Takes the options of 'cumulet deploy'.
)";

constexpr std::chrono::milliseconds kPoll{300};
constexpr std::size_t kInRequestAtMost = 32u << 20;

void say(const std::string& text) {
  std::printf("%s\n", text.c_str());
  std::fflush(stdout);
}

/// Whether `path` is `folder` or lies below it.
bool within(const fs::path& path, const fs::path& folder) {
  const fs::path relative = path.lexically_normal().lexically_relative(folder.lexically_normal());
  return !relative.empty() && *relative.begin() != "..";
}

/// A stack under development: what was deployed, what is watched, how far the logs were read.
class Development {
 public:
  Development(const Arguments& arguments, const Session& session, FileWatcher watcher)
      : arguments_(arguments), session_(session), watcher_(std::move(watcher)) {}

  Result<void> deploy() {
    Result<Deployment> deployed = deploy_stack(arguments_, session_);
    if (!deployed.ok()) return std::move(deployed).error();
    deployment_ = std::move(deployed).value();
    // The folder, because editors put a new file in the old one's place.
    Result<void> watched = watcher_.add(folder_of(deployment_.file), false);
    for (const LocalFunction& function : deployment_.functions) {
      if (!watched.ok()) return watched;
      const bool folder = fs::is_directory(function.code);
      watched = watcher_.add(folder ? function.code : folder_of(function.code), folder);
      tails_.try_emplace(function.name, function.name, SystemClock().now_millis(), std::nullopt);
    }
    if (!watched.ok()) return watched;
    known_.clear();
    // A stack whose template names the same package as before is not touched by a deployment; its function may differ.
    for (const LocalFunction& function : deployment_.functions) show_failure(function, update(function));
    return {};
  }

  [[noreturn]] void run() {
    say("Watching " + std::to_string(deployment_.functions.size()) +
        (deployment_.functions.size() == 1 ? " function" : " functions") + "; Ctrl-C ends it.");
    while (true) {
      take(watcher_.wait(kPoll));
      show_logs();
    }
  }

 private:
  static fs::path folder_of(const fs::path& file) {
    return file.has_parent_path() ? file.parent_path() : fs::path(".");
  }

  void take(const std::set<fs::path>& changed) {
    if (changed.empty()) return;
    for (const fs::path& file : changed) {
      if (const std::optional<std::string> problem = syntax_problem(file)) say(*problem);
    }
    const bool new_template =
        std::any_of(changed.begin(), changed.end(), [&](const fs::path& path) { return same(path, deployment_.file); });
    if (new_template) {
      const Result<void> deployed = deploy();
      if (!deployed.ok()) say("  not deployed: " + deployed.error().message());
      return;
    }
    for (const LocalFunction& function : deployment_.functions) {
      const bool concerned = std::any_of(changed.begin(), changed.end(),
                                         [&](const fs::path& path) { return within(path, function.code); });
      if (concerned) show_failure(function, update(function));
    }
  }

  static bool same(const fs::path& one, const fs::path& other) {
    return one.lexically_normal() == (folder_of(other) / other.filename()).lexically_normal();
  }

  static void show_failure(const LocalFunction& function, const Result<void>& result) {
    if (!result.ok()) say("  " + function.logical_id + " was not updated: " + result.error().message());
  }

  Result<void> update(const LocalFunction& function) {
    const SteadyTime began = std::chrono::steady_clock::now();
    Result<std::string> package = packed(function.code);
    if (!package.ok()) return std::move(package).error();
    const std::string sha = base64_encode(sha256(*package));
    std::string& known = known_[function.name];
    if (known.empty()) {
      api::GetFunctionConfigurationRequest question;
      question.function_name = function.name;
      const auto found = session_.call<api::GetFunctionConfiguration>(api::model(), question);
      if (!found.ok()) return found.error();
      known = found->code_sha256.value_or("");
    }
    if (known == sha) return {};
    api::UpdateFunctionCodeRequest input;
    input.function_name = function.name;
    if (package->size() <= kInRequestAtMost) {
      input.zip_file = std::move(*package);
    } else {
      input.s3_key = hex_encode(sha256(*package)).substr(0, 40) + ".zip";
      Result<std::string> bucket = Uploader(session_).upload(*input.s3_key, std::move(*package));
      if (!bucket.ok()) return std::move(bucket).error();
      input.s3_bucket = std::move(*bucket);
    }
    const auto updated = session_.call<api::UpdateFunctionCode>(api::model(), input);
    if (!updated.ok()) return updated.error();
    known = sha;
    const auto took =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began).count();
    say("  updated " + function.logical_id + " in " + std::to_string(took) + " ms");
    return {};
  }

  void show_logs() {
    for (const LocalFunction& function : deployment_.functions) {
      const auto tail = tails_.find(function.name);
      if (tail == tails_.end()) continue;
      const Result<void> polled = tail->second.poll(session_, [&](const wire::logs::FilteredLogEvent& event) {
        const Timestamp time{std::chrono::milliseconds(event.timestamp.value_or(0))};
        say(iso8601(time, true).substr(11, 12) + " " + function.logical_id + "  " + text_of(event));
      });
      // A function that has not run yet has no log; a server that is away will be back.
      const std::string problem =
          polled.ok() || polled.error().code() == "ResourceNotFoundException" ? "" : polled.error().message();
      if (!problem.empty() && problem != last_problem_) say("  no logs: " + problem);
      last_problem_ = problem;
    }
  }

  const Arguments& arguments_;
  const Session& session_;
  FileWatcher watcher_;
  Deployment deployment_;
  std::map<std::string, std::string> known_;  ///< Function → digest of its package in the cloud.
  std::map<std::string, LogTail> tails_;
  std::string last_problem_;
};

}  // namespace

int dev(const std::vector<std::string>& words) {
  const Result<Arguments> arguments = Arguments::parse(words, deploy_options(), {});
  if (!arguments.ok()) return report("dev", arguments.error());
  if (arguments->has("help")) {
    std::fputs(kUsage, stdout);
    return 0;
  }
  const Result<Session> session = Session::open(*arguments);
  if (!session.ok()) return report("dev", session.error());
  Result<FileWatcher> watcher = FileWatcher::open();
  if (!watcher.ok()) return report("dev", watcher.error());
  Development development(*arguments, *session, std::move(watcher).value());
  const Result<void> deployed = development.deploy();
  if (!deployed.ok()) return report("dev", deployed.error());
  development.run();
}

}  // namespace cumulet::cli
