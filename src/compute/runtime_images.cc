#include "compute/runtime_images.h"

#include <algorithm>
#include <fstream>

#include <fcntl.h>
#include <simdjson.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "images/tree.h"

namespace cumulet::compute {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRecord = "runtimes.json";
constexpr seconds kFirstRetry{2};
constexpr seconds kAtMostEvery{1};
constexpr seconds kLongestRetry{300};

#if defined(__aarch64__)
constexpr const char* kArchitecture = "arm64";
#else
constexpr const char* kArchitecture = "x86_64";
#endif

struct Recorded {
  std::string uri;
  std::string digest;
  std::string problem;
};

std::string member_text(simdjson::dom::element object, const char* key) {
  std::string_view text;
  return object[key].get(text) == simdjson::SUCCESS ? std::string(text) : std::string();
}

std::map<std::string, Recorded> read_record(const fs::path& folder) {
  std::map<std::string, Recorded> all;
  simdjson::dom::parser parser;
  simdjson::dom::object root;
  if (parser.load((folder / kRecord).string()).get(root) != simdjson::SUCCESS) return all;
  for (const auto field : root) {
    Recorded one;
    one.uri = member_text(field.value, "uri");
    one.digest = member_text(field.value, "digest");
    one.problem = member_text(field.value, "problem");
    all.emplace(field.key, std::move(one));
  }
  return all;
}

/// Where the package, the runtime's client and the layers are shown; images of functions need not have these. The image
/// is not trusted: nothing is made through a link.
Result<void> make_places(const fs::path& root) {
  const images::File top(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  for (const char* name : {"var", "var/task", "var/runtime", "opt"}) {
    struct stat about {};
    if (::fstatat(top.get(), name, &about, AT_SYMLINK_NOFOLLOW) != 0) {
      if (::mkdirat(top.get(), name, 0755) == 0) continue;
      return Error("Sandbox.Failure", 500, std::string("/") + name + " could not be made in it");
    }
    if (!S_ISDIR(about.st_mode)) return Error("Sandbox.Failure", 500, std::string("its /") + name + " is no directory");
  }
  return {};
}

std::shared_ptr<RuntimeImage> image_of(const std::string& uri, const fs::path& root, const images::ImageConfig& config,
                                       std::shared_ptr<const void> hold) {
  auto image = std::make_shared<RuntimeImage>();
  image->uri = uri;
  image->root = root;
  image->environment = config.environment;
  image->hold = std::move(hold);
  return image;
}

}  // namespace

RuntimeImages::RuntimeImages(images::ImageStore& store, fs::path folder) : store_(store), folder_(std::move(folder)) {}

void RuntimeImages::want(std::vector<std::string> names) {
  const std::map<std::string, Recorded> recorded = read_record(folder_);
  const std::lock_guard lock(mutex_);
  for (std::string& name : names) {
    Wanted& wanted = wanted_[name];
    const auto known = recorded.find(name);
    if (known == recorded.end() || known->second.digest.empty()) continue;
    wanted.uri = known->second.uri;
    wanted.digest = known->second.digest;
    const images::HeldImage held = store_.find(wanted.digest);
    if (!held || !make_places(held->path).ok()) continue;
    wanted.image = image_of(wanted.uri, held->path, held->config, held);
  }
}

void RuntimeImages::start(Loop& loop) {
  std::vector<std::string> names;
  {
    const std::lock_guard lock(mutex_);
    loop_ = &loop;
    for (const auto& [name, wanted] : wanted_) names.push_back(name);
  }
  for (const std::string& name : names) begin(name);
}

void RuntimeImages::begin(const std::string& name) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = wanted_.find(name);
    if (closed_ || loop_ == nullptr || found == wanted_.end() || found->second.under_way || found->second.settled)
      return;
    found->second.under_way = true;
  }
  loop_->post([self = shared_from_this(), name] { cumulet::start(fetch(self, name), [](const Result<void>&) {}); });
}

void RuntimeImages::hurry(const std::string& name) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = wanted_.find(name);
    if (found == wanted_.end() || std::chrono::steady_clock::now() < found->second.ended + kAtMostEvery) return;
  }
  begin(name);
}

/// Unless it has been tried again meanwhile.
void RuntimeImages::try_again(const std::string& name, int failures) {
  {
    const std::lock_guard lock(mutex_);
    if (wanted_[name].failures != failures) return;
  }
  begin(name);
}

