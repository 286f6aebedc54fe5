#include "services/cloudformation/deployment_watch.h"

namespace cumulet::cloudformation {

DeploymentWatch::Wait::Wait(DeploymentWatch& watch, std::string stack_id)
    : watch_(watch), stack_id_(std::move(stack_id)) {
  std::lock_guard lock(watch_.mutex_);
  place_ = watch_.waiting_.emplace(stack_id_, ended_);
}

DeploymentWatch::Wait::~Wait() {
  std::lock_guard lock(watch_.mutex_);
  watch_.waiting_.erase(place_);
}

Task<void> DeploymentWatch::Wait::until(SteadyTime deadline) {
  const Deferred<void> ended = ended_;
  const Result<void> outcome = co_await attempt(ended.wait_until(deadline, Error("StillRunning", 500, "")));
  (void)outcome;  // Both ways it is time to look again.
}

void DeploymentWatch::ended(const std::string& stack_id) {
  std::lock_guard lock(mutex_);
  const auto [first, last] = waiting_.equal_range(stack_id);
  for (auto each = first; each != last; ++each) each->second.resolve(Result<void>());
}

}  // namespace cumulet::cloudformation
