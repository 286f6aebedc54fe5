#include "wire/named_operations.h"

#include "wire/json.h"
#include "wire/protocol.h"

namespace cumulet::wire {

bool NamedOperations::has(std::string_view service, std::string_view operation) const {
  const auto found = services_.find(service);
  return found != services_.end() && found->second->find(operation) != nullptr;
}

Task<void> NamedOperations::run(std::string service, std::string operation, Call& call, std::string input) const {
  if (!has(service, operation)) {
    co_await fail(errors::kNotImplemented,
                  "The operation " + operation + " of " + service + " is not implemented by this server.");
  }
  const Service& target = *services_.at(service);
  const OperationModel& model = *target.model().find(operation);
  const Instance typed_input = model.make_input();
  const Instance output = model.make_output();
  Findings findings;
  decode_json(input, *model.input, typed_input.get(), false, findings);
  if (findings.fatal) co_await fail(std::move(*findings.fatal));
  co_await check_input(target.model(), model, typed_input.get());
  call.service = target.model().signing_name;
  call.operation = model.name;
  co_await (*target.find(operation))(call, typed_input.get(), output.get());
}

}  // namespace cumulet::wire