Task<void> RuntimeImages::fetch(std::shared_ptr<RuntimeImages> self, std::string name) {
  const Result<std::pair<images::HeldImage, std::string>> result = co_await attempt(self->fetch_once(name));
  self->ended(name, result);
}

Task<std::pair<images::HeldImage, std::string>> RuntimeImages::fetch_once(std::string name) {
  const std::optional<images::Reference> reference = images::parse_reference(name);
  if (!reference) co_await fail(images::kInvalidImage, "it is no name of an image");
  const images::Asker nobody;
  images::ResolvedImage image = co_await store_.resolve(nobody, *reference, kArchitecture);
  std::string uri = image.uri;
  images::HeldImage held = co_await store_.fetch(nobody, std::move(image));
  co_await make_places(held->path);
  co_return std::pair<images::HeldImage, std::string>(std::move(held), std::move(uri));
}

void RuntimeImages::ended(const std::string& name, const Result<std::pair<images::HeldImage, std::string>>& result) {
  milliseconds pause{0};
  int failures = 0;
  {
    const std::lock_guard lock(mutex_);
    Wanted& wanted = wanted_[name];
    wanted.under_way = false;
    wanted.ended = std::chrono::steady_clock::now();
    if (result.ok()) {
      const auto& [held, uri] = *result;
      wanted.uri = uri;
      wanted.digest = held->digest;
      wanted.problem.clear();
      wanted.settled = true;
      wanted.image = image_of(uri, held->path, held->config, held);
    } else {
      wanted.problem = result.error().message();
      pause = std::min<milliseconds>(kLongestRetry, kFirstRetry * (1 << std::min(wanted.failures, 8)));
      failures = ++wanted.failures;
    }
    write_record();
  }
  if (result.ok()) return log::info("runtime image", {{"name", name}, {"is", result->second}});
  log::warning("a runtime's image could not be fetched", {{"name", name}, {"why", result.error().message()}});
  const auto again = [self = shared_from_this(), name, failures] { self->try_again(name, failures); };
  Loop::current()->at(std::chrono::steady_clock::now() + pause, again);
}

FoundRuntimeImage RuntimeImages::find(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  FoundRuntimeImage found;
  const auto wanted = wanted_.find(name);
  if (wanted == wanted_.end()) return found;
  found.image = wanted->second.image;
  found.problem = wanted->second.problem;
  return found;
}

bool RuntimeImages::names(const std::string& digest) const {
  const std::lock_guard lock(mutex_);
  return std::any_of(wanted_.begin(), wanted_.end(), [&](const auto& one) { return one.second.digest == digest; });
}

void RuntimeImages::write_record() const {
  std::string text = "{";
  for (const auto& [name, wanted] : wanted_) {
    text += (text.size() > 1 ? ",\n\"" : "\n\"") + json_escape(name) + "\": {\"uri\": \"" + json_escape(wanted.uri) +
            "\", \"digest\": \"" + json_escape(wanted.digest) + "\", \"problem\": \"" + json_escape(wanted.problem) +
            "\"}";
  }
  text += "\n}\n";
  const fs::path draft = folder_ / (std::string(kRecord) + ".draft");
  {
    std::ofstream out(draft, std::ios::binary | std::ios::trunc);
    out << text;
    if (!out.flush()) return;
  }
  std::error_code problem;
  fs::rename(draft, folder_ / kRecord, problem);
  if (problem) log::warning("which images runtimes have could not be kept", {{"why", problem.message()}});
}

FindRuntimeImage recorded_runtime_images(const fs::path& folder) {
  return [folder](const std::string& name) {
    FoundRuntimeImage found;
    found.problem = "'cumulet serve' fetches it when it starts";
    const std::map<std::string, Recorded> recorded = read_record(folder);
    const auto known = recorded.find(name);
    if (known == recorded.end()) return found;
    if (!known->second.problem.empty()) found.problem = known->second.problem;
    if (known->second.digest.empty()) return found;
    const fs::path root = folder / "trees" / known->second.digest.substr(known->second.digest.find(':') + 1) / "root";
    std::error_code unknown;
    if (fs::is_directory(root, unknown))
      found.image = image_of(known->second.uri, root, images::ImageConfig(), nullptr);
    return found;
  };
}

bool has_program(const RuntimeImage& image, const std::string& path) {
  const images::File root(::open(image.root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) return false;
  const images::File file = images::open_inside(root.get(), path, O_PATH);
  struct stat about {};
  return file && ::fstat(file.get(), &about) == 0 && S_ISREG(about.st_mode) && (about.st_mode & 0111) != 0;
}

}  // namespace cumulet::compute
