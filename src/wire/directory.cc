#include "wire/directory.h"

#include "wire/protocol.h"

namespace cumulet::wire {

Task<void> Directory::run(std::string_view service, const OperationModel& operation, const Call& parent, void* input,
                          void* output) const {
  const auto found = services_.find(service);
  const Service::Operate* operate = found == services_.end() ? nullptr : found->second->find(operation.name);
  if (operate == nullptr) {
    co_await fail(errors::kNotImplemented, "The operation " + std::string(operation.name) + " of " +
                                               std::string(service) + " is not implemented by this server.");
  }
  const ServiceModel& model = found->second->model();
  co_await check_input(model, operation, input);
  Call call(parent.http);
  call.request_id = parent.request_id;
  call.service = model.signing_name;
  call.operation = operation.name;
  call.region = parent.region;
  call.caller = parent.caller;
  call.time = parent.time;
  call.endpoint = parent.endpoint;
  co_await (*operate)(call, input, output);
}

}  // namespace cumulet::wire
