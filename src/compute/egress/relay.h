#pragma once

#include <string>

#include "compute/egress/reactor.h"
#include "compute/egress/resolvers.h"

namespace cumulet::compute::egress {

/// Who keeps relays and flows, and wants to know when one has ended.
class Keeper {
 public:
  virtual ~Keeper() = default;
  virtual void ended(std::uint64_t id) = 0;
};

/// A TCP connection out of a sandbox: what comes from either side goes to the other, and so do the ends. At most
/// kPiece bytes a direction are held.
class Relay final : public Watched {
 public:
  /// `inner` is accepted already; `to` is where it wants to go.
  Relay(Reactor& reactor, Keeper& keeper, std::uint64_t id, Fd inner);
  ~Relay() override;
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  /// False when it cannot even begin.
  bool connect(const Endpoint& to);
  void ready(std::uint32_t events) override;  ///< Of the outer side.

 private:
  static constexpr std::size_t kPiece = 64 * 1024;
  static constexpr int kTurns = 4;  ///< Pieces in a row, while others wait.

  struct Side final : Watched {
    explicit Side(Relay& r) : relay(r) {}
    void ready(std::uint32_t events) override { relay.inner_ready(events); }
    Relay& relay;
  };
  struct End {
    Fd socket;
    std::string pending;  ///< Still to be sent to it.
    bool read_all = false;
    bool told_end = false;
  };

  void inner_ready(std::uint32_t events);
  bool pump(End& from, End& to);
  void go_on();
  void reset();
  void finish();

  Reactor& reactor_;
  Keeper& keeper_;
  const std::uint64_t id_;
  Side side_;
  End inner_;
  End outer_;
  bool connecting_ = true;
  bool over_ = false;
};

}  // namespace cumulet::compute::egress
