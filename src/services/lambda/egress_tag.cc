#include "services/lambda/egress_tag.h"

#include "services/lambda/lambda.h"

namespace cumulet::lambda {
namespace {

constexpr const char* kOpen = "internet";
constexpr const char* kClosed = "none";

Error refused_tag(const std::string& why) {
  return user_error(wire::lambda::errors::kInvalidParameterValueException, why);
}

}  // namespace

bool has_egress(EgressRule rule, const std::map<std::string, std::string>& tags) {
  if (rule == EgressRule::kNever) return false;
  const auto tag = tags.find(kEgressTag);
  if (tag == tags.end()) return rule == EgressRule::kInternet;
  return tag->second == kOpen;
}

Result<void> check_egress_tag(EgressRule rule, const std::map<std::string, std::string>& tags) {
  const auto tag = tags.find(kEgressTag);
  if (tag == tags.end() || tag->second == kClosed) return {};
  const std::string name = kEgressTag;
  if (tag->second != kOpen) return refused_tag("The tag " + name + " must be 'internet' or 'none'.");
  if (rule == EgressRule::kNever) {
    return refused_tag("The tag " + name + " cannot be 'internet': this server gives no function egress.");
  }
  return {};
}

}  // namespace cumulet::lambda
