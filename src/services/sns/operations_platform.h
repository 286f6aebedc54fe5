#pragma once

#include "services/sns/push.h"
#include "wire/generated/sns.h"
#include "wire/service.h"

namespace cumulet::sns {

/// Platform applications and endpoints of mobile push.
class PlatformOperations {
 public:
  PlatformOperations(Parts& parts, Push& push) : parts_(parts), push_(push) {}
  void register_on(wire::Service& service);

 private:
  using Call = wire::Call;
  template <typename Operation>
  using Out = Task<typename Operation::Output>;

  Out<wire::sns::CreatePlatformApplication> create(Call& call, const wire::sns::CreatePlatformApplicationInput& input);
  Out<wire::sns::DeletePlatformApplication> remove(Call& call, const wire::sns::DeletePlatformApplicationInput& input);
  Out<wire::sns::ListPlatformApplications> list(Call& call, const wire::sns::ListPlatformApplicationsInput& input);
  Out<wire::sns::GetPlatformApplicationAttributes> get_attributes(
      Call& call, const wire::sns::GetPlatformApplicationAttributesInput& input);
  Out<wire::sns::SetPlatformApplicationAttributes> set_attributes(
      Call& call, const wire::sns::SetPlatformApplicationAttributesInput& input);
  Out<wire::sns::CreatePlatformEndpoint> create_endpoint(Call& call,
                                                         const wire::sns::CreatePlatformEndpointInput& input);
  Out<wire::sns::DeleteEndpoint> delete_endpoint(Call& call, const wire::sns::DeleteEndpointInput& input);
  Out<wire::sns::GetEndpointAttributes> get_endpoint(Call& call, const wire::sns::GetEndpointAttributesInput& input);
  Out<wire::sns::SetEndpointAttributes> set_endpoint(Call& call, const wire::sns::SetEndpointAttributesInput& input);
  Out<wire::sns::ListEndpointsByPlatformApplication> list_endpoints(
      Call& call, const wire::sns::ListEndpointsByPlatformApplicationInput& input);

  Parts& parts_;
  Push& push_;
};

}  // namespace cumulet::sns
