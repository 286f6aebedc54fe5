#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "base/result.h"
#include "services/s3/scrubber.h"

namespace cumulet::s3 {

/// Where `cumulet s3 verify` asks a running server to read everything: the socket DATA_DIR/verify.sock, open to whoever
/// may enter the data directory. Who connects gets a line for each damaged object ("damaged ADDRESS: WHY") and in the
/// end "read OBJECTS BYTES DAMAGED". One after the other; who hangs up ends the pass. It has a thread of its own.
class VerifyDoor {
 public:
  explicit VerifyDoor(Scrubber& scrubber) : scrubber_(scrubber) {}
  ~VerifyDoor() { close(); }

  Result<void> open(const std::filesystem::path& directory);
  /// Ends a pass that is going on. Blocks.
  void close();

 private:
  void serve();
  void answer(int connection);

  Scrubber& scrubber_;
  std::filesystem::path directory_;
  int listening_ = -1;
  int closing_ = -1;  ///< An event: becomes readable when the door closes.
  std::atomic<bool> closed_{false};
  std::thread thread_;
};

/// What a running server says about its data directory. `on_damage` gets address and reason. Nullopt when no server
/// listens there; fails when the server went away before the end.
std::optional<Result<Verifier::Result>> ask_running_server(
    const std::filesystem::path& directory, const std::function<void(const std::string& damage)>& on_damage);

}  // namespace cumulet::s3
