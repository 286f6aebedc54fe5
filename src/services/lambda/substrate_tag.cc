#include "services/lambda/substrate_tag.h"

#include <algorithm>

#include "services/lambda/lambda.h"

namespace cumulet::lambda {

std::string substrate_of(const std::map<std::string, std::string>& tags) {
  const auto tag = tags.find(kSubstrateTag);
  return tag == tags.end() ? std::string() : tag->second;
}

Result<void> check_substrate_tag(const std::vector<std::string>& offered,
                                 const std::map<std::string, std::string>& tags) {
  const auto tag = tags.find(kSubstrateTag);
  if (tag == tags.end() || std::find(offered.begin(), offered.end(), tag->second) != offered.end()) return {};
  std::string all;
  for (const std::string& name : offered) all += (all.empty() ? "" : ", ") + name;
  return user_error(wire::lambda::errors::kInvalidParameterValueException,
                    std::string("The tag ") + kSubstrateTag + " names no substrate of this server: " + all);
}

}  // namespace cumulet::lambda
