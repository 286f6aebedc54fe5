#pragma once

#include <map>
#include <string>
#include <vector>

#include "services/s3/model.h"
#include "wire/call.h"

namespace cumulet::s3 {

/// The condition keys of a request to S3, lower case: those that every request has, and S3's own, from its headers and
/// query; s3:ExistingObjectTag when the object is given.
/// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
std::map<std::string, std::vector<std::string>> policy_context(const wire::Call& call, const Bucket& bucket,
                                                               const Object* existing);

}  // namespace cumulet::s3
