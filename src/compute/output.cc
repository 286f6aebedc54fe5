#include "compute/output.h"

#include <cerrno>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace cumulet::compute {

Output::Output(int fd, const Clock& clock, std::function<void()> many)
    : fd_(fd), clock_(clock), many_(std::move(many)) {}

Output::~Output() {
  if (fd_ >= 0) ::close(fd_);
}

void Output::push(std::string_view line, Timestamp now) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  buffered_ += line.size() + 32;
  lines_.emplace_back(now, std::string(line));
}

void Output::cut(std::string_view bytes, Timestamp now) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    if (end == std::string_view::npos) {
      partial_.append(bytes);
      bytes = {};
    } else if (partial_.empty()) {
      push(bytes.substr(0, end), now);
      bytes.remove_prefix(end + 1);
    } else {
      partial_.append(bytes.substr(0, end));
      push(partial_, now);
      partial_.clear();
      bytes.remove_prefix(end + 1);
    }
    while (partial_.size() >= kLineLimit) {
      push(std::string_view(partial_).substr(0, kLineLimit), now);
      partial_.erase(0, kLineLimit);
    }
  }
}

Output::State Output::read() {
  char buffer[32 * 1024];
  while (!ended_) {
    if (buffered_ >= kBufferLimit) {
      paused_ = true;
      return State::kFull;
    }
    const ssize_t n = ::read(fd_, buffer, sizeof buffer);
    if (n > 0) {
      cut(std::string_view(buffer, static_cast<std::size_t>(n)), clock_.now());
      if (n < static_cast<ssize_t>(sizeof buffer) && buffered_ < kPromptly) return State::kOpen;
    } else if (n < 0 && errno == EINTR) {
      continue;
    } else if (n < 0 && errno == EAGAIN) {
      return State::kOpen;
    } else {
      ended_ = true;
    }
  }
  return State::kEnded;
}

std::vector<LogLine> Output::take(bool finish) {
  std::vector<LogLine> lines;
  bool was_paused = false;
  {
    const std::lock_guard lock(mutex_);
    read();
    if (finish && !partial_.empty()) {
      push(partial_, clock_.now());
      partial_.clear();
    }
    lines.swap(lines_);
    buffered_ = partial_.size();
    was_paused = std::exchange(paused_, false);
  }
  if (was_paused) {
    if (const auto pump = pump_.lock()) pump->resume(*this);
  }
  return lines;
}

OutputPump::OutputPump() {
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  stop_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  epoll_event event{};
  event.events = EPOLLIN;
  ::epoll_ctl(epoll_, EPOLL_CTL_ADD, stop_, &event);  // data 0 means stop
  thread_ = std::thread([this] { run(); });
}

OutputPump::~OutputPump() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(stop_, &one, sizeof one);
  thread_.join();
  ::close(epoll_);
  ::close(stop_);
}

void OutputPump::add(const std::shared_ptr<Output>& output) {
  const std::lock_guard lock(mutex_);
  output->id_ = next_++;
  output->pump_ = weak_from_this();
  outputs_[output->id_] = output;
  epoll_event event{};
  event.events = EPOLLIN | EPOLLONESHOT;
  event.data.u64 = output->id_;
  ::epoll_ctl(epoll_, EPOLL_CTL_ADD, output->fd(), &event);
}

void OutputPump::resume(const Output& output) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLONESHOT;
  event.data.u64 = output.id_;
  ::epoll_ctl(epoll_, EPOLL_CTL_MOD, output.fd(), &event);
}

void OutputPump::remove(Output& output) {
  const std::lock_guard lock(mutex_);
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, output.fd(), nullptr);
  outputs_.erase(output.id_);
}

void OutputPump::run() {
  epoll_event events[64];
  while (true) {
    const int count = ::epoll_wait(epoll_, events, 64, -1);
    for (int i = 0; i < count; ++i) {
      const std::uint64_t id = events[i].data.u64;
      if (id == 0) return;
      std::shared_ptr<Output> output;
      {
        const std::lock_guard lock(mutex_);
        const auto found = outputs_.find(id);
        if (found == outputs_.end()) continue;
        output = found->second;
      }
      bool many = false;
      Output::State state = Output::State::kOpen;
      {
        const std::lock_guard lock(output->mutex_);
        const std::size_t before = output->buffered_;
        state = output->read();
        many = before < Output::kPromptly && output->buffered_ >= Output::kPromptly;
      }
      if (many) output->many_();
      if (state == Output::State::kOpen) resume(*output);
    }
  }
}

}  // namespace cumulet::compute
