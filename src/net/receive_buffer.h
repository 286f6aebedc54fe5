#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

namespace cumulet::net {

/// Received bytes that nobody has used yet.
class ReceiveBuffer {
 public:
  std::string_view view() const { return std::string_view(bytes_.get() + begin_, end_ - begin_); }
  bool empty() const { return begin_ == end_; }

  void consume(std::size_t count) {
    begin_ += count;
    if (begin_ == end_) begin_ = end_ = 0;
  }

  /// Room for at least `size` more bytes; commit() says how many came.
  char* room(std::size_t size) {
    if (capacity_ - end_ < size) make_room(size);
    return bytes_.get() + end_;
  }
  std::size_t room_size() const { return capacity_ - end_; }
  void commit(std::size_t count) { end_ += count; }

  /// Gives the memory back when it holds nothing.
  void release() {
    if (!empty()) return;
    bytes_.reset();
    capacity_ = 0;
  }

 private:
  static constexpr std::size_t kSmallest = 8 * 1024;

  void make_room(std::size_t size) {
    const std::size_t held = end_ - begin_;
    if (capacity_ >= held + size && begin_ >= held) {
      if (held != 0) std::memcpy(bytes_.get(), bytes_.get() + begin_, held);
    } else {
      const std::size_t capacity = std::max({kSmallest, held + size, 2 * held});
      std::unique_ptr<char[]> grown(new char[capacity]);
      if (held != 0) std::memcpy(grown.get(), bytes_.get() + begin_, held);
      bytes_ = std::move(grown);
      capacity_ = capacity;
    }
    begin_ = 0;
    end_ = held;
  }

  std::unique_ptr<char[]> bytes_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace cumulet::net
