#include "compute/response_stream.h"

#include <utility>

namespace cumulet::compute {

/// Under the lock. Resolving posts to the waiter's loop and runs nothing here.
void ResponseStream::wake(Signal& waiting) {
  if (!waiting) return;
  waiting->resolve(true);
  waiting.reset();
}

void ResponseStream::begin(std::string content_type) {
  const std::lock_guard lock(mutex_);
  content_type_ = std::move(content_type);
  begun_ = true;
  wake(reader_);
}

/// Waits until the bytes that were written before have had their time.
Task<void> ResponseStream::keep_pace(std::size_t size) {
  const SteadyTime now = std::chrono::steady_clock::now();
  if (written_ <= kUnpaced) {
    slow_since_ = now;
  } else {
    const double due = static_cast<double>(written_ - kUnpaced) / static_cast<double>(kPace);
    const auto until =
        slow_since_ + std::chrono::duration_cast<SteadyTime::duration>(std::chrono::duration<double>(due));
    if (until > now) co_await sleep_for(std::chrono::duration_cast<milliseconds>(until - now));
  }
  written_ += size;
}

Task<bool> ResponseStream::write(std::string piece) {
  if (paced_) co_await keep_pace(piece.size());
  while (true) {
    Deferred<bool> room;
    {
      const std::lock_guard lock(mutex_);
      if (end_) co_return false;
      if (abandoned_) co_return true;
      if (held_ < kHeld) {
        held_ += piece.size();
        pieces_.push_back(std::move(piece));
        wake(reader_);
        co_return true;
      }
      writer_.emplace(room);
    }
    co_await room.wait();
  }
}

void ResponseStream::end(ResponseEnd how) {
  const std::lock_guard lock(mutex_);
  if (end_) return;
  end_ = std::move(how);
  wake(reader_);
  wake(writer_);
}

Task<bool> ResponseStream::begun() {
  while (true) {
    Deferred<bool> change;
    {
      const std::lock_guard lock(mutex_);
      if (begun_ || end_) co_return begun_;
      reader_.emplace(change);
    }
    co_await change.wait();
  }
}

Task<std::string> ResponseStream::read() {
  while (true) {
    Deferred<bool> change;
    {
      const std::lock_guard lock(mutex_);
      if (!pieces_.empty()) {
        std::string piece = std::move(pieces_.front());
        pieces_.pop_front();
        held_ -= piece.size();
        if (held_ < kHeld) wake(writer_);
        co_return piece;
      }
      if (end_) co_return std::string();
      reader_.emplace(change);
    }
    co_await change.wait();
  }
}

void ResponseStream::abandon() {
  const std::lock_guard lock(mutex_);
  abandoned_ = true;
  pieces_.clear();
  held_ = 0;
  wake(writer_);
}

std::string ResponseStream::content_type() const {
  const std::lock_guard lock(mutex_);
  return content_type_;
}

ResponseEnd ResponseStream::how_ended() const {
  const std::lock_guard lock(mutex_);
  return end_.value_or(ResponseEnd());
}

}  // namespace cumulet::compute
