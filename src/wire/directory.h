#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/task.h"
#include "wire/service.h"

namespace cumulet::wire {

/// All services of this process, by name ("lambda", "dynamodb", …): how one service uses another without including it.
/// CloudFormation creates its resources so. The operation runs with the caller and region of the call it is made for;
/// the input is validated like a request's.
class Directory {
 public:
  void add(std::string name, const Service& service) { services_[std::move(name)] = &service; }

  template <typename Operation>
  Task<typename Operation::Output> call(std::string_view service, const Call& parent,
                                        typename Operation::Input input) const {
    typename Operation::Output output{};
    co_await run(service, Operation::model(), parent, &input, &output);
    co_return output;
  }

 private:
  Task<void> run(std::string_view service, const OperationModel& operation, const Call& parent, void* input,
                 void* output) const;

  std::map<std::string, const Service*, std::less<>> services_;
};

}  // namespace cumulet::wire
