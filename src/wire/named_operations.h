#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/task.h"
#include "wire/service.h"

namespace cumulet::wire {

/// The operations of all services of this process, for who knows one by its name only, and its input as JSON (members
/// by the model's names). For inputs that are no streams.
class NamedOperations {
 public:
  void add(const Service& service) { services_[std::string(service.model().name())] = &service; }
  bool has(std::string_view service, std::string_view operation) const;
  /// In the name of `call`'s caller, whose service and operation it sets. The input is validated like a request's.
  Task<void> run(std::string service, std::string operation, Call& call, std::string input) const;

 private:
  std::map<std::string, const Service*, std::less<>> services_;
};

}  // namespace cumulet::wire
