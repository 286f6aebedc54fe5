#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "compute/sandbox.h"
#include "compute/sandbox/life.h"
#include "compute/sandbox/memory_guard.h"

namespace cumulet::compute::sandbox {

/// What every sandbox does with its life, whoever builds it. Who derives from it gives the life back in its destructor,
/// and keeps the guard alive until then.
class LifeSandbox : public Sandbox {
 public:
  LifeSandbox(std::shared_ptr<Life> life, MemoryGuard& guard) : life_(std::move(life)), guard_(guard) {}

  std::vector<int> take_listeners() override {
    std::vector<int> taken;
    for (Fd& socket : life_->listeners) taken.push_back(socket.release());
    life_->listeners.clear();
    return taken;
  }
  int take_output() override { return life_->output.release(); }
  void set_quiet(bool quiet) override {
    life_->quiet = quiet;
    if (!quiet) guard_.wake();
  }
  Result<void> freeze() override { return life_->freeze(); }
  Result<void> thaw() override {
    Result<void> thawed = life_->thaw();
    guard_.wake();
    return thawed;
  }
  Result<void> limit_cpus(double cpus) override {
    return life_->groups.any() ? life_->groups.set_cpus(cpus) : Result<void>();
  }
  void kill() override { life_->kill(); }
  void terminate() override { life_->terminate(); }
  Task<SandboxExit> exited() override { return life_->exited.wait(); }
  int network() const override { return life_->network.get(); }

 protected:
  const std::shared_ptr<Life> life_;
  MemoryGuard& guard_;
};

}  // namespace cumulet::compute::sandbox
