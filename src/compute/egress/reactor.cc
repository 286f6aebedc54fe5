#include "compute/egress/reactor.h"

#include <array>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace cumulet::compute::egress {

Result<std::unique_ptr<Reactor>> Reactor::make() {
  std::unique_ptr<Reactor> reactor(new Reactor());
  reactor->epoll_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
  reactor->wake_ = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!reactor->epoll_ || !reactor->wake_) return system_error("make an epoll set");
  epoll_event event{};
  event.events = EPOLLIN;
  if (::epoll_ctl(reactor->epoll_.get(), EPOLL_CTL_ADD, reactor->wake_.get(), &event) != 0) {
    return system_error("watch an event descriptor");
  }
  return reactor;
}

std::array<char, 64 * 1024>& Reactor::room() {
  if (!room_) room_ = std::make_unique<std::array<char, 64 * 1024>>();
  return *room_;
}

void Reactor::watch(int fd, std::uint32_t events, Watched& who) {
  if (events == who.events_) return;
  const bool fresh = who.events_ == 0;
  if (fresh) watched_[who.id_ = ++last_id_] = &who;
  if (events == 0) watched_.erase(who.id_);
  who.events_ = events;
  epoll_event event{};
  event.events = events;
  event.data.u64 = who.id_;
  ::epoll_ctl(epoll_.get(), events == 0 ? EPOLL_CTL_DEL : fresh ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event);
}

void Reactor::wait(std::chrono::milliseconds at_most) {
  std::array<epoll_event, 64> events;
  const int count =
      ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), static_cast<int>(at_most.count()));
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    if (event.data.u64 == 0) {
      std::uint64_t times = 0;
      (void)!::read(wake_.get(), &times, sizeof times);
      continue;
    }
    // One that came before may have ended it.
    const auto found = watched_.find(event.data.u64);
    if (found != watched_.end()) found->second->ready(event.events);
  }
  dead_.clear();
}

void Reactor::wake() {
  const std::uint64_t once = 1;
  (void)!::write(wake_.get(), &once, sizeof once);
}

}  // namespace cumulet::compute::egress
