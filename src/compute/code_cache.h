#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/deferred.h"
#include "base/metrics.h"
#include "base/thread_pool.h"
#include "net/http.h"

namespace cumulet::compute {

class CodeCacheUse;

/// Whether a package holds a file that the runtime client would take into a cache: most have none, and are spared the
/// preparations. True for those that are too large to look through.
bool may_be_worth_a_cache(const std::filesystem::path& package);

/// Code caches: what V8 compiled of a function's own files, so that the next environment of the same version need not
/// compile it again. The runtime client inside the sandbox makes one when the function has run once, and posts it;
/// later environments of that version get it before they load the function. To us they are bytes.
///
/// A cache is executable input that the function made for itself: it goes to environments of the very same key and to
/// nobody else. At most one per key is kept, the first that comes; all go when the server starts, as the interpreters
/// may be others then. Thread-safe.
class CodeCaches {
 public:
  struct Limits {
    std::uint64_t one = 16u << 20;   ///< Bytes of a cache.
    std::uint64_t all = 512u << 20;  ///< Of all; beyond it, those go that were not used for longest.
  };
  /// What an environment is to do about the cache of its version.
  enum class Role { kNone, kUse, kMake };

  /// `folder` is there and empty.
  explicit CodeCaches(std::filesystem::path folder) : CodeCaches(std::move(folder), Limits()) {}
  CodeCaches(std::filesystem::path folder, Limits limits);

  /// A new environment of that version asks. `may_make`: it may be the one that makes the cache. One at a time is, and
  /// only so many ever: most functions have nothing that is worth it.
  std::shared_ptr<CodeCacheUse> begin(const std::string& key, bool may_make);
  /// The key is no more, nor are those that begin with it and a space: see Pool::retire.
  void retire(const std::string& key);

  // For CodeCacheUse. The first two block.
  /// False when it is not wanted: the key was retired, there is one already, or it is too large.
  bool keep(const std::string& key, const std::string& bytes);
  /// Nothing when there is none, or the file is not what was written.
  std::optional<std::string> load(const std::string& key);
  /// The maker is gone without having made one.
  void give_up(const std::string& key);
  /// The interpreter has no use for it.
  void drop(const std::string& key);
  ThreadPool& pool() { return pool_; }
  const Limits& limits() const { return limits_; }

 private:
  struct Entry {
    std::uint32_t attempts = 0;
    bool being_made = false;
    std::filesystem::path file;  ///< Empty: none is kept.
    std::string digest;
    std::uint64_t size = 0;
    std::uint64_t last_use = 0;  ///< A number that grows.
  };

  void forget(Entry& entry);
  void make_room();

  const std::filesystem::path folder_;
  const Limits limits_;
  Counter& made_;
  Counter& used_;
  Counter& refused_;
  std::mutex mutex_;
  std::map<std::string, Entry> entries_;
  std::uint64_t total_ = 0;
  std::uint64_t uses_ = 0;
  ThreadPool pool_{1};  ///< Last: its work ends before what it uses.
};

/// What one environment has to do with its version's cache, and the part of the Runtime API that is about it:
///
///     GET    /2018-06-01/code-cache         the cache, or 404
///     GET    /2018-06-01/code-cache/turn    waits until the environment is idle: now is the time to make one
///     POST   /2018-06-01/code-cache         here it is
///     DELETE /2018-06-01/code-cache         V8 refused what it was given
///
/// It is no part of Lambda's API: only our own runtime client asks. All calls come on the environment's loop.
class CodeCacheUse : public std::enable_shared_from_this<CodeCacheUse> {
 public:
  using Role = CodeCaches::Role;

  CodeCacheUse(CodeCaches& caches, std::string key, Role role);
  ~CodeCacheUse();
  static bool is_path(std::string_view path);

  /// The variable that tells the runtime client; it is gone before the function's code runs. Null: nothing to tell.
  const char* told() const;
  Task<net::Response> answer(net::Request& request);
  /// An invocation has run.
  void has_run() { has_run_ = true; }
  /// Nothing runs, and the environment would be frozen now. True when it should not be yet: the cache is being made.
  bool keeps_awake(SteadyTime now);
  /// The environment has ended.
  void close();

 private:
  Task<net::Response> deliver();
  Task<net::Response> take(net::Request& request);

  CodeCaches& caches_;
  const std::string key_;
  const Role role_;
  Deferred<std::optional<std::string>> loading_;
  std::optional<Deferred<net::Response>> turn_;  ///< The runtime waits for it.
  bool asked_ = false;
  bool delivered_ = false;
  bool taken_ = false;
  bool has_run_ = false;
  bool closed_ = false;
  SteadyTime awake_until_{};
};

}  // namespace cumulet::compute
