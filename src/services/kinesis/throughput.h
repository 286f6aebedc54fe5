#pragma once

#include <algorithm>

#include "base/clock.h"

namespace cumulet::kinesis {

/// What may pass in a second, and at most at once. It may be overdrawn by the last that passes, so that something
/// larger than it can pass at all; then nothing passes until that is made up for.
class Allowance {
 public:
  explicit Allowance(double per_second) : per_second_(per_second), left_(per_second) {}

  bool has(double amount, Timestamp now) {
    refill(now);
    return left_ >= std::min(amount, per_second_);
  }
  void take(double amount) { left_ -= amount; }

 private:
  void refill(Timestamp now) {
    const double elapsed = std::chrono::duration<double>(now - since_).count();
    since_ = now;
    // The clock may have been moved.
    if (elapsed > 0) left_ = std::min(per_second_, left_ + elapsed * per_second_);
  }

  double per_second_;
  double left_;
  Timestamp since_{};
};

/// A shard's documented limits, times a factor; 0 means none.
/// https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html
struct Throughput {
  explicit Throughput(double factor)
      : write_records(1000 * factor), write_bytes(1048576 * factor), reads(5 * factor), read_bytes(2097152 * factor) {}
  Allowance write_records;
  Allowance write_bytes;
  Allowance reads;
  Allowance read_bytes;
};

}  // namespace cumulet::kinesis
