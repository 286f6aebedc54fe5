#pragma once

#include <atomic>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>

#include "base/thread_pool.h"
#include "compute/catalogue.h"

namespace cumulet::compute {

/// The folders that are shown at /var/runtime: a language's own, or, where its catalogue entry says `prepare`, one that
/// its program made of it for the very interpreter (compiled, with an archive of shared classes). That takes seconds,
/// once per interpreter and version of the client: the folders are kept in the state directory. Thread-safe.
class ClientFolders {
 public:
  ClientFolders(std::filesystem::path runtimes, std::filesystem::path state)
      : runtimes_(std::move(runtimes)), state_(std::move(state)), pool_(1) {}
  ~ClientFolders() { closed_ = true; }

  /// Fails (Runtime.ClientFailed) with what the program said.
  Task<std::filesystem::path> folder(RuntimeChoice choice);
  /// Lets the folder be made while nobody waits for it yet. Does not block.
  void begin(const RuntimeChoice& choice);

 private:
  std::filesystem::path made(const std::string& interpreter);
  Result<std::filesystem::path> make(const RuntimeChoice& choice);

  const std::filesystem::path runtimes_;
  const std::filesystem::path state_;
  std::mutex mutex_;
  std::map<std::string, std::filesystem::path> made_;  ///< By interpreter.
  std::atomic<bool> closed_ = false;
  ThreadPool pool_;
};

}  // namespace cumulet::compute
