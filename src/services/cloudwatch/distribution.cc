#include "services/cloudwatch/distribution.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

namespace cumulet::cloudwatch {
namespace {

constexpr double kGrowth = 1.02;
/// Added to the numbers of buckets so that those of positive values are positive: the smallest double lies below
/// 1.02^-37700. Zero has bucket 0, negative values mirror the positive ones.
constexpr double kBias = 40'000;
constexpr std::size_t kHighestLevel = 24;

double log_growth(std::size_t level) {
  return std::log(kGrowth) * static_cast<double>(std::uint64_t{1} << (level - 1));
}

double bias(std::size_t level) { return std::ceil(kBias / static_cast<double>(std::uint64_t{1} << (level - 1))) + 1; }

double bucket_of(double value, std::size_t level) {
  if (value == 0) return 0;
  const double number = std::ceil(std::log(std::fabs(value)) / log_growth(level)) + bias(level);
  return value > 0 ? number : -number;
}

double middle_of(double bucket, std::size_t level) {
  if (bucket == 0) return 0;
  const double width = log_growth(level);
  const double exponent = (std::fabs(bucket) - bias(level)) * width;
  const double middle = std::exp(exponent) * 2 / (std::exp(width) + 1);
  return bucket > 0 ? middle : -middle;
}

double wider_bucket(double bucket, std::size_t level) {
  if (bucket == 0) return 0;
  const double number = std::ceil((std::fabs(bucket) - bias(level)) / 2) + bias(level + 1);
  return bucket > 0 ? number : -number;
}

}  // namespace

void Distribution::add(double value, double count) {
  insert(level_ == 0 ? value : bucket_of(value, level_), count);
  limit();
}

void Distribution::insert(double key, double count) {
  const auto at = std::lower_bound(entries_.begin(), entries_.end(), key,
                                   [](const Entry& entry, double wanted) { return entry.key < wanted; });
  if (at != entries_.end() && at->key == key) {
    at->count += count;
  } else {
    entries_.insert(at, Entry(key, count));
  }
}

void Distribution::limit() {
  while (entries_.size() > (level_ == 0 ? kExact : kBuckets) && level_ < kHighestLevel) raise(level_ + 1);
}

void Distribution::raise(std::size_t level) {
  std::vector<Entry> before;
  before.swap(entries_);
  for (const Entry& entry : before) {
    double key = level_ == 0 ? bucket_of(entry.key, 1) : entry.key;
    for (std::size_t at = std::max<std::size_t>(level_, 1); at < level; ++at) key = wider_bucket(key, at);
    insert(key, entry.count);
  }
  level_ = level;
}

void Distribution::merge(const Distribution& other) {
  if (other.level_ > level_) raise(other.level_);
  for (const Entry& entry : other.entries_) {
    double key = entry.key;
    if (other.level_ == 0) {
      if (level_ > 0) key = bucket_of(key, level_);
    } else {
      for (std::size_t at = other.level_; at < level_; ++at) key = wider_bucket(key, at);
    }
    insert(key, entry.count);
    limit();
  }
}

std::vector<std::pair<double, double>> Distribution::points() const {
  std::vector<std::pair<double, double>> result;
  result.reserve(entries_.size());
  for (const Entry& entry : entries_) {
    result.emplace_back(level_ == 0 ? entry.key : middle_of(entry.key, level_), entry.count);
  }
  return result;
}

void Distribution::write(storage::RowWriter& row) const {
  row.number(level_).number(entries_.size());
  for (const Entry& entry : entries_) {
    if (level_ == 0) {
      row.number(std::bit_cast<std::uint64_t>(entry.key));
    } else {
      row.signed_number(static_cast<std::int64_t>(entry.key));
    }
    const bool whole = entry.count == std::floor(entry.count) && entry.count < 1e15;
    row.boolean(whole).number(whole ? static_cast<std::uint64_t>(entry.count)
                                    : std::bit_cast<std::uint64_t>(entry.count));
  }
}

Distribution Distribution::read(storage::RowReader& row) {
  Distribution result;
  result.level_ = std::min<std::size_t>(row.number(), kHighestLevel);
  for (std::size_t left = row.count(); left > 0 && row.ok(); --left) {
    Entry& entry = result.entries_.emplace_back();
    entry.key = result.level_ == 0 ? std::bit_cast<double>(row.number()) : static_cast<double>(row.signed_number());
    const bool whole = row.boolean();
    const std::uint64_t count = row.number();
    entry.count = whole ? static_cast<double>(count) : std::bit_cast<double>(count);
  }
  return result;
}

}  // namespace cumulet::cloudwatch
