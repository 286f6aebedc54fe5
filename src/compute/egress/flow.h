#pragma once

#include <netinet/in.h>

#include "base/clock.h"
#include "base/loop.h"
#include "compute/egress/relay.h"

namespace cumulet::compute::egress {

/// Datagrams between one port of a sandbox and one destination, until there have been none for a while.
class Flow final : public Watched {
 public:
  /// Answers go out of `answering`, which also hears what follows; or, where there is none, out of `door` to `client`.
  Flow(Reactor& reactor, Keeper& keeper, std::uint64_t id, Fd answering, int door, const sockaddr_in& client);
  ~Flow() override;
  Flow(const Flow&) = delete;
  Flow& operator=(const Flow&) = delete;

  bool connect(const Endpoint& to);
  void send(const char* data, std::size_t size);
  void ready(std::uint32_t events) override;  ///< Of the outer side.

  SteadyTime last_use() const { return last_use_; }
  bool answered() const { return answered_; }

 private:
  static constexpr int kTurns = 16;

  struct Side final : Watched {
    explicit Side(Flow& f) : flow(f) {}
    void ready(std::uint32_t) override { flow.inner_ready(); }
    Flow& flow;
  };
  void inner_ready();

  Reactor& reactor_;
  Keeper& keeper_;
  const std::uint64_t id_;
  Side side_;
  Fd answering_;
  const int door_;
  const sockaddr_in client_;
  Fd outer_;
  SteadyTime last_use_;
  bool answered_ = false;
  bool over_ = false;
};

}  // namespace cumulet::compute::egress
