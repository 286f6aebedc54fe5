#pragma once

#include <map>
#include <mutex>
#include <string>

#include "base/deferred.h"

namespace cumulet::cloudformation {

/// Who waits for a stack's deployment to end. Any thread.
class DeploymentWatch {
 public:
  /// Ends when the deployment does, or at the deadline. Take it before you read the stack, so that no end is missed.
  class Wait {
   public:
    Wait(DeploymentWatch& watch, std::string stack_id);
    ~Wait();
    Wait(const Wait&) = delete;
    Wait& operator=(const Wait&) = delete;
    Task<void> until(SteadyTime deadline);

   private:
    DeploymentWatch& watch_;
    const std::string stack_id_;
    const Deferred<void> ended_;
    std::multimap<std::string, Deferred<void>>::iterator place_;
  };

  void ended(const std::string& stack_id);

 private:
  std::mutex mutex_;
  std::multimap<std::string, Deferred<void>> waiting_;
};

}  // namespace cumulet::cloudformation
