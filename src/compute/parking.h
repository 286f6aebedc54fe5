#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "compute/cell.h"

namespace cumulet::compute {

/// Interpreters that are booted already and wait for a function: what makes most cold starts short. A runtime and
/// memory size that was used in the last minutes has one waiting (as many as the last second wanted, within bounds;
/// what is more than that goes within seconds), in a sandbox in which no function ever ran; each is used once.
///
/// /var/task of such a sandbox is a folder of its own, empty at first; the files of the function are linked into it. So
/// it is for packages of few files. What must be there when the interpreter starts (layers, a wrapper, variables that
/// it reads at its start) makes a function ineligible. Thread-safe.
class Parking {
 public:
  explicit Parking(EngineParts& parts) : parts_(parts) {}

  /// Empty when the version cannot use a parked interpreter.
  std::string key_of(const FunctionVersion& version) const;
  /// A parked interpreter, or null. Either way one will be parked for the next time.
  std::unique_ptr<Cell> take(const std::string& key, const FunctionVersion& version, std::size_t loop_index);
  /// Shows the package at /var/task. False when it is too large to be linked, or the file system refuses.
  static bool place_code(const std::filesystem::path& code, const Cell& cell);
  /// Gives one up. Any thread.
  void end(std::unique_ptr<Cell> cell);
  /// Ends all, and parks no more.
  void close();
  std::size_t size() const;

 private:
  struct Lot {
    std::vector<std::unique_ptr<Cell>> cells;
    std::size_t under_way = 0;
    std::shared_ptr<const FunctionVersion> example;  ///< Runtime and sizes; nothing else of it is used.
    SteadyTime last_use{};
    SteadyTime second_began{};
    std::size_t uses = 0;         ///< In the second that goes on.
    std::size_t uses_before = 0;  ///< In the one before it.
    std::size_t most = 1;

    void use(SteadyTime now);
    std::size_t wanted(SteadyTime now) const;
  };

  void refill(const std::string& key);
  Task<void> park_one(std::string key, std::shared_ptr<const FunctionVersion> example, std::size_t loop_index);
  Task<std::unique_ptr<Cell>> boot(std::shared_ptr<const FunctionVersion> example, std::size_t loop_index);
  void watch(std::size_t loop_index);
  std::vector<std::unique_ptr<Cell>> take_unused();

  EngineParts& parts_;
  mutable std::mutex mutex_;
  std::map<std::string, Lot> lots_;
  std::size_t ending_ = 0;
  bool watched_ = false;
  bool closed_ = false;
};

}  // namespace cumulet::compute
