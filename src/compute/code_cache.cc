#include "compute/code_cache.h"

#include <algorithm>
#include <fstream>

#include "base/digest.h"
#include "base/ids.h"
#include "base/log.h"
#include "compute/reports.h"

namespace cumulet::compute {
namespace {

constexpr std::string_view kCodeCachePath = "/2018-06-01/code-cache";
constexpr std::string_view kTurnPath = "/2018-06-01/code-cache/turn";
/// Of one key, so many environments at most are asked to make a cache.
constexpr std::uint32_t kMostAttempts = 3;
constexpr std::size_t kEntriesLookedAt = 200;
constexpr std::uintmax_t kLeastFile = 64 * 1024;  ///< As in nodejs/code_cache.cjs, which counts characters.
/// V8 needs some tens of milliseconds for some megabytes; what takes longer goes on after the next invocation.
constexpr seconds kMakingTime{2};

net::Response refusal(int status, const char* type, const char* message) {
  return net::Response(status, "application/json", error_document(type, message));
}

net::Response not_expected() { return refusal(403, "InvalidStateTransition", "No code cache is expected"); }

bool write_cache(const std::filesystem::path& file, const std::string& bytes) {
  std::ofstream out(file, std::ios::binary);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  out.close();
  return !out.fail();
}

}  // namespace

CodeCaches::CodeCaches(std::filesystem::path folder, Limits limits)
    : folder_(std::move(folder)),
      limits_(limits),
      made_(Metrics::instance().counter("cumulet_function_code_caches_made_total")),
      used_(Metrics::instance().counter("cumulet_function_code_caches_used_total")),
      refused_(Metrics::instance().counter("cumulet_function_code_caches_refused_total")) {}

bool may_be_worth_a_cache(const std::filesystem::path& package) {
  std::error_code problem;
  std::size_t entries = 0;
  for (std::filesystem::recursive_directory_iterator at(package, problem), end; !problem && at != end;
       at.increment(problem)) {
    if (++entries > kEntriesLookedAt) return true;
    const std::filesystem::path extension = at->path().extension();
    if ((extension == ".js" || extension == ".cjs") && at->is_regular_file(problem) &&
        at->file_size(problem) >= kLeastFile) {
      return true;
    }
  }
  return static_cast<bool>(problem);
}

std::shared_ptr<CodeCacheUse> CodeCaches::begin(const std::string& key, bool may_make) {
  Role role = Role::kNone;
  {
    const std::lock_guard lock(mutex_);
    Entry& entry = entries_[key];
    if (!entry.file.empty()) {
      role = Role::kUse;
    } else if (may_make && !entry.being_made && entry.attempts < kMostAttempts) {
      entry.being_made = true;
      ++entry.attempts;
      role = Role::kMake;
    }
  }
  return std::make_shared<CodeCacheUse>(*this, key, role);
}

void CodeCaches::retire(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const std::string prefix = key + " ";
  if (const auto found = entries_.find(key); found != entries_.end()) {
    forget(found->second);
    entries_.erase(found);
  }
  for (auto at = entries_.lower_bound(prefix); at != entries_.end() && at->first.starts_with(prefix);) {
    forget(at->second);
    at = entries_.erase(at);
  }
}

bool CodeCaches::keep(const std::string& key, const std::string& bytes) {
  if (bytes.empty() || bytes.size() > limits_.one) return false;
  const std::filesystem::path file = folder_ / random_id(24);
  std::error_code ignored;
  if (!write_cache(file, bytes)) {
    std::filesystem::remove(file, ignored);
    log::warning("a code cache was not written", {{"file", file.string()}});
    return false;
  }
  const std::string digest = sha256(bytes);
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(key);
  if (found == entries_.end() || !found->second.being_made || !found->second.file.empty()) {
    std::filesystem::remove(file, ignored);
    return false;
  }
  Entry& entry = found->second;
  entry.being_made = false;
  entry.file = file;
  entry.digest = digest;
  entry.size = bytes.size();
  entry.last_use = ++uses_;
  total_ += entry.size;
  make_room();
  made_.add();
  return true;
}

std::optional<std::string> CodeCaches::load(const std::string& key) {
  std::filesystem::path file;
  std::string digest;
  std::uint64_t size = 0;
  {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(key);
    if (found == entries_.end() || found->second.file.empty()) return std::nullopt;
    Entry& entry = found->second;
    entry.last_use = ++uses_;
    file = entry.file;
    digest = entry.digest;
    size = entry.size;
  }
  std::string bytes(size, '\0');
  std::ifstream in(file, std::ios::binary);
  in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (in.gcount() == static_cast<std::streamsize>(bytes.size()) && sha256(bytes) == digest) {
    used_.add();
    return bytes;
  }
  log::warning("a code cache is not what was written", {{"file", file.string()}});
  refused_.add();
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(key);
  if (found != entries_.end() && found->second.file == file) forget(found->second);
  return std::nullopt;
}

void CodeCaches::give_up(const std::string& key) {
  const std::lock_guard lock(mutex_);
  if (const auto found = entries_.find(key); found != entries_.end()) found->second.being_made = false;
}

void CodeCaches::drop(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(key);
  if (found == entries_.end() || found->second.file.empty()) return;
  refused_.add();
  forget(found->second);
}

/// Under the lock.
void CodeCaches::forget(Entry& entry) {
  if (entry.file.empty()) return;
  std::error_code ignored;
  std::filesystem::remove(entry.file, ignored);
  entry.file.clear();
  total_ -= entry.size;
}

/// Under the lock.
void CodeCaches::make_room() {
  while (total_ > limits_.all) {
    Entry* oldest = nullptr;
    for (auto& [key, entry] : entries_) {
      if (entry.file.empty()) continue;
      if (oldest == nullptr || entry.last_use < oldest->last_use) oldest = &entry;
    }
    forget(*oldest);
    oldest->attempts = 0;  // Its function is called again, perhaps: it may have another one.
  }
}

CodeCacheUse::CodeCacheUse(CodeCaches& caches, std::string key, Role role)
    : caches_(caches), key_(std::move(key)), role_(role) {
  if (role_ != Role::kUse) return;
  // While the sandbox is told its function, or boots.
  caches_.pool().submit([&caches, key = key_, loading = loading_] { loading.resolve(caches.load(key)); });
}

CodeCacheUse::~CodeCacheUse() { close(); }

bool CodeCacheUse::is_path(std::string_view path) { return path == kCodeCachePath || path == kTurnPath; }

const char* CodeCacheUse::told() const {
  switch (role_) {
    case Role::kUse:
      return "use";
    case Role::kMake:
      return "make";
    case Role::kNone:
      break;
  }
  return nullptr;
}

Task<net::Response> CodeCacheUse::answer(net::Request& request) {
  const std::shared_ptr<CodeCacheUse> self = shared_from_this();
  const bool get = request.method == "GET";
  if (get && request.path == kTurnPath) {
    if (role_ != Role::kMake || asked_ || closed_) co_return not_expected();
    asked_ = true;
    turn_.emplace();
    const Deferred<net::Response> waiting = *turn_;
    co_return co_await waiting.wait();
  }
  if (get) co_return co_await deliver();
  if (request.path == kCodeCachePath && request.method == "POST") co_return co_await take(request);
  if (request.path == kCodeCachePath && request.method == "DELETE" && delivered_) {
    delivered_ = false;
    caches_.drop(key_);
    co_return net::Response(204);
  }
  co_return not_expected();
}

Task<net::Response> CodeCacheUse::deliver() {
  if (role_ != Role::kUse || asked_) co_return not_expected();
  asked_ = true;
  const Deferred<std::optional<std::string>> loading = loading_;
  std::optional<std::string> bytes = co_await loading.wait();
  if (!bytes) co_return refusal(404, "NotFound", "There is no code cache");
  delivered_ = true;
  co_return net::Response(200, "application/octet-stream", std::move(*bytes));
}

Task<net::Response> CodeCacheUse::take(net::Request& request) {
  if (role_ != Role::kMake || taken_ || closed_) co_return not_expected();
  taken_ = true;
  const Error too_large("RequestEntityTooLarge", 413, "The code cache is too large");
  Result<std::string> bytes = co_await attempt(read_all(*request.body, caches_.limits().one, too_large));
  bool kept = false;
  if (bytes) {
    const auto content = std::make_shared<const std::string>(std::move(*bytes));
    const auto work = [&caches = caches_, key = key_, content] { return caches.keep(key, *content); };
    kept = co_await blocking(caches_.pool(), work);
  }
  awake_until_ = {};
  if (!bytes) co_return refusal(413, "RequestEntityTooLarge", "The code cache is too large");
  co_return kept ? net::Response(204) : refusal(409, "Conflict", "The code cache is not wanted");
}

bool CodeCacheUse::keeps_awake(SteadyTime now) {
  if (turn_ && has_run_) {
    const Deferred<net::Response> waiting = *turn_;
    turn_.reset();
    waiting.resolve(net::Response(204));
    awake_until_ = now + kMakingTime;
  }
  return now < awake_until_;
}

void CodeCacheUse::close() {
  if (std::exchange(closed_, true)) return;
  awake_until_ = {};
  if (role_ == Role::kMake) caches_.give_up(key_);
  if (!turn_) return;
  const Deferred<net::Response> waiting = *turn_;
  turn_.reset();
  waiting.resolve(refusal(500, "InternalServerError", "The environment has ended"));
}

}  // namespace cumulet::compute
