#include "services/dynamodb/capacity.h"

#include <algorithm>

namespace cumulet::dynamodb {
namespace {

double blocks(std::size_t bytes, std::size_t block) {
  return static_cast<double>(std::max<std::size_t>(1, (bytes + block - 1) / block));
}

shapes::Capacity capacity_of(double units, Capacity::Kind kind, bool split) {
  shapes::Capacity capacity;
  capacity.capacity_units = units;
  if (split && kind == Capacity::Kind::kRead) capacity.read_capacity_units = units;
  if (split && kind == Capacity::Kind::kWrite) capacity.write_capacity_units = units;
  return capacity;
}

std::optional<std::map<std::string, shapes::Capacity>> capacities_of(const std::map<std::string, double>& units,
                                                                     Capacity::Kind kind, bool split) {
  if (units.empty()) return std::nullopt;
  std::map<std::string, shapes::Capacity> capacities;
  for (const auto& [index, taken] : units) capacities.emplace(index, capacity_of(taken, kind, split));
  return capacities;
}

}  // namespace

double read_units(std::size_t bytes, bool consistent, bool transactional) {
  constexpr std::size_t kBlock = 4096;
  const double factor = transactional ? 2.0 : consistent ? 1.0 : 0.5;
  return blocks(bytes, kBlock) * factor;
}

double write_units(std::size_t bytes, bool transactional) {
  constexpr std::size_t kBlock = 1024;
  return blocks(bytes, kBlock) * (transactional ? 2.0 : 1.0);
}

void Capacity::add(const Capacity& other) {
  table_ += other.table_;
  for (const auto& [index, units] : other.global_) global_[index] += units;
  for (const auto& [index, units] : other.local_) local_[index] += units;
}

double Capacity::total() const {
  double sum = table_;
  for (const auto& [index, units] : global_) sum += units;
  for (const auto& [index, units] : local_) sum += units;
  return sum;
}

double Capacity::of_table() const {
  double sum = table_;
  for (const auto& [index, units] : local_) sum += units;
  return sum;
}

std::optional<shapes::ConsumedCapacity> Capacity::report(const std::optional<std::string>& wanted,
                                                         const std::string& table, Kind kind, bool split) const {
  if (!wanted || *wanted == "NONE") return std::nullopt;
  shapes::ConsumedCapacity consumed;
  consumed.table_name = table;
  consumed.capacity_units = total();
  if (split && kind == Kind::kRead) consumed.read_capacity_units = total();
  if (split && kind == Kind::kWrite) consumed.write_capacity_units = total();
  if (*wanted == "INDEXES") {
    consumed.table = capacity_of(table_, kind, split);
    consumed.global_secondary_indexes = capacities_of(global_, kind, split);
    consumed.local_secondary_indexes = capacities_of(local_, kind, split);
  }
  return consumed;
}

}  // namespace cumulet::dynamodb
