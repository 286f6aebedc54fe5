#include "compute/sandbox/watcher.h"

#include <cstring>

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace cumulet::compute::sandbox {

Result<std::unique_ptr<Watcher>> Watcher::make(std::function<void()> changed) {
  Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return system_error("make an epoll instance");
  Fd stop(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stop) return system_error("make an eventfd");
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = 0;
  if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, stop.get(), &event) != 0) return system_error("watch an eventfd");
  return std::unique_ptr<Watcher>(new Watcher(std::move(epoll), std::move(stop), std::move(changed)));
}

Watcher::Watcher(Fd epoll, Fd stop, std::function<void()> changed)
    : epoll_(std::move(epoll)), stop_(std::move(stop)), changed_(std::move(changed)), thread_([this] { run(); }) {
  pthread_setname_np(thread_.native_handle(), "sandbox-watch");
}

Watcher::~Watcher() {
  const std::uint64_t one = 1;
  (void)!::write(stop_.get(), &one, sizeof one);
  thread_.join();
  for (auto& [id, life] : lives_) life->take_hangup();
}

Result<void> Watcher::watch(std::shared_ptr<Life> life) {
  std::lock_guard lock(mutex_);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = next_;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, life->control.get(), &event) != 0)
    return system_error("watch a sandbox's control socket");
  lives_.emplace(next_++, std::move(life));
  return {};
}

/// False at the end of the conversation.
bool Watcher::read_report(Life& life) {
  Report report;
  iovec part{&report, sizeof report};
  alignas(cmsghdr) char ancillary[CMSG_SPACE(sizeof(int))];
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = ancillary;
  header.msg_controllen = sizeof ancillary;
  const ssize_t got = ::recvmsg(life.control.get(), &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  Fd descriptor;
  for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(c), sizeof fd);
    descriptor = Fd(fd);
  }
  if (got != sizeof report) return false;
  report.text[sizeof report.text - 1] = '\0';
  life.take_report(report, std::move(descriptor));
  return true;
}

void Watcher::run() {
  for (;;) {
    epoll_event events[64];
    const int count = ::epoll_wait(epoll_.get(), events, 64, -1);
    for (int i = 0; i < count; ++i) {
      const std::uint64_t id = events[i].data.u64;
      if (id == 0) return;
      std::shared_ptr<Life> life;
      {
        std::lock_guard lock(mutex_);
        if (const auto it = lives_.find(id); it != lives_.end()) life = it->second;
      }
      if (!life || read_report(*life)) continue;
      ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, life->control.get(), nullptr);
      life->take_hangup();
      std::lock_guard lock(mutex_);
      lives_.erase(id);
    }
    if (count > 0) changed_();
  }
}

}  // namespace cumulet::compute::sandbox
