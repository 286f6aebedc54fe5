#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace load {

/// Latencies in buckets that are exact to 1/64, from 0.1 microseconds up.
class Latencies {
 public:
  void add(std::uint64_t nanos) {
    ++counts_[bucket(nanos / 100)];
    ++total_;
    largest_ = std::max(largest_, nanos);
  }
  double micros(double quantile) const {
    std::uint64_t wanted = static_cast<std::uint64_t>(quantile * static_cast<double>(total_));
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      if (wanted < counts_[i]) return static_cast<double>(value(i)) / 10;
      wanted -= counts_[i];
    }
    return largest();
  }
  double largest() const { return static_cast<double>(largest_) / 1000; }
  std::uint64_t total() const { return total_; }

 private:
  static std::size_t bucket(std::uint64_t tenths) {
    if (tenths < 64) return static_cast<std::size_t>(tenths);
    const int shift = 63 - __builtin_clzll(tenths) - 6;
    return std::min<std::size_t>(64 + static_cast<std::size_t>(shift) * 64 + ((tenths >> shift) - 64), 64 * 32 - 1);
  }
  static std::uint64_t value(std::size_t bucket) {
    if (bucket < 64) return bucket;
    const std::size_t shift = (bucket - 64) / 64;
    return (64 + (bucket - 64) % 64) << shift;
  }

  std::array<std::uint64_t, 64 * 32> counts_{};
  std::uint64_t total_ = 0;
  std::uint64_t largest_ = 0;
};

}  // namespace load
