#pragma once

#include "services/sns/fifo_log.h"
#include "services/sns/parts.h"
#include "wire/generated/sns.h"
#include "wire/service.h"

namespace cumulet::sns {

/// Topics: their attributes, policies and tags.
class TopicOperations {
 public:
  TopicOperations(Parts& parts, FifoLog& fifo) : parts_(parts), fifo_(fifo) {}
  void register_on(wire::Service& service);

 private:
  using Call = wire::Call;
  template <typename Operation>
  using Out = Task<typename Operation::Output>;

  Out<wire::sns::CreateTopic> create(Call& call, const wire::sns::CreateTopicInput& input);
  Out<wire::sns::DeleteTopic> remove(Call& call, const wire::sns::DeleteTopicInput& input);
  Out<wire::sns::ListTopics> list(Call& call, const wire::sns::ListTopicsInput& input);
  Out<wire::sns::GetTopicAttributes> get_attributes(Call& call, const wire::sns::GetTopicAttributesInput& input);
  Out<wire::sns::SetTopicAttributes> set_attribute(Call& call, const wire::sns::SetTopicAttributesInput& input);
  Out<wire::sns::AddPermission> add_permission(Call& call, const wire::sns::AddPermissionInput& input);
  Out<wire::sns::RemovePermission> remove_permission(Call& call, const wire::sns::RemovePermissionInput& input);
  Out<wire::sns::TagResource> tag(Call& call, const wire::sns::TagResourceRequest& input);
  Out<wire::sns::UntagResource> untag(Call& call, const wire::sns::UntagResourceRequest& input);
  Out<wire::sns::ListTagsForResource> list_tags(Call& call, const wire::sns::ListTagsForResourceRequest& input);
  Out<wire::sns::GetDataProtectionPolicy> get_protection(Call& call,
                                                         const wire::sns::GetDataProtectionPolicyInput& input);
  Out<wire::sns::PutDataProtectionPolicy> put_protection(Call& call,
                                                         const wire::sns::PutDataProtectionPolicyInput& input);

  Parts& parts_;
  FifoLog& fifo_;
};

/// What a page's NextToken says, and the token that says it. Fails with InvalidParameter.
Result<std::vector<std::string>> read_token(const std::optional<std::string>& token, std::size_t parts);
std::string make_token(const std::vector<std::string>& parts);

}  // namespace cumulet::sns
