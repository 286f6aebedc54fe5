#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>

#include "wire/generated/dynamodb.h"

namespace cumulet::dynamodb {

namespace shapes = wire::dynamodb;

/// Read units for that many bytes: one for each 4 KB begun, half when eventually consistent, double in a transaction.
double read_units(std::size_t bytes, bool consistent, bool transactional = false);
/// Write units: one for each KB begun, double in a transaction.
double write_units(std::size_t bytes, bool transactional = false);

/// Whether a request asks (by its ReturnConsumedCapacity) to be told what it took.
inline bool wants_capacity(const std::optional<std::string>& wanted) { return wanted && *wanted != "NONE"; }

/// What one request took of one table and its indexes.
class Capacity {
 public:
  enum class Kind { kRead, kWrite };

  void add_table(double units) { table_ += units; }
  void add_global_index(const std::string& index, double units) { global_[index] += units; }
  void add_local_index(const std::string& index, double units) { local_[index] += units; }
  void add(const Capacity& other);
  double total() const;
  /// What its own throughput gives: also that of local indexes.
  double of_table() const;
  const std::map<std::string, double>& of_global_indexes() const { return global_; }

  /// In the form that ReturnConsumedCapacity asks for; nothing for NONE. `split` also tells reads from writes, as
  /// transactions do.
  std::optional<shapes::ConsumedCapacity> report(const std::optional<std::string>& wanted, const std::string& table,
                                                 Kind kind, bool split = false) const;

 private:
  double table_ = 0;
  std::map<std::string, double> global_;
  std::map<std::string, double> local_;
};

}  // namespace cumulet::dynamodb
