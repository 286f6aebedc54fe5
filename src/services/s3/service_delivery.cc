#include "services/s3/service_delivery.h"

namespace cumulet::s3 {

access::Decision policy_for_service(const char* principal, const Bucket& source, const Bucket& target,
                                    const std::string& key) {
  if (target.policy.empty()) return access::Decision::kNone;
  const Result<access::Policy> policy = access::parse_policy(target.policy, access::PolicyKind::kResource);
  if (!policy.ok()) return access::Decision::kDeny;
  access::Question question;
  question.service_principal = principal;
  question.action = "s3:PutObject";
  question.resource = target.arn() + "/" + key;
  question.context["aws:sourcearn"] = {source.arn()};
  question.context["aws:sourceaccount"] = {source.account};
  question.context["aws:securetransport"] = {"true"};
  question.context["aws:principalisawsservice"] = {"true"};
  question.context["aws:principalservicename"] = {principal};
  question.context["s3:resourceaccount"] = {target.account};
  question.context["aws:resourceaccount"] = {target.account};
  question.context["s3:x-amz-acl"] = {"bucket-owner-full-control"};
  return access::evaluate(*policy, question);
}

}  // namespace cumulet::s3
