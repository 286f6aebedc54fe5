#pragma once

#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/row.h"

namespace cumulet::cloudwatch {

/// How values are spread, for percentiles and trimmed statistics; two of them merge into one. Up to kExact different
/// values are kept as they are; more go into buckets whose bounds grow by 2 %, so that a value is known to 1 %. When
/// there are more than kBuckets of these, each two neighbours become one: memory is bounded whatever comes.
class Distribution {
 public:
  static constexpr std::size_t kExact = 64;
  static constexpr std::size_t kBuckets = 1024;

  void add(double value, double count);
  void merge(const Distribution& other);
  bool empty() const { return entries_.empty(); }
  /// Values and how often they came, ascending. Of a bucket its middle.
  std::vector<std::pair<double, double>> points() const;

  void write(storage::RowWriter& row) const;
  static Distribution read(storage::RowReader& row);

 private:
  /// The value itself while exact (level 0), the bucket's number from then on.
  struct Entry {
    Entry() = default;
    Entry(double k, double c) : key(k), count(c) {}
    double key = 0;
    double count = 0;
  };

  void insert(double key, double count);
  void limit();
  void raise(std::size_t level);

  std::size_t level_ = 0;  ///< 0: exact; n: buckets' bounds grow by 1.02^(2^(n-1)).
  std::vector<Entry> entries_;
};

}  // namespace cumulet::cloudwatch
