#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "services/s3/select/expression.h"

namespace cumulet::s3::select {

/// An aggregate while it sees one record after the other. What is absent does not count.
class Accumulator {
 public:
  explicit Accumulator(Aggregate aggregate) : aggregate_(aggregate) {}

  /// Gives the code of an error; empty when all is well.
  std::string_view add(const Value& value);
  void add_one() { ++count_; }
  /// What it has come to: NULL when there was nothing to sum or compare. Texts live as long as this.
  Value result() const;

 private:
  std::string_view add_number(const Value& value);
  void add_extreme(const Value& value);
  void keep(const Value& value);

  const Aggregate aggregate_;
  std::int64_t count_ = 0;
  Value total_ = std::int64_t{0};
  std::string text_;
};

}  // namespace cumulet::s3::select
