#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "compute/cell.h"

namespace cumulet::compute {

/// Sandboxes that wait for a function: what makes most cold starts short. In some an interpreter has been started
/// already; others, where that cannot be (a program of its own, variables that are read at the start), are built and
/// wait for their command. A runtime and memory size that was used in the last minutes has one waiting (as many as the
/// last second wanted, within bounds; what is more than that goes within seconds). No function ever ran in any; each
/// is used once.
///
/// /var/task of such a sandbox is a folder of its own, empty at first; the files of the function are linked into it. So
/// it is for packages of few files. Layers must be there when a sandbox is built, so functions with them have their
/// own. Thread-safe.
class Parking {
 public:
  explicit Parking(EngineParts& parts) : parts_(parts) {}

  /// What versions have in common that can use the same parked sandboxes.
  struct Place {
    std::string key;
    bool interpreter = false;  ///< It has been started, and waits for its function; else nothing runs there.
  };
  /// None when the version needs a sandbox of its own.
  std::optional<Place> place_of(const FunctionVersion& version) const;
  /// A parked sandbox, or null. Either way one will be parked for the next time.
  std::unique_ptr<Cell> take(const Place& place, const FunctionVersion& version, std::size_t loop_index);
  /// Shows the package at /var/task. False when it has too many files to be linked (it is not asked for again), or the
  /// file system refuses.
  bool place_code(const std::filesystem::path& code, const Cell& cell);
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

  std::string key_of(const FunctionVersion& version, const RuntimeChoice& choice, bool interpreter) const;
  void refill(const Place& place, std::size_t first_loop);
  Task<void> park_one(Place place, std::shared_ptr<const FunctionVersion> example, std::size_t loop_index);
  Task<std::unique_ptr<Cell>> boot(bool interpreter, std::shared_ptr<const FunctionVersion> example,
                                   std::size_t loop_index);
  static Task<bool> has_parked(Cell& cell);
  void watch(std::size_t loop_index);
  std::vector<std::unique_ptr<Cell>> take_unused();

  EngineParts& parts_;
  mutable std::mutex mutex_;
  std::map<std::string, Lot> lots_;
  std::set<std::filesystem::path> large_;  ///< Packages with too many files.
  std::size_t ending_ = 0;
  bool watched_ = false;
  bool closed_ = false;
};

}  // namespace cumulet::compute
