#pragma once

#include <cstdint>
#include <memory>

#include "base/result.h"
#include "main/config.h"

namespace cumulet {

/// The composition root: every part of one running server, built in the order in which they need each other and taken
/// down in the opposite one. The only place that knows all of them.
class Cloud {
 public:
  /// Opens the data directory, starts everything and listens. Fails with a message for the person at the terminal.
  static Result<std::unique_ptr<Cloud>> start(const Config& config);
  ~Cloud();
  Cloud(const Cloud&) = delete;
  Cloud& operator=(const Cloud&) = delete;

  /// Removes all that a stopped server kept, but for its credentials and certificates.
  static Result<void> erase(const Config& config);

  std::uint16_t port() const;

  /// No new requests; those in flight, events and function logs end until the deadline.
  void drain();

 private:
  struct Parts;
  explicit Cloud(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace cumulet
