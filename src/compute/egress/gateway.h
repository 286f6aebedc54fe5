#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "compute/egress/inside.h"
#include "compute/egress/policy.h"
#include "compute/egress/reactor.h"

/// The way out of sandboxes to the internet. A sandbox with egress has no interface of the host's: in its own network
/// namespace the kernel hands whatever it sends to sockets of ours, and the gateway, which lives in the server, speaks
/// to the destination in its stead, if the policy permits. So nothing outlives the sandbox or the server: no interface,
/// no rule, no process. It works for root and for an ordinary user alike. Why so: docs/decisions/egress.md.
namespace cumulet::compute::egress {

class Gateway {
 public:
  static Result<std::unique_ptr<Gateway>> make(Settings settings);
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  /// Gives the sandbox in this network namespace its way out, until `detach`. Takes about a millisecond: not on a loop.
  Result<std::uint64_t> attach(int network);
  /// Cuts all that goes through it. Any thread.
  void detach(std::uint64_t site);

 private:
  /// A sandbox that comes, or one that goes.
  struct Change {
    std::uint64_t site = 0;
    bool comes = false;
    Fd network;
    Doors doors;
  };
  explicit Gateway(Settings settings) : policy_(std::move(settings.opened)), resolver_(std::move(settings.resolver)) {}
  void run();
  void post(Change change);

  const Policy policy_;
  const std::string resolver_;
  std::unique_ptr<Reactor> reactor_;
  std::atomic<std::uint64_t> last_site_{0};
  std::mutex mutex_;
  std::deque<Change> changes_;
  bool stopping_ = false;
  std::thread thread_;
};

/// A sandbox's way out, for as long as this lives.
class Exit {
 public:
  Exit(Gateway& gateway, std::uint64_t site) : gateway_(gateway), site_(site) {}
  ~Exit() { gateway_.detach(site_); }
  Exit(const Exit&) = delete;
  Exit& operator=(const Exit&) = delete;

 private:
  Gateway& gateway_;
  const std::uint64_t site_;
};

}  // namespace cumulet::compute::egress
