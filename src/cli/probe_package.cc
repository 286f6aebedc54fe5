#include "cli/probe_package.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <thread>

#include <zip.h>

#include "cli/probe.h"

namespace cumulet::cli {
namespace {

namespace api = wire::lambda;
using std::chrono::milliseconds;

constexpr int kRounds = 3;
constexpr std::size_t kUnreadFilesThatMatter = 32;
constexpr std::uint64_t kUnreadBytesThatMatter = 512 * 1024;
/// Starts that follow each other closely take the interpreters from each other that wait for them; those of most
/// functions do not.
constexpr milliseconds kBetweenStarts{400};

struct Discard {
  void operator()(zip_t* archive) const { zip_discard(archive); }
};
using Archive = std::unique_ptr<zip_t, Discard>;
struct Free {
  void operator()(zip_source_t* source) const { zip_source_free(source); }
};
using Source = std::unique_ptr<zip_source_t, Free>;

Error damaged() { return Error("NoCode", 500, "the function's package cannot be taken apart"); }

/// A package in memory, from which entries can be taken.
class Package {
 public:
  static Result<Package> open(const std::string& bytes) {
    Package package;
    zip_error_t error;
    zip_error_init(&error);
    package.memory_.reset(zip_source_buffer_create(nullptr, 0, 0, &error));
    if (!package.memory_ || zip_source_begin_write(package.memory_.get()) != 0 ||
        zip_source_write(package.memory_.get(), bytes.data(), bytes.size()) != static_cast<zip_int64_t>(bytes.size()) ||
        zip_source_commit_write(package.memory_.get()) != 0) {
      return damaged();
    }
    zip_source_keep(package.memory_.get());
    package.archive_.reset(zip_open_from_source(package.memory_.get(), 0, &error));
    if (!package.archive_) {
      zip_source_free(package.memory_.get());
      return damaged();
    }
    return package;
  }

  zip_t* archive() const { return archive_.get(); }
  /// What it is after `archive`'s changes.
  Result<std::string> close() {
    if (zip_close(archive_.get()) != 0) return damaged();
    static_cast<void>(archive_.release());
    if (zip_source_open(memory_.get()) != 0) return damaged();
    std::string bytes;
    std::vector<char> buffer(64 * 1024);
    for (zip_int64_t got = 0; (got = zip_source_read(memory_.get(), buffer.data(), buffer.size())) > 0;) {
      bytes.append(buffer.data(), static_cast<std::size_t>(got));
    }
    zip_source_close(memory_.get());
    return bytes;
  }

 private:
  Package() = default;
  Source memory_;
  Archive archive_;
};

void count_unread(std::map<std::string, UnreadPart>& parts, const std::string& name, std::uint64_t size) {
  const std::size_t slash = name.find('/');
  const std::string top = slash == std::string::npos ? name : name.substr(0, slash + 1);
  UnreadPart& part = parts[top];
  part.name = top;
  ++part.files;
  part.bytes += size;
}

/// Counts what is there, and gives the package without what was not read.
Result<std::string> lean_package(const std::string& package, const std::vector<std::string>& read,
                                 PackageWeight& weight) {
  Result<Package> opened = Package::open(package);
  if (!opened.ok()) return opened.error();
  const std::set<std::string> needed(read.begin(), read.end());
  std::map<std::string, UnreadPart> parts;
  zip_t* const archive = opened->archive();
  const zip_int64_t entries = zip_get_num_entries(archive, 0);
  for (zip_int64_t i = 0; i < entries; ++i) {
    zip_stat_t about;
    const auto index = static_cast<zip_uint64_t>(i);
    if (zip_stat_index(archive, index, 0, &about) != 0) return damaged();
    const std::string name = about.name;
    if (name.ends_with('/')) continue;
    ++weight.files;
    weight.bytes += about.size;
    if (needed.contains(name)) {
      ++weight.files_read;
      weight.bytes_read += about.size;
      continue;
    }
    count_unread(parts, name, about.size);
    if (zip_delete(archive, index) != 0) return damaged();
  }
  for (auto& [name, part] : parts) weight.unread.push_back(std::move(part));
  std::sort(weight.unread.begin(), weight.unread.end(),
            [](const UnreadPart& a, const UnreadPart& b) { return a.bytes > b.bytes; });
  return opened->close();
}

Result<double> timed_start(const Trial& trial) {
  std::this_thread::sleep_for(kBetweenStarts);
  const Result<TrialCall> call = trial.call("{}");
  if (!call.ok()) return call.error();
  return call->whole_ms;
}

/// Nothing lasting: the copies of one round go with it.
Result<void> compare_once(const Session& session, const api::GetFunctionResponse& function, const std::string& package,
                          const std::string& lean, PackageWeight& weight, bool first) {
  const auto better = [first](double& best, double now) { best = first ? now : std::min(best, now); };
  for (const bool whole : {true, false}) {
    const Result<Trial> trial = Trial::make(session, function, whole ? package : lean);
    if (!trial.ok()) return trial.error();
    const Result<double> start = timed_start(*trial);
    if (!start.ok()) return start.error();
    better(whole ? weight.start_ms : weight.lean_start_ms, *start);
    better(whole ? weight.deploy_ms : weight.lean_deploy_ms, trial->deploy_ms());
  }
  return {};
}

/// Whether the function starts without what was not read, and whether its handler answers this event.
bool works(const Session& session, const api::GetFunctionResponse& function, const std::string& lean,
           const std::optional<std::string>& event) {
  const Result<Trial> trial = Trial::make(session, function, lean);
  if (!trial.ok() || !trial->call("{}").ok()) return false;
  return !event || call_handler(*trial, *event).ok();
}

}  // namespace

Result<std::optional<PackageWeight>> probe_package(const Session& session, const api::GetFunctionResponse& function,
                                                   const std::string& package, const std::vector<std::string>& read,
                                                   const std::optional<std::string>& event) {
  std::optional<PackageWeight> nothing;
  PackageWeight weight;
  const Result<std::string> lean = lean_package(package, read, weight);
  if (!lean.ok()) return lean.error();
  const std::size_t unread = weight.files - weight.files_read;
  if (weight.files_read == 0) return nothing;
  if (unread < kUnreadFilesThatMatter && weight.bytes - weight.bytes_read < kUnreadBytesThatMatter) return nothing;
  if (!works(session, function, *lean, event)) return nothing;
  for (int round = 0; round < kRounds; ++round) {
    const Result<void> compared = compare_once(session, function, package, *lean, weight, round == 0);
    if (!compared.ok()) return compared.error();
  }
  return std::optional<PackageWeight>(std::move(weight));
}

}  // namespace cumulet::cli
