#pragma once

#include <functional>
#include <map>
#include <string_view>

#include "base/task.h"
#include "wire/call.h"
#include "wire/schema.h"

namespace cumulet::wire {

/// A service as the pipeline sees it: its model, and for each operation that is implemented the code that does it. An
/// operation of the model without code answers the protocol's "not implemented" error.
///
///   Service service(dynamodb::model());
///   service.on<dynamodb::PutItem>([&](Call& call, const dynamodb::PutItemInput& input) { return put_item(call, input);
///   });
class Service {
 public:
  /// Runs an operation on decoded input (of the model's input type), filling an output of the model's output type.
  using Operate = std::function<Task<void>(Call&, void* input, void* output)>;

  explicit Service(const ServiceModel& model) : model_(model) {}

  template <typename Operation, typename F>
  void on(F operate) {
    operations_[Operation::model().name] = [operate](Call& call, void* input, void* output) -> Task<void> {
      auto& typed_input = *static_cast<typename Operation::Input*>(input);
      *static_cast<typename Operation::Output*>(output) = co_await operate(call, typed_input);
    };
  }

  const ServiceModel& model() const { return model_; }
  /// Null when the operation is not implemented.
  const Operate* find(std::string_view operation) const {
    const auto found = operations_.find(operation);
    return found == operations_.end() ? nullptr : &found->second;
  }

 private:
  const ServiceModel& model_;
  std::map<std::string_view, Operate> operations_;
};

}  // namespace cumulet::wire
