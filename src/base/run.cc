#include "base/run.h"

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>

namespace cumulet {

struct LocalLoop::Queue {
  std::mutex mutex;
  std::condition_variable wake;
  std::deque<std::function<void()>> posted;
  // Only the loop's own thread touches the timers.
  std::map<std::pair<SteadyTime, TimerId>, std::function<void()>> timers;
  std::map<TimerId, SteadyTime> when;
  TimerId next_timer = 1;
};

LocalLoop::LocalLoop() : queue_(std::make_unique<Queue>()), outer_(Loop::current()) { set_current(this); }

LocalLoop::~LocalLoop() { set_current(outer_); }

void LocalLoop::post(std::function<void()> work) {
  // Notified under the lock: the work may be what ends this loop's life.
  std::lock_guard lock(queue_->mutex);
  queue_->posted.push_back(std::move(work));
  queue_->wake.notify_one();
}

Loop::TimerId LocalLoop::at(SteadyTime when, std::function<void()> work) {
  const TimerId id = queue_->next_timer++;
  queue_->timers.emplace(std::pair(when, id), std::move(work));
  queue_->when.emplace(id, when);
  return id;
}

void LocalLoop::cancel(TimerId timer) {
  const auto found = queue_->when.find(timer);
  if (found == queue_->when.end()) return;
  queue_->timers.erase(std::pair(found->second, timer));
  queue_->when.erase(found);
}

void LocalLoop::run_one() {
  std::function<void()> work;
  {
    std::unique_lock lock(queue_->mutex);
    const auto anything = [this] { return !queue_->posted.empty(); };
    if (queue_->timers.empty()) {
      queue_->wake.wait(lock, anything);
    } else {
      queue_->wake.wait_until(lock, queue_->timers.begin()->first.first, anything);
    }
    if (!queue_->posted.empty()) {
      work = std::move(queue_->posted.front());
      queue_->posted.pop_front();
    }
  }
  if (!work) {
    const auto first = queue_->timers.begin();
    if (first->first.first > std::chrono::steady_clock::now()) return;
    work = std::move(first->second);
    queue_->when.erase(first->first.second);
    queue_->timers.erase(first);
  }
  work();
}

}  // namespace cumulet
